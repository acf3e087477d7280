"""A video that comes when nobody waits for it any more is not charged or shown, and its cost is not forgotten."""

import json
import logging

import pytest
from django.test import Client

from generations import orphans, receipts
from generations.models import Attempt, Generation, NegativeMargin
from tests.generations.steps import Line, lose_tasks, run_all

HOUR = 3600


def given_up(line: Line) -> Generation:
    """It ran for an hour, and the provider cannot even be told to stop."""
    generation = line.running()
    line.upstream.down = True
    line.sweep(HOUR + 10)
    line.upstream.down = False
    line.free(generation, "failed", "provider_timeout")
    return generation


def is_kept(line: Line, generation: Generation, cost_microusd: int) -> None:
    """Free, without a video, and with what the orphan cost us."""
    line.free(generation, "failed", "provider_timeout")
    generation = line.now(generation)
    assert (generation.video_file, generation.upstream_cost_microusd) == ("", cost_microusd)
    attempt = Attempt.objects.get()
    assert (attempt.state, attempt.cost_microusd) == ("orphan", cost_microusd)
    assert attempt.output_url == line.upstream.job.output
    row = NegativeMargin.objects.get()
    assert (row.upstream_cost_microusd, row.charged_microusd) == (cost_microusd, 0)
    assert line.upstream.fetches == []


def test_a_success_after_the_end_is_kept_once_with_what_it_cost(
    line: Line, caplog: pytest.LogCaptureFixture
) -> None:
    generation = given_up(line)
    line.upstream.finish(line.upstream.job, cost=0.4516)

    line.webhook()
    line.webhook(json.dumps({"exec_id": "job-1", "again": True}).encode())
    run_all()

    is_kept(line, generation, 451_600)
    said = [one.getMessage() for one in caplog.records if one.levelno == logging.ERROR]
    assert len([one for one in said if one.startswith("generation.orphan ")]) == 1
    (attempt,) = receipts.receipt(line.now(generation))["attempts"]
    assert attempt["outcome"] == "finished too late; not charged"


def test_two_workers_that_find_it_count_its_cost_once(line: Line) -> None:
    generation = given_up(line)
    line.upstream.finish(line.upstream.job, cost=0.4516)
    one, other = Attempt.objects.get(), Attempt.objects.get()

    orphans.keep(one, "job-1")
    orphans.keep(other, "job-1")

    is_kept(line, generation, 451_600)


def test_a_job_that_was_finished_when_it_was_to_be_stopped_is_an_orphan(line: Line) -> None:
    generation = line.running()
    line.clock.shift(HOUR + 10)
    line.upstream.finish(line.upstream.job, cost=0.4516)
    lose_tasks()

    line.sweep()  # finds it out of time before it is polled

    is_kept(line, generation, 451_600)


def test_what_an_orphan_cost_is_by_the_rule_when_the_provider_does_not_say(line: Line) -> None:
    generation = given_up(line)
    line.upstream.finish(line.upstream.job)
    line.upstream.job.cost = None  # type: ignore[assignment]

    line.webhook()
    run_all()

    is_kept(line, generation, 451_600)


def test_what_fails_after_the_end_is_no_orphan(line: Line) -> None:
    generation = given_up(line)
    line.upstream.fail(line.upstream.job, "PROVIDER_FAILED")

    line.webhook()
    run_all()

    line.free(generation, "failed", "provider_timeout")
    assert Attempt.objects.get().state == "failed"
    assert not NegativeMargin.objects.exists()


def test_a_job_that_was_taken_for_never_started_is_paid_beside_the_one_that_is_shown(
    line: Line,
) -> None:
    """The provider hid the first job for two minutes, and so made two videos of one."""
    generation = line.unknown()
    first = line.upstream.jobs.pop("job-1")
    line.sweep(125)
    line.sweep(5)
    line.held(generation, "running")
    line.upstream.jobs["job-1"] = first
    line.upstream.finish(first, cost=0.3)

    line.webhook(line.upstream.webhook(first))
    Client().post(
        line.upstream.webhook_path(first),
        line.upstream.webhook(first),
        content_type="application/json",
    )
    run_all()
    line.held(generation, "running")
    line.upstream.finish(line.upstream.jobs["job-2"], cost=0.4)
    line.sweep(10)

    line.charged(generation, 451_600)
    assert line.now(generation).upstream_cost_microusd == 700_000
    assert NegativeMargin.objects.get().upstream_cost_microusd == 700_000
    kept = Attempt.objects.order_by("number").values_list("state", "job_id", "cost_microusd")
    assert list(kept) == [("orphan", "job-1", 300_000), ("succeeded", "job-2", 400_000)]

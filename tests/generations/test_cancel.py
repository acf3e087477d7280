"""A cancel is a request: granted at once, passed on, or too late, and never charged when granted."""

from typing import TYPE_CHECKING, Any

import httpx
import pytest

from generations import settling, stored_files
from generations.models import Attempt, Generation, StoredFile
from tests.generations.steps import Line, lose_tasks, refused, run_all, run_next, waiting
from tests.upstream import JPEG, Job

if TYPE_CHECKING:
    from tests.world import Answer


def cancel(line: Line, generation: Generation) -> "Answer":
    return line.api.post(f"/generations/{generation.id}/cancel")


def canceled(line: Line, generation: Generation) -> None:
    response = cancel(line, generation)
    assert (response.status_code, response.json()["status"]) == (200, "canceled")
    assert response.json()["price"]["held_usd"] == "0.0000"
    line.free(generation, "canceled")


def wished(line: Line, generation: Generation) -> None:
    """The wish is noted, and the generation goes on for now."""
    response = cancel(line, generation)
    assert (response.status_code, response.json()["cancel_requested"]) == (200, True)
    assert response.json()["status"] == "queued"


def test_in_the_queue_it_is_canceled_at_once(line: Line) -> None:
    generation = line.create()

    canceled(line, generation)

    run_all()
    line.free(generation, "canceled")
    assert line.upstream.creates == 0


def test_while_files_are_fetched_it_is_canceled_at_once(line: Line) -> None:
    generation = line.prepare()

    canceled(line, generation)

    run_all()
    line.free(generation, "canceled")
    assert line.upstream.fetches == []


def test_a_file_that_arrives_after_the_cancel_changes_nothing(
    line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    generation = line.prepare()
    keep = stored_files.keep_input

    def meanwhile(*args: Any, **how: Any) -> StoredFile:
        cancel(line, generation)
        return keep(*args, **how)

    monkeypatch.setattr(stored_files, "keep_input", meanwhile)
    line.upstream.files["https://acme.example/kite.jpg"] = JPEG
    run_all()

    line.free(generation, "canceled")
    assert line.upstream.creates == 0


def test_before_it_was_sent_the_wish_is_honoured_without_sending(line: Line) -> None:
    generation = line.submitting()

    wished(line, generation)
    run_all()

    line.free(generation, "canceled")
    assert line.upstream.creates == 0
    assert Attempt.objects.get().state == "not_started"


def test_while_it_is_sent_the_wish_is_passed_on_later(line: Line) -> None:
    def meanwhile(job: Job) -> None:
        wished(line, Generation.objects.get())

    line.upstream.on_submit = meanwhile
    generation = line.running()
    line.held(generation, "running")

    line.sweep(5)
    assert line.upstream.cancels == 1
    line.sweep(30)

    line.free(generation, "canceled")
    assert line.upstream.job.status == "cancelled"


def test_a_wish_beside_an_unavailable_provider_is_honoured(line: Line) -> None:
    def meanwhile(job: Job) -> httpx.Response:
        wished(line, Generation.objects.get())
        return httpx.Response(429)

    line.upstream.on_submit = meanwhile

    line.free(line.running(), "canceled")


def test_unknown_and_found_the_wish_is_passed_on(line: Line) -> None:
    generation = line.unknown()

    wished(line, generation)
    line.sweep(2)
    line.held(generation, "running")
    line.sweep(30)
    line.sweep(30)

    line.free(generation, "canceled")
    assert line.upstream.job.status == "cancelled"


def test_unknown_and_never_started_it_is_canceled(line: Line) -> None:
    generation = line.unknown(arrived=False)

    wished(line, generation)
    line.sweep(130)

    line.free(generation, "canceled")
    assert line.upstream.creates == 1


def test_running_the_provider_confirms(line: Line) -> None:
    generation = line.running()

    canceled(line, generation)

    assert line.upstream.job.status == "cancelled"
    assert Attempt.objects.get().state == "canceled"


def test_running_the_provider_refuses(line: Line) -> None:
    generation = line.running()
    line.upstream.cancelable = False

    refused(cancel(line, generation), 409, "too_late_to_cancel", None)

    generation = line.held(generation, "running")
    assert generation.cancel_requested_at is None
    line.upstream.finish(line.upstream.job)
    line.sweep(30)
    line.charged(generation, 451_600)


def test_running_the_provider_is_not_reached_and_the_wish_stands(line: Line) -> None:
    generation = line.running()
    line.upstream.down = True

    error = refused(cancel(line, generation), 503, "provider_unavailable", None)

    assert error["retryable"] is True
    assert line.held(generation, "running").cancel_requested_at is not None
    line.upstream.down = False
    line.sweep(30)
    line.sweep(30)
    line.free(generation, "canceled")


def test_running_the_provider_does_not_know_the_job_and_the_wish_stands(line: Line) -> None:
    generation = line.running()
    line.upstream.jobs.clear()

    answer = cancel(line, generation)

    assert (answer.status_code, answer.json()["status"]) == (200, "running")
    assert line.held(generation, "running").cancel_requested_at is not None
    line.sweep(30)
    line.sweep(40)
    line.free(generation, "canceled")


def test_a_success_that_comes_first_is_delivered_and_charged(line: Line) -> None:
    generation = line.running()
    line.upstream.finish(line.upstream.job)  # and we do not know it yet

    refused(cancel(line, generation), 409, "too_late_to_cancel", None)

    assert waiting() == ["collect"]
    run_all()
    line.charged(generation, 451_600)


def test_a_success_beside_a_standing_wish_is_delivered_and_charged(line: Line) -> None:
    generation = line.running()
    line.upstream.down = True
    cancel(line, generation)
    line.upstream.down = False
    line.upstream.finish(line.upstream.job)

    line.sweep(30)

    line.charged(generation, 451_600)


def test_a_failure_beside_a_wish_is_a_cancel(line: Line) -> None:
    generation = line.running()
    line.upstream.cancelable = False
    line.upstream.fail(line.upstream.job, "PROVIDER_FAILED")

    canceled(line, generation)

    line.sweep(60)
    assert line.upstream.creates == 1


def test_while_the_video_is_collected_it_is_too_late(line: Line) -> None:
    generation = line.collecting()

    refused(cancel(line, generation), 409, "too_late_to_cancel", None)

    assert line.upstream.cancels == 0
    assert run_next() == "collect"
    line.charged(generation, 451_600)


@pytest.mark.parametrize("end", ["succeeded", "failed", "canceled"])
def test_what_has_ended_stays_as_it_is(line: Line, end: str) -> None:
    generation = line.running()
    if end == "succeeded":
        line.upstream.finish(line.upstream.job)
        line.sweep(30)
    elif end == "failed":
        line.upstream.fail(line.upstream.job, "PROVIDER_REJECTED")
        line.sweep(30)
    else:
        cancel(line, generation)
    before = line.api.get(f"/generations/{generation.id}").json()
    cancels = line.upstream.cancels

    first, second = cancel(line, generation), cancel(line, generation)

    assert (first.status_code, second.status_code) == (200, 200)
    assert first.json() == second.json() == before
    assert before["status"] == end
    assert line.upstream.cancels == cancels
    assert waiting() == []


def test_a_cancel_that_meets_the_dispatch_is_a_wish(
    line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between its look and its write the generation was dispatched."""
    generation = line.create()
    settle = settling.settle_canceled

    def overtaken(row: Generation) -> bool:
        monkeypatch.setattr("generations.lifecycle.settle_canceled", settle)
        assert run_next() == "dispatch_queued"
        return settle(row)

    monkeypatch.setattr("generations.lifecycle.settle_canceled", overtaken)

    wished(line, generation)

    lose_tasks()
    line.sweep(20)
    line.free(generation, "canceled")
    assert line.upstream.creates == 0


def test_a_second_wish_keeps_the_time_of_the_first(line: Line) -> None:
    generation = line.submitting()
    wished(line, generation)
    at: Any = line.now(generation).cancel_requested_at

    line.clock.shift(5)
    wished(line, generation)

    assert line.now(generation).cancel_requested_at == at

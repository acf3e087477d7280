"""What cost us more than it brought is kept for the operator, said once, and hidden from the tenant."""

import json
import logging
from typing import Any

import pytest
import time_machine

from accounts.models import Event
from generations.models import Generation, NegativeMargin
from tests.generations.steps import HELD, Line, run_all
from tests.prices import flat, publish

pytestmark = pytest.mark.django_db(transaction=True)


def errors(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [
        record.getMessage()
        for record in caplog.records
        if record.levelno == logging.ERROR and "margin" in record.getMessage()
    ]


def succeed(line: Line, *, cost: float | None, seconds: int = 4) -> Generation:
    generation = line.running()
    line.upstream.finish(line.upstream.job, seconds=seconds)
    line.upstream.job.cost = cost  # type: ignore[assignment]
    line.reconcile()
    run_all()
    return line.now(generation)


def test_a_cost_below_the_charge_is_kept_and_nothing_is_said(
    line: Line, caplog: pytest.LogCaptureFixture
) -> None:
    generation = succeed(line, cost=0.4516)

    assert (generation.upstream_cost_microusd, generation.charged_microusd) == (HELD, HELD)
    assert not NegativeMargin.objects.exists()
    assert errors(caplog) == []


def test_a_cost_above_the_charge_is_a_row_and_one_line(
    line: Line, caplog: pytest.LogCaptureFixture
) -> None:
    generation = succeed(line, cost=0.451601)
    line.reconcile()
    line.sweep(60)

    row = NegativeMargin.objects.get()
    assert (row.generation, row.upstream_cost_microusd, row.charged_microusd) == (
        generation,
        451_601,
        451_600,
    )
    assert errors(caplog) == [
        f"margin.negative generation={generation.id} organization={generation.organization_id}"
        " cost_microusd=451601 charged_microusd=451600"
    ]
    line.charged(generation, HELD)


def test_a_cost_that_is_not_said_is_the_rules_for_the_seconds_made(line: Line) -> None:
    generation = succeed(line, cost=None, seconds=6)

    assert generation.charged_microusd == HELD  # of 4 s, as held
    assert generation.upstream_cost_microusd == 6 * 112_900
    assert NegativeMargin.objects.get().generation == generation


def test_a_rate_under_cost_is_seen_at_the_first_generation(
    line: Line, clock: time_machine.Traveller
) -> None:
    publish(flat("2026-12", 100_000, cost=112_900), clock)

    generation = succeed(line, cost=None)

    row = NegativeMargin.objects.get()
    assert row.generation == generation
    assert (row.upstream_cost_microusd, row.charged_microusd) == (451_600, 400_000)


def test_what_a_failure_costs_us_is_our_loss(line: Line, caplog: pytest.LogCaptureFixture) -> None:
    generation = line.running()
    line.upstream.fail(line.upstream.job, "PROVIDER_REJECTED")
    line.upstream.job.cost = 0.1
    line.reconcile()

    line.free(generation, "failed", "content_refused")
    row = NegativeMargin.objects.get()
    assert (row.upstream_cost_microusd, row.charged_microusd) == (100_000, 0)
    assert len(errors(caplog)) == 1


def test_what_a_canceled_job_costs_us_is_our_loss(line: Line) -> None:
    generation = line.running()
    line.upstream.job.cost = 0.05

    line.api.post(f"/generations/{generation.id}/cancel")

    line.free(generation, "canceled")
    assert line.now(generation).upstream_cost_microusd == 50_000
    assert NegativeMargin.objects.get().upstream_cost_microusd == 50_000


def test_every_attempt_that_cost_something_counts(line: Line) -> None:
    generation = line.running()
    line.upstream.fail(line.upstream.job, "EXECUTION_ERROR")
    line.upstream.job.cost = 0.25
    line.reconcile()
    line.sweep(10)
    line.upstream.finish(line.upstream.job, cost=0.4)
    line.reconcile()
    run_all()

    generation = line.now(generation)
    assert generation.attempts.count() == 2
    assert generation.upstream_cost_microusd == 650_000
    assert NegativeMargin.objects.get().upstream_cost_microusd == 650_000


def test_what_never_ran_cost_nothing(line: Line) -> None:
    generation = line.create()

    line.api.post(f"/generations/{generation.id}/cancel")

    assert line.now(generation).upstream_cost_microusd == 0
    assert not NegativeMargin.objects.exists()


def test_a_tenant_sees_no_cost_of_ours(line: Line) -> None:
    generation = succeed(line, cost=0.987654)

    seen: list[Any] = [
        line.api.get(path).json()
        for path in (
            f"/generations/{generation.id}",
            f"/generations/{generation.id}/receipt",
            "/generations",
            "/models",
            "/transfers",
        )
    ]
    seen += Event.objects.values_list("data", flat=True)

    text = json.dumps(seen)
    assert "0.987654" not in text
    assert "987654" not in text
    assert "cost" not in text.replace("max_cost_usd", "")

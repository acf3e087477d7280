"""The product's troubles: a provider that fails or refuses, what does not move, what is sold below its cost."""

from collections.abc import Callable
from datetime import timedelta

import httpx
import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import ApiKey, Organization
from generations import sweeps, troubles
from generations.models import Attempt, Generation, NegativeMargin
from generations.states import AttemptState, State
from tests.upstream import Upstream


@pytest.fixture
def attempts(
    acme: Organization, queued: Callable[[Organization], Generation]
) -> Callable[..., None]:
    generation = queued(acme)

    def make(count: int, state: AttemptState, **fields: object) -> None:
        first = generation.attempts.count() + 1
        for number in range(first, first + count):
            Attempt.objects.create(
                generation=generation, number=number, state=state, finished_at=timezone.now(),
                webhook_secret=f"secret{number}", **{"provider": "eachlabs", **fields},
            )  # fmt: skip

    return make


def names() -> list[str]:
    return [trouble.name for trouble in troubles.found()]


def test_when_all_is_well_nothing_is_said(acme: Organization) -> None:
    assert troubles.found() == []


def test_a_drained_balance_at_the_provider_is_told_in_words(
    acme: Organization,
    queued: Callable[[Organization], Generation],
    upstream: Upstream,
    staff: Client,
    run_queue: Callable[[], int],
) -> None:
    upstream.on_submit = lambda job: httpx.Response(402)
    generation = queued(acme)
    for _ in range(5):
        Generation.objects.update(due_at=timezone.now())
        sweeps.look_now(generation)
        run_queue()

    (told,) = troubles.found()

    assert (told.name, told.count) == ("provider:eachlabs", 5)
    assert told.words.endswith("did not start: status 402: our balance there is spent.")
    assert "status 402: our balance there is spent" in staff.get("/operator").content.decode()


@pytest.mark.parametrize(
    ("_case", "bad", "good", "expected"),
    [
        ("fewer may be chance", 4, 0, []),
        ("more came out than failed", 5, 5, []),
        ("trouble", 5, 4, ["provider:eachlabs"]),
    ],
)
def test_a_provider_is_in_trouble(
    attempts: Callable[..., None], _case: str, bad: int, good: int, expected: list[str]
) -> None:
    attempts(bad, AttemptState.FAILED, error_code="provider_failed")
    attempts(good, AttemptState.SUCCEEDED)

    assert names() == expected


def test_what_customers_ask_wrongly_and_what_sandboxes_provoke_is_no_trouble(
    attempts: Callable[..., None],
) -> None:
    attempts(9, AttemptState.FAILED, error_code="content_refused")
    attempts(9, AttemptState.FAILED, error_code="provider_failed", provider="simulator")

    assert names() == []


def test_a_provider_that_refuses_everything_is_one(attempts: Callable[..., None]) -> None:
    attempts(10, AttemptState.REFUSED, error_code="invalid_input")
    (told,) = troubles.found()
    assert "refuses everything: 10 in the last hour" in told.words

    attempts(1, AttemptState.SUCCEEDED)

    assert names() == []


def test_what_waits_for_a_slot_does_not_move_and_what_waits_for_its_own_share_does(
    acme: Organization, queued: Callable[[Organization], Generation]
) -> None:
    generation = queued(acme)
    Generation.objects.update(state_since=timezone.now() - timedelta(minutes=11))
    assert names() == ["not-moving"]

    key = ApiKey.objects.create(
        organization=acme, name="k", prefix="sd_live_1", secret_sha256="0" * 64, concurrent_max=1
    )
    running = queued(acme)
    running.move(State.SUBMITTING)
    Attempt.objects.create(generation=running, number=1, provider="eachlabs")
    Generation.objects.update(api_key=key)

    assert generation.state == State.QUEUED
    assert names() == []


def test_what_no_fetcher_takes_does_not_move_and_what_waits_behind_its_own_does(
    acme: Organization, rival: Organization, queued: Callable[[Organization], Generation]
) -> None:
    waits, theirs = queued(acme), queued(rival)
    three_minutes_ago = timezone.now() - timedelta(minutes=3)
    Generation.objects.filter(pk=waits.pk).update(state=State.PREPARING, due_at=three_minutes_ago)
    taken = Generation.objects.filter(pk=theirs.pk)
    taken.update(state=State.PREPARING, due_at=timezone.now() + timedelta(minutes=1))
    assert names() == ["not-moving"]

    taken.update(organization=acme)

    assert names() == []


@pytest.mark.parametrize(("minutes", "expected"), [(9, []), (11, ["not-moving"])])
def test_a_lost_job_is_one_when_it_is_searched_for_long(
    acme: Organization,
    queued: Callable[[Organization], Generation],
    minutes: int,
    expected: list[str],
) -> None:
    queued(acme)
    now = timezone.now()
    Generation.objects.update(
        state=State.UNKNOWN, due_at=now, state_since=now - timedelta(minutes=minutes)
    )

    assert names() == expected


def test_what_runs_long_at_the_provider_is_in_the_console_and_wakes_nobody(
    acme: Organization, running: Callable[[Organization], Generation], staff: Client
) -> None:
    generation = running(acme)
    assert staff.get("/operator").context["stuck"] == []

    Generation.objects.update(state_since=timezone.now() - timedelta(minutes=21))

    assert staff.get("/operator").context["stuck"] == [generation]
    assert names() == []


@pytest.mark.parametrize(("charged", "expected"), [(451_600, []), (451_599, ["below-cost"])])
def test_ten_dollars_lost_in_a_day_are_one_and_the_console_lists_what_lost_them(
    acme: Organization,
    queued: Callable[[Organization], Generation],
    staff: Client,
    charged: int,
    expected: list[str],
) -> None:
    generation = queued(acme)
    NegativeMargin.objects.create(
        generation=generation, upstream_cost_microusd=10_451_599, charged_microusd=charged
    )

    assert names() == expected

    page = staff.get("/operator/records/generations/negativemargin/").content.decode()
    assert f"/operator/generations/{generation.pk}" in page

"""The provider's slots are never exceeded, and shared fairly."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Event, current_thread
from typing import Any

import pytest
from django.db import connection

from accounts.models import Organization
from billing.models import Hold
from generations import tasks
from generations.models import Attempt, Generation
from generations.providers import registry
from tests.generations.steps import BODY, Line, lose_tasks, waiting
from tests.world import Api, deposit


@pytest.fixture
def slots(settings: Any) -> int:
    settings.EACHLABS_CONCURRENCY = 3
    return 3


def sent_of(organization: Organization) -> int:
    return Attempt.objects.filter(generation__organization=organization).count()


def test_no_more_than_the_slots_are_filled(line: Line, slots: int) -> None:
    generations = [line.create() for _ in range(5)]

    for _ in range(3):
        tasks.dispatch_queued()

    assert Attempt.objects.count() == 3
    states = [line.now(generation).state for generation in generations]
    assert states == ["submitting"] * 3 + ["queued"] * 2  # the oldest first


def test_an_end_gives_its_slot_to_the_next(line: Line, slots: int) -> None:
    for _ in range(4):
        line.create()
    line.sweep()
    assert Attempt.objects.count() == 3
    job = line.upstream.jobs["job-1"]

    line.upstream.fail(job, "PROVIDER_REJECTED")
    line.sweep(10)
    line.sweep()

    assert Attempt.objects.count() == 4
    assert Generation.objects.filter(state="running").count() == 3


def test_an_unknown_outcome_keeps_its_slot(line: Line, slots: int) -> None:
    for _ in range(3):
        line.unknown(arrived=False)
    line.create()

    line.sweep(30)

    assert Attempt.objects.count() == 3


@pytest.mark.django_db(transaction=True)
def test_dispatchers_beside_each_other_never_exceed_the_slots(
    line: Line, slots: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The one has counted the free slots and not filled them yet when the other one comes."""
    for _ in range(8):
        line.create()
    counted, go_on = Event(), Event()
    this, count = current_thread(), registry.slots

    def slowly(name: str) -> int:
        if current_thread() is not this:
            counted.set()
            assert go_on.wait(10)
        return count(name)

    def work() -> None:
        try:
            tasks.dispatch_queued()
        finally:
            connection.close()

    monkeypatch.setattr(registry, "slots", slowly)
    with ThreadPoolExecutor(1) as pool:
        other = pool.submit(work)
        assert counted.wait(10)
        tasks.dispatch_queued()
        go_on.set()
        other.result()

    assert Attempt.objects.count() == 3
    assert Generation.objects.filter(state="submitting").count() == 3


def test_a_long_queue_does_not_hold_up_anothers_first(
    line: Line, rival: Organization, api_for: Callable[[Organization], Api], slots: int
) -> None:
    for _ in range(12):
        line.api.post("/generations", {**BODY, "num_generations": 4})
    theirs = api_for(rival).post("/generations", BODY).json()["id"]

    tasks.dispatch_queued()

    assert Generation.objects.get(pk=theirs).state == "submitting"
    assert (sent_of(line.organization), sent_of(rival)) == (2, 1)


def test_what_runs_already_counts_against_its_organization(
    line: Line, rival: Organization, api_for: Callable[[Organization], Api], settings: Any
) -> None:
    settings.EACHLABS_CONCURRENCY = 2
    for _ in range(6):
        line.create()
    tasks.dispatch_queued()
    for _ in range(3):
        api_for(rival).post("/generations", BODY)
    settings.EACHLABS_CONCURRENCY = 5

    tasks.dispatch_queued()

    # Two each, and of the two who would have a third the one who asked first.
    assert (sent_of(line.organization), sent_of(rival)) == (3, 2)


def test_several_organizations_take_turns(
    line: Line,
    make_organization: Callable[..., Organization],
    api_for: Callable[[Organization], Api],
    settings: Any,
) -> None:
    settings.EACHLABS_CONCURRENCY = 7
    organizations = [line.organization, make_organization("B"), make_organization("C")]
    for organization in organizations:
        for _ in range(4):
            api_for(organization).post("/generations", BODY)

    tasks.dispatch_queued()

    assert [sent_of(organization) for organization in organizations] == [3, 2, 2]


def test_what_pauses_is_passed_over_until_it_is_due(line: Line) -> None:
    line.upstream.down = True
    generation = line.running()
    lose_tasks()
    line.upstream.down = False

    tasks.dispatch_queued()
    assert waiting() == []
    line.clock.shift(2.1)
    tasks.dispatch_queued()

    assert waiting() == ["submit"]
    line.held(generation, "submitting")


def test_what_is_canceled_is_not_dispatched(line: Line) -> None:
    ended, wished = line.create(), line.create()
    line.api.post(f"/generations/{ended.id}/cancel")
    Generation.objects.filter(pk=wished.pk).update(cancel_requested_at="2026-01-01T00:00:00Z")
    lose_tasks()

    tasks.dispatch_queued()

    assert not Attempt.objects.exists()
    assert waiting() == []


def test_what_is_prepared_still_is_not_dispatched(line: Line) -> None:
    line.prepare()
    lose_tasks()

    tasks.dispatch_queued()

    assert not Attempt.objects.exists()
    assert Hold.objects.filter(resolved_at=None).count() == 1


def test_nothing_is_dispatched_when_the_slots_are_fewer_than_what_runs(
    line: Line, settings: Any
) -> None:
    deposit(line.organization, "5.00")
    for _ in range(3):
        line.create()
    line.sweep()
    settings.EACHLABS_CONCURRENCY = 1
    line.create()

    tasks.dispatch_queued()

    assert Attempt.objects.count() == 3

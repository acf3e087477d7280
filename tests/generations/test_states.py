"""The drawing of the state machine, and that nobody moves but along it, once."""

import itertools
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from django.db import IntegrityError, connection, transaction

from generations.models import Generation, Move
from generations.states import FINAL, PUBLIC, TRANSITIONS, State, public
from tests.generations.steps import Line


def test_every_state_is_drawn_and_has_a_public_word() -> None:
    assert set(TRANSITIONS) == set(State)
    assert sorted(itertools.chain(*PUBLIC.values())) == sorted(State)
    assert {state: public(state) for state in State} == {
        "preparing": "queued",
        "queued": "queued",
        "submitting": "queued",
        "unknown": "queued",
        "running": "running",
        "collecting": "running",
        "succeeded": "succeeded",
        "failed": "failed",
        "canceled": "canceled",
    }


def test_an_end_has_no_way_out_and_everything_else_can_end() -> None:
    assert {state for state, ways in TRANSITIONS.items() if not ways} == FINAL
    assert {state for state, ways in TRANSITIONS.items() if State.FAILED in ways} == (
        set(State) - FINAL
    )
    assert [state for state, ways in TRANSITIONS.items() if State.SUCCEEDED in ways] == [
        State.COLLECTING
    ]


UNDRAWN = [(a, b) for a, b in itertools.product(State, State) if b not in TRANSITIONS[a]]


@pytest.mark.parametrize(("before", "after"), UNDRAWN)
def test_an_arrow_that_is_not_drawn_is_a_bug(before: State, after: State) -> None:
    with pytest.raises(AssertionError):
        Generation(state=before).move(after)


def test_a_move_writes_its_fields_and_its_step(line: Line) -> None:
    generation = line.create()

    assert generation.move(State.SUBMITTING, polls_count=7, note="why")

    stored = line.now(generation)
    assert (stored.state, stored.polls_count, generation.polls_count) == ("submitting", 7, 7)
    assert stored.state_since == generation.state_since == stored.due_at
    step = Move.objects.get()
    assert (step.from_state, step.to_state, step.note) == ("queued", "submitting", "why")


def test_of_two_who_read_the_same_one_moves(line: Line) -> None:
    generation = line.create()
    other = line.now(generation)

    assert generation.move(State.SUBMITTING)
    assert not other.move(State.CANCELED, charged_microusd=0)

    assert other.state == "queued"
    assert Move.objects.count() == 1
    line.held(generation, "submitting")


@pytest.mark.django_db(transaction=True)
def test_of_many_at_the_same_moment_one_moves(line: Line) -> None:
    generation = line.create()
    start = Barrier(8)

    def work() -> bool:
        mine = line.now(generation)
        start.wait()
        try:
            return mine.move(State.SUBMITTING)
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        moved = [done.result() for done in [pool.submit(work) for _ in range(8)]]

    assert sorted(moved) == [False] * 7 + [True]
    assert Move.objects.count() == 1


@pytest.mark.parametrize(
    "fields",
    [
        {"state": "resting"},
        {"state": "failed", "charged_microusd": None},
        {"state": "failed", "charged_microusd": 0},  # without the time of its end
        {"state": "failed", "charged_microusd": 1, "finished_at": "2026-01-01T00:00:00Z"},
    ],
)
def test_the_database_refuses_what_cannot_be(line: Line, fields: dict[str, object]) -> None:
    generation = line.create()

    with pytest.raises(IntegrityError), transaction.atomic():
        Generation.objects.update(**fields)

    line.held(generation, "queued")

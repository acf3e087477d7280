"""Whatever is lost, time finds: every state gets unstuck, and is charged once or not at all."""

from collections.abc import Callable
from typing import Any

import pytest

from accounts import webhooks
from billing import balances, ledger, usage
from generations import (
    attempts,
    collecting,
    lifecycle,
    probing,
    settling,
    stored_files,
    sweeps,
    tasks,
)
from generations.models import Attempt, Generation, ProviderEvent
from generations.states import FINAL, State
from seedance_saas import queue
from tests.generations.steps import (
    BODY,
    DEPOSITED,
    IMAGE,
    Line,
    lose_tasks,
    run_all,
    run_next,
    waiting,
)
from tests.upstream import JPEG, Job
from tests.world import money

KITE = "https://acme.example/kite.jpg"
HOUR = 3600


class Killed(BaseException):
    """What a worker cannot catch."""


def finish_everything(line: Line) -> None:
    """The provider finishes what it has; time passes until nothing waits."""
    line.upstream.files[KITE] = JPEG
    for _ in range(12):
        for job in line.upstream.jobs.values():
            if job.status == "processing":
                line.upstream.finish(job)
        line.sweep(80)
        if not Generation.objects.exclude(state__in=FINAL).exists():
            return


WAITING: dict[str, Callable[[Line], Generation]] = {
    "preparing": Line.prepare,
    "queued": Line.create,
    "submitting": Line.submitting,
    "unknown": Line.unknown,
    "running": Line.running,
    "collecting": Line.collecting,
}


def test_every_state_in_which_something_can_wait_is_tried_here() -> None:
    assert set(WAITING) == {state.value for state in State if state not in FINAL}


@pytest.mark.parametrize("state", WAITING)
def test_a_lost_task_is_made_up_for(line: Line, state: str) -> None:
    generation = WAITING[state](line)
    assert generation.state == state
    lose_tasks()

    finish_everything(line)

    line.charged(generation, 451_600)
    assert line.upstream.creates == 1


# Each is a line at which a worker may die, between two steps that belong together.
DEATHS: list[tuple[Any, str]] = [
    (stored_files, "keep_output"),
    (probing, "measure_output"),
    (attempts, "job_request"),
    (attempts, "start"),
    (attempts, "attach"),
    (attempts, "close"),
    (queue, "enqueue"),
    (ledger, "capture"),
    (usage, "record"),
    (webhooks, "publish"),
    (lifecycle, "accept"),
    (lifecycle, "settle_succeeded"),
    (collecting, "lease"),
    (collecting, "collect"),
    (Generation, "move"),
]


@pytest.mark.parametrize(
    "after",
    [pytest.param(False, id="before", marks=pytest.mark.thorough), pytest.param(True, id="after")],
)
@pytest.mark.parametrize(
    ("where", "name"),
    [
        pytest.param(
            where,
            name,
            id=f"{where.__name__}.{name}",
            marks=pytest.mark.thorough if number % 3 else (),
        )
        for number, (where, name) in enumerate(DEATHS)
    ],
)
@pytest.mark.django_db(transaction=True)
def test_a_worker_that_dies_at_any_line_is_made_up_for(
    line: Line, monkeypatch: pytest.MonkeyPatch, where: Any, name: str, after: bool
) -> None:
    line.upstream.files[KITE] = JPEG
    generation = line.create(model=IMAGE, image_url=KITE)
    work, deaths = getattr(where, name), 0

    def die(*args: Any, **kwargs: Any) -> Any:
        nonlocal deaths
        if after:
            work(*args, **kwargs)
        deaths += 1
        raise Killed

    monkeypatch.setattr(where, name, die)
    for _ in range(4):
        try:
            finish_everything(line)
        except Killed:
            lose_tasks()
    assert deaths > 0
    monkeypatch.setattr(where, name, work)

    finish_everything(line)
    line.sweep(HOUR)

    ended = line.now(generation)
    if ended.state == "succeeded":
        line.charged(generation, 451_600)
    else:
        line.free(generation, "failed", ended.failure_code)
    assert Attempt.objects.filter(state__in=attempts.OPEN).count() == 0


def test_a_submit_that_died_with_its_answer_unread_is_looked_for(
    line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    generation = line.submitting()
    with monkeypatch.context() as patch:
        patch.setattr(lifecycle, "accept", lambda attempt, job_id: None)
        run_all()
    line.held(generation, "submitting")

    line.sweep(29)
    line.held(generation, "submitting")
    line.sweep(2)
    line.held(generation, "unknown")
    line.sweep(2)

    line.held(generation, "running")
    assert line.upstream.creates == 1


def test_a_submit_that_never_ran_is_sent_after_a_moment(line: Line) -> None:
    generation = line.submitting()
    lose_tasks()

    line.sweep(14)
    assert line.upstream.creates == 0
    line.sweep(2)

    line.held(generation, "running")
    assert line.upstream.creates == 1


def test_an_answer_that_came_just_before_the_sweep_counts(line: Line) -> None:
    generation = line.running()

    tasks.lose_answer(Attempt.objects.get().pk)

    line.held(generation, "running")


def test_an_answer_that_comes_just_after_the_sweep_counts(line: Line) -> None:
    """The provider took longer to answer than we wait, and then it has the job after all."""

    def take_long(job: Job) -> None:
        line.clock.shift(31)
        sweeps.lost_submits()
        assert run_next() == "lose_answer"
        assert Generation.objects.get().state == "unknown"

    line.upstream.on_submit = take_long
    generation = line.create()
    assert [run_next(), run_next()] == ["dispatch_queued", "submit"]

    line.held(generation, "running")
    assert Attempt.objects.get().job_id == "job-1"
    line.upstream.finish(line.upstream.job)
    line.sweep(6)  # no webhook comes
    line.charged(generation, 451_600)


def test_a_webhook_whose_task_was_lost_is_handled(line: Line) -> None:
    generation = line.running()
    line.upstream.finish(line.upstream.job)
    line.webhook()
    lose_tasks()

    line.clock.shift(29)
    sweeps.handle_again()
    assert waiting() == []
    line.clock.shift(2)
    sweeps.handle_again()
    run_all()

    line.charged(generation, 451_600)
    assert ProviderEvent.objects.get().handled_at is not None
    sweeps.handle_again()
    assert waiting() == []


def test_what_waits_in_the_queue_too_long_ends_free(line: Line) -> None:
    line.upstream.down = True
    generation = line.running()

    line.sweep(HOUR - 10)
    line.held(generation, "queued")
    line.sweep(30)  # tried once more
    line.sweep(5)

    line.free(generation, "failed", "provider_unavailable")
    assert Attempt.objects.filter(state="not_started").count() == Attempt.objects.count()


@pytest.mark.parametrize("state", ["running", "unknown"])
def test_what_runs_too_long_ends_free_and_gives_its_slot_back(line: Line, state: str) -> None:
    generation = WAITING[state](line)
    line.upstream.down = True

    line.sweep(HOUR - 10)
    line.held(generation, state)
    line.sweep(20)

    line.free(generation, "failed", "provider_timeout")
    assert Attempt.objects.get().state == "failed"


@pytest.mark.parametrize("state", ["preparing", "collecting"])
def test_what_our_own_step_cannot_finish_ends_free(
    line: Line, monkeypatch: pytest.MonkeyPatch, state: str
) -> None:
    generation = WAITING[state](line)
    lose_tasks()
    monkeypatch.setattr(tasks, "prepare", lambda id: None)
    monkeypatch.setattr(tasks, "collect", lambda id: None)

    line.sweep(HOUR - 10)
    line.held(generation, state)
    line.sweep(20)

    line.free(generation, "failed", "internal_error")


@pytest.mark.parametrize("state", ["queued", "preparing", "running"])
def test_one_that_cannot_be_ended_keeps_no_other_from_it(
    line: Line, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, state: str
) -> None:
    stuck, other = WAITING[state](line), WAITING[state](line)
    lose_tasks()
    line.upstream.down = True
    fail = settling.fail

    def trip(generation: Generation, code: str) -> bool:
        if generation.pk == stuck.pk:
            raise RuntimeError("a fault of ours")
        return fail(generation, code)

    monkeypatch.setattr(sweeps, "fail", trip)
    line.clock.shift(HOUR + 10)
    sweeps.out_of_time()

    assert line.now(stuck).state == state
    assert line.now(other).state == "failed"
    assert money(line.organization) == (DEPOSITED - stuck.held_microusd, stuck.held_microusd)
    assert f"sweep.not_ended id={stuck.pk}" in caplog.text


def test_a_success_after_the_end_is_never_charged(line: Line) -> None:
    generation = line.running()
    line.sweep(HOUR + 10)
    line.free(generation, "failed", "provider_timeout")

    line.upstream.finish(line.upstream.job)
    line.webhook()
    line.sweep(60)

    line.free(generation, "failed", "provider_timeout")


def test_a_wish_that_met_an_unsent_attempt_cancels_in_the_queue(line: Line) -> None:
    generation = line.create()
    Generation.objects.update(cancel_requested_at="2026-01-01T00:00:00Z")

    line.sweep()

    line.free(generation, "canceled")
    assert line.upstream.creates == 0


def test_two_sweeps_at_once_ask_once(line: Line) -> None:
    """The second one has read the row before the first one took it."""
    line.running()
    line.clock.shift(30)
    row = Generation.objects.get()

    sweeps.poll_running()
    assert waiting() == ["reconcile"]

    assert not sweeps._take(row, sweeps.LOOK_PAUSE)


def test_a_task_that_comes_after_everything_changes_nothing(line: Line) -> None:
    generation = line.collecting()
    assert run_next() == "collect"
    attempt = Attempt.objects.get().pk

    tasks.prepare(generation.pk)
    tasks.dispatch_queued()
    tasks.submit(attempt)
    tasks.lose_answer(attempt)
    tasks.look_for_job(attempt)
    tasks.reconcile(attempt)
    tasks.collect(generation.pk)

    line.charged(generation, 451_600)
    assert line.upstream.creates == 1
    assert waiting() == []


@pytest.mark.thorough
def test_many_of_many_kinds_all_end(line: Line) -> None:
    for _ in range(3):
        line.api.post("/generations", {**BODY, "num_generations": 4})
    lose_tasks()

    finish_everything(line)

    assert set(Generation.objects.values_list("state", flat=True)) == {"succeeded"}
    balance = balances.of(line.organization)
    assert (balance.available_microusd, balance.held_microusd) == (25_000_000 - 12 * 451_600, 0)

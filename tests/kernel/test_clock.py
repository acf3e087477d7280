"""Every sweep is enqueued when it is due: once, by whichever clock comes first."""

import logging
import os
import signal
import threading
import time
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.core.management import call_command
from django.db import OperationalError, connection
from django.utils import timezone
from django_q.models import OrmQ
from pytest_django.fixtures import Settings

from seedance_saas import clock
from seedance_saas.management.commands import clock as clock_command
from seedance_saas.models import Sweep
from tests.kernel import tasks

NAME = "tests.kernel.tasks.sweep"


@pytest.fixture(autouse=True)
def one_sweep(settings: Settings) -> None:
    settings.CLOCK = {NAME: 10}
    tasks.ran.clear()


def _age(sweep: Sweep, *, enqueued: int, finished: int | None) -> None:
    """As if it had been enqueued and finished so many seconds ago."""
    sweep.enqueued_at = timezone.now() - timedelta(seconds=enqueued)
    sweep.finished_at = timezone.now() - timedelta(seconds=finished) if finished else None
    sweep.save()


@pytest.mark.parametrize(
    ("_case", "enqueued", "finished", "due"),
    [
        ("over, and the interval has passed", 11, 10, True),
        ("over, and the interval has not passed", 9, 8, False),
        ("still running: a slow sweep never piles up", 74, None, False),
        ("lost: no task may take so long", 76, None, True),
        ("lost, after an earlier run that ended well", 76, 90, True),
        ("running, after an earlier run that ended well", 20, 30, False),
    ],
)
def test_a_sweep_is_due(
    db: None, _case: str, enqueued: int, finished: int | None, due: bool
) -> None:
    clock.register()
    _age(Sweep.objects.get(), enqueued=enqueued, finished=finished)

    assert clock.tick() == ([NAME] if due else [])
    assert OrmQ.objects.count() == due


def test_a_sweep_that_never_ran_is_due_at_once_and_then_waits(
    db: None, run_queue: Callable[[], int]
) -> None:
    clock.register()
    clock.register()

    assert clock.tick() == [NAME]
    assert clock.tick() == []
    assert run_queue() == 1
    assert tasks.ran == ["sweep"]
    assert clock.tick() == []


def test_a_lost_run_that_arrives_late_is_not_done_again(
    db: None, run_queue: Callable[[], int]
) -> None:
    clock.register()
    clock.tick()
    _age(Sweep.objects.get(), enqueued=100, finished=None)

    assert clock.tick() == [NAME]
    assert run_queue() == 2
    assert tasks.ran == ["sweep"]


@pytest.mark.django_db(transaction=True)
def test_many_clocks_enqueue_once() -> None:
    clock.register()
    start = threading.Barrier(4)

    def tick() -> None:
        start.wait()
        for _ in range(5):
            clock.tick()
        connection.close()

    clocks = [threading.Thread(target=tick) for _ in range(4)]
    for thread in clocks:
        thread.start()
    for thread in clocks:
        thread.join()

    assert OrmQ.objects.count() == 1
    assert Sweep.objects.get().run == 1


def test_the_clock_outlives_the_database_and_stops_within_a_second(
    db: None, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    answers = [OperationalError("gone"), OperationalError("gone"), None]
    asked_to_stop_at = 0.0

    def tick() -> list[str]:
        nonlocal asked_to_stop_at
        if error := answers.pop(0):
            raise error
        asked_to_stop_at = time.monotonic()
        os.kill(os.getpid(), signal.SIGTERM)
        return []

    monkeypatch.setattr(clock, "tick", tick)
    monkeypatch.setattr(connection, "close", lambda: None)  # the test's own transaction lives there
    caplog.set_level(logging.INFO)
    handlers = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        call_command("clock")
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)

    assert time.monotonic() - asked_to_stop_at < 1
    assert [record.getMessage() for record in caplog.records] == [
        "clock.started",
        "clock.database_unavailable why=OperationalError",
        "clock.ticking",
        "clock.stopped",
    ]


def test_beside_the_ticks_it_looks_for_trouble_though_the_database_was_gone(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    stop = threading.Event()
    answers: list[OperationalError | None] = [OperationalError("gone"), None]

    def look() -> None:
        if error := answers.pop(0):
            raise error
        stop.set()

    monkeypatch.setattr(tasks, "look", look, raising=False)
    monkeypatch.setattr(clock_command, "WATCH_SECONDS", 0.01)
    settings.WATCH = "tests.kernel.tasks.look"

    clock_command.watch(stop)

    assert answers == []
    assert "clock.watch_failed why=OperationalError" in caplog.text

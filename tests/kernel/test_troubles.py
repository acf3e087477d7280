"""The machinery's troubles: who stands still, what fails each time, a disk that is nearly full."""

import shutil
from datetime import timedelta
from types import SimpleNamespace

import pytest
from django.utils import timezone
from django_q.models import OrmQ

from seedance_saas import queue, troubles
from seedance_saas.models import Sweep


@pytest.fixture(autouse=True)
def seen(db: None) -> Sweep:
    now = timezone.now()
    return Sweep.objects.create(name="seen", enqueued_at=now, finished_at=now)


def names() -> list[str]:
    return [trouble.name for trouble in troubles.found()]


def test_when_all_is_well_nothing_is_said() -> None:
    assert troubles.found() == []


def test_a_worker_that_is_silent_is_told_in_words(seen: Sweep) -> None:
    Sweep.objects.update(finished_at=timezone.now() - timedelta(seconds=61))

    (told,) = troubles.found()

    assert told.words == "No worker was seen in the last 60 seconds."


@pytest.mark.parametrize(("seconds", "expected"), [(119, []), (122, ["queue"])])
def test_a_task_that_nobody_takes_for_two_minutes_is_one(seconds: int, expected: list[str]) -> None:
    queue.enqueue("tests.kernel.tasks.note", "x")
    OrmQ.objects.update(lock=timezone.now() - timedelta(seconds=seconds))

    assert names() == expected


@pytest.mark.parametrize(("minutes", "expected"), [(4, []), (6, ["sweep:seen"])])
def test_a_sweep_that_fails_for_five_minutes_is_one(minutes: int, expected: list[str]) -> None:
    Sweep.objects.update(failing_since=timezone.now() - timedelta(minutes=minutes))

    assert names() == expected


def test_a_disk_with_less_than_two_gigabytes_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=1_999_999_999))

    (told,) = troubles.found()

    assert "has 1,999 MB left" in told.words

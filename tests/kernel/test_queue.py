"""A task commits with the work that asked for it, and goes to one worker at a time, oldest first."""

import threading
from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.utils import timezone
from django_q.models import OrmQ

from seedance_saas import queue
from seedance_saas.models import Sweep
from tests.kernel import tasks


@pytest.mark.django_db(transaction=True)
def test_a_task_rolls_back_with_the_work() -> None:
    with transaction.atomic():
        queue.enqueue("tests.kernel.tasks.note", "never")
        assert OrmQ.objects.count() == 1
        transaction.set_rollback(True)

    assert OrmQ.objects.count() == 0


def _enqueue_rows(count: int) -> list[int]:
    for number in range(count):
        queue.enqueue("tests.kernel.tasks.note", number)
    return list(OrmQ.objects.order_by("id").values_list("id", flat=True))


def _take() -> int | None:
    taken = queue.Broker().dequeue()
    return taken[0][0] if taken else None


def test_the_oldest_due_task_is_taken_and_then_hidden(db: None) -> None:
    first, second = _enqueue_rows(2)

    assert [_take(), _take(), _take()] == [first, second, None]


def test_a_task_for_later_waits_until_it_is_due(db: None) -> None:
    queue.enqueue_in(60, "tests.kernel.tasks.note", "later")
    assert _take() is None

    row = OrmQ.objects.get()
    assert timedelta(seconds=55) < row.lock - timezone.now() <= timedelta(seconds=60)
    OrmQ.objects.update(lock=timezone.now())
    assert _take() == row.id


@pytest.mark.django_db(transaction=True)
def test_two_clusters_never_take_the_same_task() -> None:
    rows = _enqueue_rows(40)
    taken: list[int | None] = []

    def take_twenty() -> None:
        taken.extend(_take() for _ in range(20))
        connection.close()

    clusters = [threading.Thread(target=take_twenty) for _ in range(2)]
    for cluster in clusters:
        cluster.start()
    for cluster in clusters:
        cluster.join()

    assert sorted(row for row in taken if row) == rows


def test_a_dead_workers_tasks_are_due_again_at_once(db: None) -> None:
    first, second = _enqueue_rows(2)
    _take()

    assert queue.release([first, second]) == 1
    assert _take() == first


def test_the_longest_wait_counts_only_what_is_due(db: None) -> None:
    first, _ = _enqueue_rows(2)
    OrmQ.objects.filter(pk=first).update(lock=timezone.now() - timedelta(seconds=90))
    assert 89 < queue.oldest_wait_seconds() < 95

    OrmQ.objects.update(lock=timezone.now() + timedelta(seconds=90))
    assert queue.oldest_wait_seconds() == 0


def _sweep(name: str, run: int) -> Sweep:
    return Sweep.objects.create(name=name, run=run, enqueued_at=timezone.now())


def test_a_sweep_notes_its_end(db: None) -> None:
    sweep = _sweep("tests.kernel.tasks.sweep", 3)
    tasks.ran.clear()

    queue.run_sweep(sweep.name, 3)
    queue.run_sweep(sweep.name, 3)  # delivered twice

    sweep.refresh_from_db()
    assert sweep.finished_at is not None
    assert tasks.ran == ["sweep"]


def test_a_run_that_the_clock_gave_up_is_not_done(db: None) -> None:
    sweep = _sweep("tests.kernel.tasks.sweep", 4)
    tasks.ran.clear()

    queue.run_sweep(sweep.name, 3)

    sweep.refresh_from_db()
    assert sweep.finished_at is None
    assert tasks.ran == []


def test_a_sweep_that_fails_is_logged_and_over(db: None, caplog: pytest.LogCaptureFixture) -> None:
    sweep = _sweep("tests.kernel.tasks.fail", 1)

    queue.run_sweep(sweep.name, 1)

    sweep.refresh_from_db()
    assert sweep.finished_at is not None
    assert "sweep.failed name=tests.kernel.tasks.fail run=1" in caplog.text
    assert "planted" in caplog.text
    assert sweep.failing_since is not None


def test_a_sweep_fails_since_the_first_of_the_runs_that_failed_in_a_row(db: None) -> None:
    sweep = _sweep("tests.kernel.tasks.fail", 1)
    queue.run_sweep(sweep.name, 1)
    sweep.refresh_from_db()
    first = sweep.failing_since
    sweep.run, sweep.finished_at = 2, None
    sweep.save()
    queue.run_sweep(sweep.name, 2)
    sweep.refresh_from_db()
    assert sweep.failing_since == first

    well = _sweep("tests.kernel.tasks.sweep", 1)
    Sweep.objects.filter(pk=well.pk).update(failing_since=first)
    queue.run_sweep(well.name, 1)

    well.refresh_from_db()
    assert well.failing_since is None

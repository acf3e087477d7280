"""The only door to the task queue. A task is a dotted name and ids: it loads the rest when it runs."""

import contextlib
import logging
import os
import time
from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from django.db import connection
from django.db.models import F
from django.db.models.functions import Coalesce, Now
from django.utils import timezone
from django.utils.module_loading import import_string
from django_q.brokers.orm import ORM
from django_q.conf import Conf
from django_q.models import OrmQ
from django_q.signals import post_execute, post_execute_in_worker, pre_execute
from django_q.tasks import async_task

from seedance_saas.models import Sweep

logger = logging.getLogger(__name__)

_progress_fd: int | None = None


def enqueue(task: str, *args: str | int) -> None:
    """Queue `task` inside the caller's transaction: the row commits or rolls back with the work.

    Delivery is at least once, in no promised order: every task bears a repeat.
    """
    async_task(task, *args)


def enqueue_in(seconds: int, task: str, *args: str | int) -> None:
    """As `enqueue`, and it is due after `seconds`."""
    later = row(task, *args)
    later.lock += timedelta(seconds=seconds)
    later.save()


def row(task: str, *args: str | int) -> OrmQ:
    """What `enqueue` would insert, for a caller that inserts it together with other rows."""
    unsent = _Unsent(list_key=Conf.CLUSTER_NAME)
    async_task(task, *args, broker=unsent)
    return OrmQ(key=unsent.list_key, payload=unsent.payload, lock=timezone.now())


def run_sweep(name: str, run: int) -> None:
    """The task behind every entry of settings.CLOCK: call `name`, note that run `run` is over.

    A run that the clock gave up, or that is over, is not done again. An error is logged and ends
    the run: the clock repeats the sweep anyway, and sooner than the queue would redeliver it.
    """
    current = Sweep.objects.filter(name=name, run=run).exclude(finished_at__gte=F("enqueued_at"))
    if not current.exists():
        return
    failing_since: Coalesce | None = None
    try:
        import_string(name)()
    except Exception:
        logger.exception("sweep.failed name=%s run=%s", name, run)
        failing_since = Coalesce("failing_since", Now())
    finally:
        current.update(finished_at=Now(), failing_since=failing_since)


def oldest_wait_seconds() -> float:
    """How long the longest waiting task has been due; 0 when none is due."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT coalesce(extract(epoch FROM statement_timestamp() - min(lock)), 0) FROM django_q_ormq"
            " WHERE lock <= statement_timestamp()"
        )
        return float(cursor.fetchone()[0])


def release(rows: Iterable[int]) -> int:
    """Make tasks due at once that a worker, certainly dead now, had taken. Gives their number."""
    return int(OrmQ.objects.filter(pk__in=list(rows), lock__gt=Now()).update(lock=Now()))


class _Unsent(ORM):  # type: ignore[misc]  # django-q2 ships no types
    """Keeps the signed task instead of sending it."""

    payload: str

    def enqueue(self, task: str) -> None:
        self.payload = task


class Broker(ORM):  # type: ignore[misc]  # django-q2 ships no types
    """Takes the oldest due task in one statement; two clusters never wait for each other."""

    _has_asked = False

    def dequeue(self) -> list[tuple[int, str]] | None:
        self.get_connection()  # closes a connection that is too old or broken
        with connection.cursor() as cursor:
            cursor.execute(
                "UPDATE django_q_ormq SET lock = statement_timestamp() + make_interval(secs => %s)"
                " WHERE id = (SELECT id FROM django_q_ormq"
                " WHERE key = %s AND lock <= statement_timestamp()"
                " ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED) RETURNING id, payload",
                [Conf.RETRY, self.list_key],
            )
            row = cursor.fetchone()
        if not self._has_asked:
            _report("asked", 0)
            self._has_asked = True
        if row is None:
            time.sleep(Conf.POLL)
            return None
        _report("taken", row[0])
        return [row]


def report_progress(fd: int) -> None:
    """Tell the supervisor, one line per step, what every process of this cluster does (progress.py)."""
    global _progress_fd
    _progress_fd = fd
    os.set_blocking(fd, False)
    pre_execute.connect(_started, weak=False)
    post_execute_in_worker.connect(_finished, weak=False)
    post_execute.connect(_recorded, weak=False)


def _started(task: dict[str, Any], **kwargs: Any) -> None:
    task["row"] = task["ack_id"]  # the monitor drops `ack_id` before it says that it is done
    _report("started", task["row"])


def _finished(task: dict[str, Any], **kwargs: Any) -> None:
    _report("finished", task["row"])


def _recorded(task: dict[str, Any], **kwargs: Any) -> None:
    _report("recorded", task["row"])


def _report(step: str, row: int) -> None:
    if _progress_fd is not None:
        # Shorter than PIPE_BUF, so lines of several processes never mix. A supervisor that does not
        # read, or is gone, must not stop the work.
        with contextlib.suppress(BlockingIOError, BrokenPipeError):
            os.write(_progress_fd, f"{step} {row} {os.getpid()}\n".encode())

"""Real threads with connections of their own, started at one moment."""

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

from django.db import DatabaseError, connection

from seedance_saas.errors import Refusal

SECONDS_MAX = 60


def race(
    jobs: Sequence[Callable[[], object]], *, threads: int | None = None
) -> list[object | Refusal | DatabaseError]:
    """What each job returned, or how it was refused. Any other error is raised here."""
    threads = threads or len(jobs)
    start = Barrier(threads)

    def work(number: int) -> list[object]:
        try:
            connection.ensure_connection()
            start.wait(SECONDS_MAX)
            return [_outcome(job) for job in jobs[number::threads]]
        finally:
            connection.close()

    with ThreadPoolExecutor(threads) as pool:
        shares = list(pool.map(work, range(threads), timeout=SECONDS_MAX))
    outcomes: list[object] = [None] * len(jobs)
    for number, share in enumerate(shares):
        outcomes[number::threads] = share
    return outcomes


def _outcome(job: Callable[[], object]) -> object:
    try:
        return job()
    except (Refusal, DatabaseError) as error:
        return error


def wait_until_somebody_waits_for_a_lock() -> None:
    deadline = time.monotonic() + SECONDS_MAX
    with connection.cursor() as cursor:
        while time.monotonic() < deadline:
            cursor.execute("SELECT pg_stat_clear_snapshot()")  # or it stays as it first was
            cursor.execute(
                "SELECT count(*) FROM pg_stat_activity "
                "WHERE datname = current_database() AND wait_event_type = 'Lock'"
            )
            if cursor.fetchone() == (1,):
                return
            time.sleep(0.01)
    raise AssertionError("nobody waits")

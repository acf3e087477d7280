"""Real threads with connections of their own, started at one moment."""

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

"""Fetches the files that requests name by URL: claim, fetch, prepare. It asks many strangers and waits for none.

It has a process of its own (`manage.py fetcher`, beside each worker's tasks), so that no address, however slow, holds
a place in which money could be settled. Several fetchers share the work.

    claim     what is due, fairly: of one organization IN_ORGANIZATION_MAX generations at a time
    fetch     inputs.fetch, in threads that touch no database, with no transaction open
    prepare   lifecycle.prepare: what came is kept and the generation goes on, or it ends

`due_at` of what is PREPARING is when it may be taken: at once, and ahead by LEASE while somebody has it. Whoever dies
leaves claims behind; when their lease has run out they are fetched again.
"""

import logging
from collections.abc import Callable, Iterable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import ExitStack
from datetime import timedelta

from django.db import connection, transaction
from django.utils import timezone

from generations import inputs, lifecycle
from generations.models import Generation
from generations.states import State
from seedance_saas import scratch

logger = logging.getLogger(__name__)

LEASE = timedelta(seconds=90)  # more than fetching twelve slow files, and keeping them, takes
IN_ORGANIZATION_MAX, IN_ALL_MAX = 3, 24
LOOK_SECONDS = 0.5
LOCK = 0x5EED_41  # of claiming, in PostgreSQL's space of advisory locks


def run(*, must_stop: Callable[[], bool] = lambda: False) -> int:
    """Prepare what is due until nothing is; how many were. `must_stop` is asked before each look at what is due:
    then what is under way is given back, for another to fetch at once, and no stranger is waited for."""
    prepared = 0
    under_way: dict[Future[list[inputs.Fetched]], tuple[Generation, ExitStack]] = {}
    pool = ThreadPoolExecutor(IN_ALL_MAX)
    try:
        while not must_stop():
            for generation in claim(IN_ALL_MAX - len(under_way)):
                files, folder = inputs.missing(generation), ExitStack()
                path = folder.enter_context(scratch.folder())
                under_way[pool.submit(inputs.fetch, files, path)] = generation, folder
            if not under_way:
                break
            done, _ = wait(under_way, timeout=LOOK_SECONDS, return_when=FIRST_COMPLETED)
            for fetched in done:
                generation, folder = under_way.pop(fetched)
                with folder:
                    _prepare_alone(generation, fetched)
                prepared += 1
        _give_back(generation for generation, _ in under_way.values())
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
        for _, folder in under_way.values():
            folder.close()
    return prepared


def claim(at_most: int) -> list[Generation]:
    """Take what is due, nobody else's, and as many as may be under way at once."""
    if at_most <= 0:
        return []
    with transaction.atomic(), connection.cursor() as cursor:
        # Limits are counted and used by one at a time.
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])
        now = timezone.now()
        cursor.execute(
            _CLAIM,
            {
                "now": now,
                "lease": now + LEASE,
                "in_organization_max": IN_ORGANIZATION_MAX,
                "at_most": at_most,
            },
        )
        ids = [id for (id,) in cursor.fetchall()]
    return list(Generation.objects.filter(pk__in=ids).select_related("organization"))


def _prepare_alone(generation: Generation, fetched: Future[list[inputs.Fetched]]) -> None:
    """What breaks here is ours. Its lease brings it back, until it is out of time; it holds up no other."""
    try:
        lifecycle.prepare(generation, fetched.result)
    except Exception:
        logger.exception("generation.not_prepared id=%s", generation.pk)


def _give_back(generations: Iterable[Generation]) -> None:
    for one in generations:
        mine = Generation.objects.filter(pk=one.pk, state=State.PREPARING, due_at=one.due_at)
        mine.update(due_at=timezone.now())


# What is under way stands before what waits of the same organization, and so takes its places. Nobody is waited for:
# a row that is just being canceled is not taken.
_CLAIM = """
    WITH ranked AS (
        SELECT id, due_at, row_number() OVER (
            PARTITION BY organization_id ORDER BY due_at <= %(now)s, due_at, id) AS in_organization
        FROM generations_generation WHERE state = 'preparing'
    ), picked AS (
        SELECT id FROM ranked WHERE due_at <= %(now)s AND in_organization <= %(in_organization_max)s
        ORDER BY in_organization, due_at, id LIMIT %(at_most)s
    ), free AS (
        SELECT id FROM generations_generation
        WHERE id IN (SELECT id FROM picked) AND state = 'preparing' AND due_at <= %(now)s
        FOR NO KEY UPDATE SKIP LOCKED
    )
    UPDATE generations_generation AS generation SET due_at = %(lease)s
        FROM free WHERE generation.id = free.id
        RETURNING generation.id
"""

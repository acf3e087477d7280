"""Who goes upstream next: the free slots of a provider's key, shared fairly between organizations."""

from collections import Counter
from collections.abc import Sequence

from django.db import connection, transaction
from django.db.models import F, Window
from django.db.models.functions import RowNumber
from django.utils import timezone

from generations import attempts
from generations.models import Attempt, Generation
from generations.providers import registry
from generations.states import OPEN_ATTEMPTS, State
from seedance_saas import queue


def dispatch() -> int:
    """Fill the free slots, QUEUED -> SUBMITTING, one attempt each; how many.

    The dispatchers of one provider take turns (an advisory lock until commit): two that counted the
    same free slots would both fill them. Nobody waits: who finds a turn taken leaves the work to it,
    and the clock comes again within a second.
    """
    provider = "eachlabs"
    with transaction.atomic():
        if not _is_my_turn(provider):
            return 0
        taken = Counter(
            Attempt.objects.filter(provider=provider, state__in=OPEN_ATTEMPTS).values_list(
                "generation__organization_id", flat=True
            )
        )
        free = registry.slots(provider) - taken.total()
        started = 0
        for generation in _in_fair_order(taken, free):
            if generation.move(State.SUBMITTING):
                attempt = attempts.start(generation, provider)
                queue.enqueue("generations.tasks.submit", attempt.id)
                started += 1
        return started


def _in_fair_order(taken: Counter[str], free: int) -> Sequence[Generation]:
    """Who would have the fewest jobs running after being served comes first; then the oldest.

    One organization's long queue so never holds up another's first request.
    """
    if free <= 0:
        return []
    waiting = (
        Generation.objects.filter(
            state=State.QUEUED, due_at__lte=timezone.now(), cancel_requested_at=None
        )
        .annotate(
            turn=Window(RowNumber(), partition_by=F("organization_id"), order_by=F("id").asc())
        )
        .filter(turn__lte=free)
    )
    return sorted(
        waiting,
        key=lambda generation: (taken[generation.organization_id] + generation.turn, generation.id),
    )[:free]


def _is_my_turn(provider: str) -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(hashtext(%s))", [f"dispatch:{provider}"])
        return bool(cursor.fetchone()[0])

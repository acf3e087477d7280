"""Who goes upstream next: the free slots of a provider's key, shared fairly between organizations.

Within an organization a member or key may have a share: so many of theirs run at a time, and no more. What
is beyond it waits for its own, and is passed over by everybody else's.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

from django.db import connection, transaction
from django.utils import timezone

from generations import attempts
from generations.models import Attempt, Generation
from generations.providers import registry
from generations.states import OPEN_ATTEMPTS, State
from seedance_saas import queue

# A generation counts for the key that asked for it, or for the member. `of` is either one's id.
_SHARES = """
open AS (
    SELECT organization_id, coalesce(api_key_id, member_id) AS of
        FROM generations_attempt AS attempt
        JOIN generations_generation AS generation ON generation.id = generation_id
        WHERE attempt.state = ANY(%(open)s)
), running AS (
    SELECT of, count(*) AS running FROM open GROUP BY of
)
"""
_SHARE_MAX = """
LEFT JOIN accounts_apikey AS key ON key.id = generation.api_key_id
LEFT JOIN accounts_membership AS member ON member.id = generation.member_id AND key.id IS NULL
LEFT JOIN accounts_roleterms AS terms
    ON terms.organization_id = generation.organization_id AND terms.role = member.role
LEFT JOIN running ON running.of = coalesce(generation.api_key_id, generation.member_id)
"""
# First the turn within the share, counted from what runs; then, of those that may go, the turn within the
# organization. Who would have the fewest running after being served comes first; then the oldest.
_NEXT = f"""
WITH {_SHARES}, waiting AS (
    SELECT generation.id, generation.organization_id,
           coalesce(key.concurrent_max, terms.concurrent_max) AS share_max,
           coalesce(running, 0) + row_number() OVER (
               PARTITION BY generation.organization_id, coalesce(generation.api_key_id, generation.member_id)
               ORDER BY generation.id) AS share_turn
        FROM generations_generation AS generation {_SHARE_MAX}
        JOIN accounts_organization AS organization ON organization.id = generation.organization_id
        WHERE generation.state = 'queued' AND due_at <= %(now)s AND cancel_requested_at IS NULL
            AND is_sandbox = %(is_sandbox)s
), of_organization AS (
    SELECT organization_id, count(*) AS running FROM open GROUP BY organization_id
)
SELECT id FROM (
    SELECT id, coalesce(running, 0) + row_number() OVER (
               PARTITION BY waiting.organization_id ORDER BY id) AS turn
        FROM waiting LEFT JOIN of_organization USING (organization_id)
        WHERE share_max IS NULL OR share_turn <= share_max
) AS fair ORDER BY turn, id LIMIT %(free)s
"""  # noqa: S608  # constants of this file
_SHARE = f"""
WITH {_SHARES}
SELECT coalesce(key.concurrent_max, terms.concurrent_max), coalesce(running, 0)
    FROM generations_generation AS generation {_SHARE_MAX} WHERE generation.id = %(generation)s
"""  # noqa: S608  # constants of this file


class Share(NamedTuple):
    """How many of a member's or key's generations may run at a time, and how many do."""

    concurrent_max: int
    running: int

    @property
    def is_full(self) -> bool:
        return self.running >= self.concurrent_max


def dispatch() -> int:
    """Fill the free slots, QUEUED -> SUBMITTING, one attempt each; how many. Sandboxes have slots of their own."""
    return sum(_fill_slots(provider) for provider in registry.NAMES)


def _fill_slots(provider: str) -> int:
    """The dispatchers of one provider take turns (an advisory lock until commit): two that counted the
    same free slots would both fill them. Nobody waits: who finds a turn taken leaves the work to it,
    and the clock comes again within a second.
    """
    with transaction.atomic():
        if not _is_my_turn(provider):
            return 0
        taken = Attempt.objects.filter(provider=provider, state__in=OPEN_ATTEMPTS).count()
        started = 0
        for generation in _in_fair_order(provider, registry.slots(provider) - taken):
            if generation.move(State.SUBMITTING):
                attempt = attempts.start(generation, provider)
                queue.enqueue("generations.tasks.submit", attempt.id)
                started += 1
        return started


def share_of(generation: Generation) -> Share | None:
    """The share that a generation has to wait for; None if nothing but the provider's slots limits it."""
    concurrent_max, running = _rows(_SHARE, generation=generation.pk)[0]
    return None if concurrent_max is None else Share(concurrent_max, running)


def in_turn(provider: str, free: int) -> list[str]:
    """Ids of those that would go now into so many free slots, in their order. Who has to wait for a share of
    their own is not among them."""
    is_sandbox = provider == registry.SIMULATOR
    rows = _rows(_NEXT, now=timezone.now(), free=free, is_sandbox=is_sandbox)
    return [id for (id,) in rows]


def _in_fair_order(provider: str, free: int) -> Sequence[Generation]:
    """One organization's long queue never holds up another's first request, nor one full share another's."""
    if free <= 0:
        return []
    next_ones = in_turn(provider, free)
    found = Generation.objects.in_bulk(next_ones)
    return [found[id] for id in next_ones]


def _rows(query: str, **params: Any) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(query, {"open": sorted(OPEN_ATTEMPTS), **params})
        found: list[tuple[Any, ...]] = cursor.fetchall()
    return found


def _is_my_turn(provider: str) -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(hashtext(%s))", [f"dispatch:{provider}"])
        return bool(cursor.fetchone()[0])

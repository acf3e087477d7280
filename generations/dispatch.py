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

# A generation counts for the key that asked for it, and for the member who did, or for whom the key acts.
_RUNNING = """
open AS (
    SELECT organization_id, api_key_id, member_id
        FROM generations_attempt AS attempt
        JOIN generations_generation AS generation ON generation.id = generation_id
        WHERE attempt.state = ANY(%(open)s)
), running AS (
    SELECT of, count(*) AS running FROM open, unnest(ARRAY[api_key_id, member_id]) AS of GROUP BY of
)
"""
_SHARES = """
LEFT JOIN accounts_apikey AS key ON key.id = generation.api_key_id
LEFT JOIN accounts_membership AS member ON member.id = generation.member_id
LEFT JOIN accounts_roleterms AS terms
    ON terms.organization_id = generation.organization_id AND terms.role = member.role
LEFT JOIN running AS of_key ON of_key.of = generation.api_key_id
LEFT JOIN running AS of_member ON of_member.of = generation.member_id
"""
# First the turn within the key's share, counted from what runs; of those that may go, the turn within the
# member's; of those, the turn within the organization. Who would have the fewest running after being served
# comes first; then the oldest.
_NEXT = f"""
WITH {_RUNNING}, waiting AS (
    SELECT generation.id, generation.organization_id, generation.member_id,
           key.concurrent_max AS key_max, terms.concurrent_max AS member_max,
           coalesce(of_member.running, 0) AS member_running,
           coalesce(of_key.running, 0) + row_number() OVER (
               PARTITION BY generation.api_key_id ORDER BY generation.id) AS key_turn
        FROM generations_generation AS generation {_SHARES}
        JOIN accounts_organization AS organization ON organization.id = generation.organization_id
        WHERE generation.state = 'queued' AND due_at <= %(now)s AND cancel_requested_at IS NULL
            AND is_sandbox = %(is_sandbox)s
), within_key AS (
    SELECT *, member_running + row_number() OVER (PARTITION BY member_id ORDER BY id) AS member_turn
        FROM waiting WHERE key_max IS NULL OR key_turn <= key_max
), of_organization AS (
    SELECT organization_id, count(*) AS running FROM open GROUP BY organization_id
)
SELECT id FROM (
    SELECT id, coalesce(running, 0) + row_number() OVER (
               PARTITION BY within_key.organization_id ORDER BY id) AS turn
        FROM within_key LEFT JOIN of_organization USING (organization_id)
        WHERE member_max IS NULL OR member_turn <= member_max
) AS fair ORDER BY turn, id LIMIT %(free)s
"""  # noqa: S608  # constants of this file
# Of two shares the one with less left in it.
_SHARE = f"""
WITH {_RUNNING}
SELECT share.most, share.running, share.is_of_key FROM generations_generation AS generation {_SHARES}
    CROSS JOIN LATERAL (VALUES
        (key.concurrent_max, coalesce(of_key.running, 0), true),
        (terms.concurrent_max, coalesce(of_member.running, 0), false)
    ) AS share(most, running, is_of_key)
    WHERE generation.id = %(generation)s AND share.most IS NOT NULL
    ORDER BY share.most - share.running LIMIT 1
"""  # noqa: S608  # constants of this file


class Share(NamedTuple):
    """How many of a member's or key's generations may run at a time, and how many do."""

    concurrent_max: int
    running: int
    is_of_key: bool  # else of the member, by the terms of their role

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
    found = _rows(_SHARE, generation=generation.pk)
    return Share(*found[0]) if found else None


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

"""Which deliveries are sent next, and by whom: one UPDATE takes what is due, fairly.

At most IN_LANE_MAX to one address and IN_ORGANIZATION_MAX for one organization; to an address that fails one at a time,
after everybody else, and OF_FAILING_MAX to all of these together. Of one thing in the order of its events.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from django.db import connection, transaction
from django.db.models import Q
from django.utils import timezone

from accounts.models import Delivery, WebhookSecret

TRIES_MAX = 9  # the first, and one after each of the courier's pauses
LEASE = timedelta(
    seconds=90
)  # more than looking up a name and sending take: whoever claimed is dead by then
IN_LANE_MAX, IN_ORGANIZATION_MAX, IN_ALL_MAX = 4, 8, 32
OF_FAILING_MAX = 16  # of all: receivers that time out never fill the courier
LOCK = 0x5EED_40  # of claiming, in PostgreSQL's space of advisory locks
State = Delivery.State


@dataclass(frozen=True)
class Parcel:
    """A claimed delivery with all that sending it needs."""

    delivery: Delivery
    url: str
    secrets: Sequence[WebhookSecret]


def claim(at_most: int) -> list[Parcel]:
    """Take what is due, nobody else's, and as many as may be under way at once."""
    if at_most <= 0:
        return []
    with transaction.atomic(), connection.cursor() as cursor:
        # Limits are counted and used by one at a time.
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])
        _unstick()
        now = timezone.now()
        cursor.execute(
            _CLAIM,
            {
                "now": now,
                "lease": now + LEASE,
                "in_lane_max": IN_LANE_MAX,
                "in_organization_max": IN_ORGANIZATION_MAX,
                "of_failing_max": OF_FAILING_MAX,
                "at_most": at_most,
            },
        )
        ids = [id for (id,) in cursor.fetchall()]
    return _parcels(ids)


def _unstick() -> None:
    """Whoever was sending them is dead. They count as tried, so that none is tried for ever."""
    now = timezone.now()
    lost = Delivery.objects.filter(state=State.SENDING, due_at__lt=now)
    lost.filter(tries_count__gte=TRIES_MAX).update(state=State.DEAD, finished_at=now)
    lost.update(state=State.PENDING, due_at=now)


def _parcels(ids: list[str]) -> list[Parcel]:
    """Those of switched-off endpoints are given up here: they were made while it was switched off."""
    claimed = list(
        Delivery.objects.filter(pk__in=ids)
        .select_related("event", "endpoint")
        .order_by("due_at", "id")
    )
    off = [
        one.pk
        for one in claimed
        if one.endpoint and (one.endpoint.disabled_at or one.endpoint.deleted_at)
    ]
    if off:
        Delivery.objects.filter(pk__in=off, state=State.SENDING).update(
            state=State.DEAD, finished_at=timezone.now()
        )
    secrets = _secrets(claimed)
    return [Parcel(one, one.url, secrets.get(one.lane, [])) for one in claimed if one.pk not in off]


def _secrets(claimed: list[Delivery]) -> dict[str, list[WebhookSecret]]:
    """What each lane is signed with now, the newest first."""
    found: dict[str, list[WebhookSecret]] = {}
    living = WebhookSecret.objects.filter(
        Q(expires_at=None) | Q(expires_at__gt=timezone.now()),
        Q(endpoint__in={one.endpoint_id for one in claimed if one.endpoint_id})
        | Q(organization__in={one.lane for one in claimed if not one.endpoint_id}, endpoint=None),
    )
    for row in living.order_by("-id"):
        found.setdefault(row.endpoint_id or row.organization_id, []).append(row)
    return found


# The lanes that wait are found by hopping through the index from one to the next, so that a lane with a hundred
# thousand waiting costs as much as one with a single one. What is told of one thing waits until what came before had
# its first try. Nobody is waited for: a row that an endpoint's owner is just giving up is not taken.
_CLAIM = """
    WITH RECURSIVE lanes (lane) AS (
        (SELECT lane FROM accounts_delivery WHERE state = 'pending' ORDER BY lane LIMIT 1)
        UNION ALL
        SELECT (SELECT next.lane FROM accounts_delivery AS next
                WHERE next.state = 'pending' AND next.lane > lanes.lane ORDER BY next.lane LIMIT 1)
        FROM lanes WHERE lanes.lane IS NOT NULL
    ), under_way AS (
        SELECT sent.lane, sent.organization_id,
            coalesce(endpoint.failing_since IS NOT NULL, FALSE) AS is_failing, count(*) AS number
        FROM accounts_delivery AS sent
        LEFT JOIN accounts_webhookendpoint AS endpoint ON endpoint.id = sent.endpoint_id
        WHERE sent.state = 'sending' GROUP BY 1, 2, 3
    ), due AS (
        SELECT first.id, first.due_at, first.organization_id, first.is_failing,
            coalesce((SELECT sum(number) FROM under_way WHERE under_way.lane = lanes.lane), 0)
            + row_number() OVER (PARTITION BY lanes.lane ORDER BY first.due_at, first.id) AS in_lane
        FROM lanes CROSS JOIN LATERAL (
            SELECT waits.id, waits.due_at, waits.organization_id,
                coalesce(endpoint.failing_since IS NOT NULL,
                         waits.endpoint_id IS NULL AND waits.tries_count > 0) AS is_failing
            FROM accounts_delivery AS waits
            LEFT JOIN accounts_webhookendpoint AS endpoint ON endpoint.id = waits.endpoint_id
            WHERE waits.state = 'pending' AND waits.lane = lanes.lane AND waits.due_at <= %(now)s
                AND (waits.about = '' OR NOT EXISTS (
                    SELECT FROM accounts_delivery AS before
                    WHERE before.lane = waits.lane AND before.about = waits.about AND before.about <> ''
                        AND before.event_id < waits.event_id
                        AND (before.state = 'pending' AND before.tries_count = 0
                             OR before.state = 'sending' AND before.tries_count = 1)))
            ORDER BY waits.due_at, waits.id LIMIT %(in_lane_max)s
        ) AS first
    ), ranked AS (
        SELECT id, due_at, is_failing,
            coalesce((SELECT sum(number) FROM under_way
                      WHERE under_way.organization_id = due.organization_id), 0)
            + row_number() OVER (PARTITION BY organization_id ORDER BY is_failing, in_lane, due_at, id)
                AS in_organization,
            coalesce((SELECT sum(number) FROM under_way WHERE under_way.is_failing), 0)
            + row_number() OVER (PARTITION BY is_failing ORDER BY in_lane, due_at, id) AS in_health
        FROM due WHERE in_lane <= CASE WHEN is_failing THEN 1 ELSE %(in_lane_max)s END
    ), picked AS (
        SELECT id FROM ranked
        WHERE in_organization <= %(in_organization_max)s
            AND (NOT is_failing OR in_health <= %(of_failing_max)s)
        ORDER BY is_failing, in_organization, due_at, id LIMIT %(at_most)s
    ), free AS (
        SELECT id FROM accounts_delivery WHERE id IN (SELECT id FROM picked) AND state = 'pending'
        FOR UPDATE SKIP LOCKED
    )
    UPDATE accounts_delivery AS delivery
        SET state = 'sending', due_at = %(lease)s, tries_count = delivery.tries_count + 1
        FROM free WHERE delivery.id = free.id
        RETURNING delivery.id
"""

"""Sends deliveries: claim, post, note. One task that keeps many receivers busy and waits for none of them.

    claim   one UPDATE takes what is due, fairly: at most IN_LANE_MAX to one address, IN_ORGANIZATION_MAX for one
            organization, and to an address that fails one at a time and after everybody else
    post    in threads that touch no database, with no transaction open, for at most ANSWER_SECONDS_MAX
    note    the attempt, what becomes of the delivery, and how its endpoint fares

Whoever dies leaves claims behind; when their lease has run out they are sent again. So a receiver may get an event
twice, and knows it by `webhook-id`.
"""

import json
import logging
import random
import time
from collections.abc import Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import DatabaseError, connection, transaction
from django.db.models import Q
from django.utils import timezone

from accounts import deliveries, signatures, webhook_endpoints
from accounts.models import Delivery, DeliveryAttempt, WebhookEndpoint, WebhookSecret
from seedance_saas import http
from seedance_saas.api import moment

logger = logging.getLogger(__name__)

ANSWER_SECONDS_MAX = 15
ANSWER_BYTES_KEPT = 2048
PAUSES_SECONDS = (5, 60, 300, 1800, 7200, 18_000, 36_000, 36_000)
TRIES_MAX = len(PAUSES_SECONDS) + 1
JITTER = 0.2  # a pause is longer or shorter by at most so much of itself
FAILING_MAX = timedelta(days=3)
LEASE = timedelta(seconds=90)  # more than a task may take: whoever claimed is dead by then
IN_LANE_MAX, IN_ORGANIZATION_MAX, IN_ALL_MAX = 4, 8, 32
OF_FAILING_MAX = 16  # of all: receivers that time out never fill the courier
CLAIM_SECONDS = 40  # then a run only waits for its answers; the clock starts the next one
LOOK_SECONDS = 0.5
LOCK = 0x5EED_40  # of claiming, in PostgreSQL's space of advisory locks
State = Delivery.State


@dataclass(frozen=True)
class Parcel:
    """A claimed delivery with all that sending it needs."""

    delivery: Delivery
    url: str
    body: bytes
    secrets: Sequence[str]


@dataclass(frozen=True)
class Outcome:
    sent_at: datetime
    milliseconds: int
    status: int | None = None
    error: str = ""
    answer: str = ""

    @property
    def is_success(self) -> bool:
        return self.status is not None and 200 <= self.status < 300


def run(*, seconds: float = CLAIM_SECONDS) -> int:
    """Send what is due until nothing is, or `seconds` have passed; how many were sent."""
    ends = time.monotonic() + seconds
    sent = 0
    under_way: dict[Future[Outcome], Delivery] = {}
    with ThreadPoolExecutor(IN_ALL_MAX) as pool:
        while True:
            if time.monotonic() < ends:
                deliveries.fan_out()
                for parcel in claim(IN_ALL_MAX - len(under_way)):
                    under_way[pool.submit(post, parcel)] = parcel.delivery
            if not under_way:
                return sent
            done, _ = wait(under_way, timeout=LOOK_SECONDS, return_when=FIRST_COMPLETED)
            for answered in done:
                _note_alone(under_way.pop(answered), answered.result())
                sent += 1


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
    return [
        Parcel(one, one.url, body(one), secrets.get(one.lane, []))
        for one in claimed
        if one.pk not in off
    ]


def _secrets(claimed: list[Delivery]) -> dict[str, list[str]]:
    """What each lane is signed with now, the newest first."""
    found: dict[str, list[str]] = {}
    living = WebhookSecret.objects.filter(
        Q(expires_at=None) | Q(expires_at__gt=timezone.now()),
        Q(endpoint__in={one.endpoint_id for one in claimed if one.endpoint_id})
        | Q(organization__in={one.lane for one in claimed if not one.endpoint_id}, endpoint=None),
    )
    for row in living.order_by("-id"):
        found.setdefault(row.endpoint_id or row.organization_id, []).append(row.secret)
    return found


def body(delivery: Delivery) -> bytes:
    """What is posted: the event as GET /events/{id} shows it, without what the headers say."""
    event = delivery.event
    message = {"type": event.type, "timestamp": moment(event.created_at), "data": event.data}
    return json.dumps(message, ensure_ascii=False, separators=(",", ":")).encode()


def post(parcel: Parcel) -> Outcome:
    """Send it once. Never raises for what the receiver does, and touches no database."""
    sent_at, began = timezone.now(), time.monotonic()
    id = parcel.delivery.event_id
    timestamp = int(sent_at.timestamp())
    headers = {
        "content-type": "application/json",
        **signatures.headers(id, timestamp, parcel.body, parcel.secrets),
    }
    status, error, answer = None, "", ""
    try:
        got = http.post(parcel.url, parcel.body, headers, seconds_max=ANSWER_SECONDS_MAX)
    except http.FetchFailed as failed:
        error = failed.message
    except Exception:
        # Ours. It counts as a try, or the delivery would come round for ever and hold up the rest.
        logger.exception("delivery.broke id=%s", parcel.delivery.id)
        error = "Something went wrong on our side."
    else:
        status = got.status
        answer = (
            got.body[:ANSWER_BYTES_KEPT]
            .decode(errors="replace")
            .replace("\x00", "\N{REPLACEMENT CHARACTER}")
        )
    milliseconds = int((time.monotonic() - began) * 1000)
    return Outcome(sent_at, milliseconds, status, error, answer)


def _note_alone(delivery: Delivery, outcome: Outcome) -> None:
    """What cannot be noted (its event has just gone, say) loses nothing of the others: it is as if we had died."""
    try:
        note(delivery, outcome)
    except DatabaseError:
        logger.exception("delivery.not_noted id=%s", delivery.id)


@transaction.atomic
def note(delivery: Delivery, outcome: Outcome) -> None:
    """Write the attempt down, and what follows from it. The endpoint is locked first when its row may change.

    If the lease had run out meanwhile, the attempt is noted and whoever has the delivery now decides.
    """
    endpoint = _endpoint_if_it_changes(delivery, outcome)
    DeliveryAttempt.objects.create(
        delivery=delivery,
        sent_at=outcome.sent_at,
        duration_milliseconds=outcome.milliseconds,
        status=outcome.status,
        error=outcome.error[:200],
        answer=outcome.answer,
    )
    now = timezone.now()
    is_off = endpoint is not None and bool(endpoint.disabled_at or endpoint.deleted_at)
    is_last = delivery.tries_count >= TRIES_MAX or outcome.status == 410 or is_off
    if outcome.is_success:
        fields = {"state": State.SUCCEEDED, "finished_at": now}
    elif is_last:
        fields = {"state": State.DEAD, "finished_at": now}
    else:
        fields = {"state": State.PENDING, "due_at": now + _pause(delivery.tries_count)}
    Delivery.objects.filter(
        pk=delivery.pk, state=State.SENDING, tries_count=delivery.tries_count
    ).update(**fields)
    if endpoint and not is_off:
        _judge(endpoint, outcome, now)
    logger.info(
        "delivery.sent id=%s event=%s status=%s state=%s",
        delivery.id, delivery.event_id, outcome.status, fields["state"],
    )  # fmt: skip


def _endpoint_if_it_changes(delivery: Delivery, outcome: Outcome) -> WebhookEndpoint | None:
    """A success to a healthy endpoint changes nothing of it, so it need not wait for others to the same."""
    if not delivery.endpoint_id or (outcome.is_success and not _is_failing(delivery)):
        return None
    return WebhookEndpoint.objects.select_for_update(no_key=True).get(pk=delivery.endpoint_id)


def _is_failing(delivery: Delivery) -> bool:
    return WebhookEndpoint.objects.filter(
        pk=delivery.endpoint_id, failing_since__isnull=False
    ).exists()


def _judge(endpoint: WebhookEndpoint, outcome: Outcome, now: datetime) -> None:
    """What one answer says of the endpoint. Its row is locked."""
    since = None if outcome.is_success else endpoint.failing_since or now
    if since != endpoint.failing_since:
        WebhookEndpoint.objects.filter(pk=endpoint.pk).update(failing_since=since)
    if outcome.status == 410:
        webhook_endpoints.disable(endpoint, WebhookEndpoint.Reason.GONE)
    elif since and now - since > FAILING_MAX:
        webhook_endpoints.disable(endpoint, WebhookEndpoint.Reason.FAILING)


def _pause(tries: int) -> timedelta:
    seconds = PAUSES_SECONDS[min(tries, len(PAUSES_SECONDS)) - 1]
    spread = random.SystemRandom().uniform(1 - JITTER, 1 + JITTER)
    return timedelta(seconds=seconds * spread)


# The lanes that wait are found by hopping through the index from one to the next, so that a lane with a hundred
# thousand waiting costs as much as one with a single one.
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
    )
    UPDATE accounts_delivery AS delivery
        SET state = 'sending', due_at = %(lease)s, tries_count = delivery.tries_count + 1
        FROM picked WHERE delivery.id = picked.id AND delivery.state = 'pending'
        RETURNING delivery.id
"""

"""Sends deliveries: claim, post, note. It keeps many receivers busy and waits for none of them.

It has a process of its own (`manage.py courier`, beside each worker's tasks), so that no receiver, however slow,
holds a place in which money could be settled. Several couriers share the work.

    claim   what is due, fairly: see claims.py
    post    in threads that touch no database, with no transaction open, for at most ANSWER_SECONDS_MAX
    note    the attempt, what becomes of the delivery, and how its endpoint fares

Whoever dies leaves claims behind; when their lease has run out they are sent again. So a receiver may get an event
twice, and knows it by `webhook-id`.
"""

import json
import logging
import random
import time
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.core.exceptions import ObjectDoesNotExist
from django.db import DatabaseError, transaction
from django.utils import timezone

from accounts import claims, deliveries, signatures, webhook_endpoints
from accounts.models import Delivery, DeliveryAttempt, WebhookEndpoint
from seedance_saas import http
from seedance_saas.api import moment

logger = logging.getLogger(__name__)

ANSWER_SECONDS_MAX = 15
ANSWER_BYTES_KEPT = 2048
PAUSES_SECONDS = (5, 60, 300, 1800, 7200, 18_000, 36_000, 36_000)
JITTER = 0.2  # a pause is longer or shorter by at most so much of itself
FAILING_MAX = timedelta(days=3)
LOOK_SECONDS = 0.5
State = Delivery.State


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


def run(*, must_stop: Callable[[], bool] = lambda: False) -> int:
    """Send what is due until nothing is; how many were sent. `must_stop` is asked before each look at what is due:
    from then on only the answers under way are waited for."""
    sent = 0
    under_way: dict[Future[Outcome], Delivery] = {}
    with ThreadPoolExecutor(claims.IN_ALL_MAX) as pool:
        while True:
            if not must_stop():
                deliveries.fan_out()
                for parcel in claims.claim(claims.IN_ALL_MAX - len(under_way)):
                    under_way[pool.submit(post, parcel)] = parcel.delivery
            if not under_way:
                return sent
            done, _ = wait(under_way, timeout=LOOK_SECONDS, return_when=FIRST_COMPLETED)
            for answered in done:
                _note_alone(under_way.pop(answered), answered.result())
                sent += 1


def body(delivery: Delivery) -> bytes:
    """What is posted: the event as GET /events/{id} shows it, without what the headers say."""
    event = delivery.event
    message = {"type": event.type, "timestamp": moment(event.created_at), "data": event.data}
    return json.dumps(message, ensure_ascii=False, separators=(",", ":")).encode()


def post(parcel: claims.Parcel) -> Outcome:
    """Send it once. Never raises for what the receiver does, and touches no database."""
    sent_at, began = timezone.now(), time.monotonic()
    id = parcel.delivery.event_id
    timestamp, content = int(sent_at.timestamp()), body(parcel.delivery)
    status, error, answer = None, "", ""
    try:
        secrets = [one.secret for one in parcel.secrets]
        headers = {
            "content-type": "application/json",
            **signatures.headers(id, timestamp, content, secrets),
        }
        got = http.post(parcel.url, content, headers, seconds_max=ANSWER_SECONDS_MAX)
    except http.FetchFailed as failed:
        error = failed.message
    except Exception:
        # Ours. It counts as a try, or the delivery would come round for ever and hold up the rest.
        logger.exception("delivery.broke id=%s", parcel.delivery.id)
        error = "We failed to send it."
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
    """What cannot be noted (its event or endpoint has just gone, say) loses nothing of the others: it is as if we
    had died."""
    try:
        note(delivery, outcome)
    except (DatabaseError, ObjectDoesNotExist):
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
    is_last = delivery.tries_count >= claims.TRIES_MAX or outcome.status == 410 or is_off
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
    spread = random.SystemRandom().uniform(1 - JITTER, 1 + JITTER)
    return timedelta(seconds=PAUSES_SECONDS[tries - 1] * spread)

"""What was used, told to Stripe's meters: an outbox that settlements fill and a task empties within minutes.

For a day an event is sent again until Stripe has it; its identifier makes the repeat harmless. Afterwards Stripe
forgets identifiers, so nothing is sent any more that might be there already: before an invoice is final, its sum
is compared with ours and corrected (see `invoices`).
"""

import logging
import time
from collections.abc import Sequence
from datetime import timedelta

from django.db import transaction
from django.db.models import F, Min
from django.utils import timezone

from accounts.models import Organization, User
from billing import credit_lines, customers, ledger
from billing.models import Grant, MeterEvent, StripeCustomer, Transfer
from billing.stripe_gateway import usage
from billing.stripe_gateway.connection import StripeRefused, StripeUnavailable
from seedance_saas import queue

logger = logging.getLogger(__name__)

Meter, State = MeterEvent.Meter, MeterEvent.State
NAMES = {Meter.USAGE: usage.USAGE, Meter.INVOICED: usage.INVOICED}
BATCH = 100
LEASE = timedelta(minutes=2)
PAUSE_SECONDS_MAX = 3_600
GIVE_UP = timedelta(hours=24)  # Stripe knows an identifier at least that long


def send_due(*, seconds_max: float) -> int:
    """Send what waits, the oldest first; how many were delivered. Several at once share the work.

    Asks Stripe: no transaction may be open. One that Stripe cannot take now is tried again later.
    """
    deadline, sent = time.monotonic() + seconds_max, 0
    known: dict[str, StripeCustomer] = {}
    while events := _take():
        for event in events:
            if time.monotonic() > deadline:
                return sent
            sent += _send(event, known)
    return sent


def _take() -> list[MeterEvent]:
    """The next ones, leased: if whoever has them dies, they are due again."""
    now = timezone.now()
    with transaction.atomic():
        events = list(
            MeterEvent.objects.select_for_update(skip_locked=True, of=("self",))
            .filter(state=State.PENDING, due_at__lte=now)
            .select_related("organization")
            .order_by("due_at")[:BATCH]
        )
        MeterEvent.objects.filter(pk__in=[event.pk for event in events]).update(
            due_at=now + LEASE, attempts_count=F("attempts_count") + 1
        )
    return events


def _send(event: MeterEvent, known: dict[str, StripeCustomer]) -> bool:
    if timezone.now() - event.occurred_at > GIVE_UP:
        _end(event, State.TOO_LATE, f"not delivered within a day: {event.error}".rstrip(": "))
        return False
    try:
        if event.organization_id not in known:
            known[event.organization_id] = customers.ensure(event.organization)
        usage.send_meter_event(
            NAMES[Meter(event.meter)],
            identifier=event.identifier,
            customer_id=known[event.organization_id].stripe_id,
            value=event.value_microusd,
            tags=tags(event),
            at=event.occurred_at,
        )
    except StripeUnavailable as error:
        seconds = min(2**event.attempts_count * 15, PAUSE_SECONDS_MAX)
        MeterEvent.objects.filter(pk=event.pk, state=State.PENDING).update(
            due_at=timezone.now() + timedelta(seconds=seconds), error=str(error)
        )
        return False
    except StripeRefused as refused:
        _end(event, State.REFUSED, refused.message)
        return False
    _end(event, State.SENT)
    return True


def _end(event: MeterEvent, state: MeterEvent.State, error: str = "") -> None:
    ended = MeterEvent.objects.filter(pk=event.pk, state=State.PENDING).update(
        state=state, error=error, sent_at=timezone.now() if state == State.SENT else None
    )
    if ended and state != State.SENT:
        logger.error("meter_event.%s id=%s meter=%s", state, event.id, event.meter)


def tags(event: MeterEvent) -> dict[str, str]:
    """What an operator can tell usage apart by in Stripe. The end user's name never leaves us."""
    found = {**event.labels, "seconds": str(event.seconds)}
    if event.end_user_pseudonym:
        found["end_user_id"] = event.end_user_pseudonym
    return found


def note_refused(event_id: str) -> str:
    """Mark what Stripe said afterwards that it did not take; its summary, for the operator. A repeat is harmless.

    A report names samples only: what it does not name is found when sums are compared.
    """
    samples, summary = usage.refused_identifiers(event_id)
    for identifier, why in samples.items():
        known = MeterEvent.objects.filter(pk=identifier.removeprefix("usage:"))
        known.filter(state__in=(State.SENT, State.PENDING)).update(state=State.REFUSED, error=why)
    logger.error("meter_event.report event=%s named=%s %s", event_id, len(samples), summary)
    return summary


def lag_seconds() -> float:
    """How old the oldest event is that waits to be sent; 0 when none waits."""
    # Not the one that is due first: what Stripe did not take for hours is due last.
    waiting = MeterEvent.objects.filter(state=State.PENDING)
    oldest = waiting.aggregate(at=Min("occurred_at"))["at"]
    return (timezone.now() - oldest).total_seconds() if oldest else 0.0


# -- Taking back --------------------------------------------------------------------------------------


@transaction.atomic
def take_back(
    organization: Organization, reference: str, *, reason: str, actor: User
) -> Sequence[MeterEvent]:
    """The operator does not charge what a line paid for: the credits return to it, and no invoice asks for it.

    Within a day Stripe's meter is told, and afterwards the draft is corrected; what was invoiced already is given
    back on the next invoice. Idempotent by `reference`. Locks the wallet. Returns what was taken back now.
    """
    ledger.lock(organization)
    events = list(
        MeterEvent.objects.filter(
            organization=organization, meter=Meter.INVOICED, reference=reference
        )
        .exclude(state=State.CANCELED)
        .order_by("id")
    )
    for event in events:
        capture = Transfer.objects.select_related("grant").get(pk=event.id)
        assert isinstance(capture.grant, Grant), capture.id
        ledger.correct(
            capture.grant,
            change_microusd=event.value_microusd,
            reference=f"{credit_lines.TAKEN_BACK}{event.id}",
            reason=reason,
            actor=actor,
        )
        MeterEvent.objects.filter(pk=event.pk).update(state=State.CANCELED, due_at=timezone.now())
        queue.enqueue("billing.tasks.cancel_meter_event", event.id)
    credit_lines.adjust(organization)
    return events


def cancel(event: MeterEvent) -> None:
    """Tell Stripe's meter of an event that was taken back. What it does not take any more, the invoice corrects.

    One that an invoice asks for already stays in the meter: the next invoice gives it back.
    """
    assert event.state == State.CANCELED, event.id
    if event.invoice_id:
        return
    try:
        usage.cancel_meter_event(NAMES[Meter(event.meter)], event.identifier)
    except StripeRefused as refused:
        logger.warning("meter_event.not_canceled id=%s why=%s", event.id, refused.code)

"""What an invoice has to ask for: our ledger's sum, Stripe's, and what the next one makes good."""

import logging
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q, Sum
from django.utils import timezone

from billing import ledger
from billing.models import Invoice, MeterEvent
from billing.stripe_gateway import invoicing, usage
from billing.stripe_gateway.invoicing import InvoiceNow

logger = logging.getLogger(__name__)

SETTLE_AFTER = timedelta(hours=1)  # Stripe still counts what arrives of the period until then


def is_on_its_way(invoice: Invoice) -> bool:
    """Something of the period waits to be told, or was told just now: Stripe's sums are not of this moment."""
    just_now = timezone.now() - SETTLE_AFTER
    told, canceled = MeterEvent.State.SENT, MeterEvent.State.CANCELED
    return (
        MeterEvent.objects.filter(
            organization=invoice.organization_id,
            meter=MeterEvent.Meter.INVOICED,
            occurred_at__lt=invoice.period_ended_at,
        )
        .filter(Q(invoice=None) | Q(invoice=invoice))
        .filter(
            Q(state=MeterEvent.State.PENDING)
            | Q(state=told, sent_at__gt=just_now)
            | Q(state=canceled, due_at__gt=just_now, invoice=None)
        )
        .exists()
    )


@transaction.atomic
def count(invoice: Invoice) -> None:
    """What this invoice is for, in micro-dollars, the same for ever once Stripe has asked for it.

    What was invoiced before and taken back afterwards is given back here. Locks the wallet.
    """
    ledger.lock(invoice.organization)
    invoice.refresh_from_db()
    if invoice.asked_cents is not None:
        return
    events = MeterEvent.objects.filter(
        organization=invoice.organization_id, meter=MeterEvent.Meter.INVOICED
    )
    events.filter(invoice=None, occurred_at__lt=invoice.period_ended_at).exclude(
        state=MeterEvent.State.CANCELED
    ).update(invoice=invoice)
    events.filter(state=MeterEvent.State.CANCELED, invoice__isnull=False, credited_on=None).exclude(
        invoice=invoice
    ).update(credited_on=invoice)
    asked = invoice.events.aggregate(total=Sum("value_microusd", default=0))["total"]
    given_back = invoice.credits.aggregate(total=Sum("value_microusd", default=0))["total"]
    invoice.usage_microusd = asked - given_back
    Invoice.objects.filter(pk=invoice.pk).update(usage_microusd=invoice.usage_microusd)


def correct(invoice: Invoice) -> None:
    """Let the draft come to our sum, whatever Stripe's meter has when it counts it, which is when it is final.

    Read afresh, so that a repeat after a death finds its correction there and adds none.
    """
    now = invoicing.read_invoice(invoice.stripe_id)
    if now.status != "draft":
        return
    metered_cents = _metered_cents(invoice, now)
    difference = target_cents(invoice) - metered_cents - now.correction_cents
    if not difference:
        return
    logger.error(
        "invoice.corrected id=%s metered_cents=%s corrected_cents=%s ledger_microusd=%s by_cents=%s",
        invoice.id, metered_cents, now.correction_cents, invoice.usage_microusd, difference,
    )  # fmt: skip
    invoicing.correct_invoice(
        invoice.stripe_id,
        customer_id=now.customer_id,
        amount_cents=difference,
        why="Usage by our ledger that the meter has otherwise",
        key=f"{invoice.id}:{now.correction_cents}:{difference}",
    )


def _metered_cents(invoice: Invoice, now: InvoiceNow) -> int:
    """What the metered lines will come to. The draft itself shows only what was there when it was made.

    A line counts from the very second in which its subscription began, and Stripe tells sums of whole minutes
    only: what was used in those minutes, and not in the period, is taken off again.
    """
    meter_id = usage.meter_ids()[usage.INVOICED] if now.metered_periods else ""
    total = 0
    for start, end in now.metered_periods:
        minute, last_minute = start.replace(second=0), end + timedelta(seconds=-end.second % 60)
        counted = usage.meter_sum(
            meter_id, customer_id=now.customer_id, start=minute, end=last_minute
        )
        beside = _sent_microusd(invoice, minute, start) + _sent_microusd(invoice, end, last_minute)
        total += cents(max(0, counted - beside))
    return total


def _sent_microusd(invoice: Invoice, start: datetime, end: datetime) -> int:
    """What the priced meter was told of these seconds, `end` not included."""
    sent = MeterEvent.objects.filter(
        organization=invoice.organization_id,
        meter=MeterEvent.Meter.INVOICED,
        state=MeterEvent.State.SENT,
        occurred_at__gte=start,
        occurred_at__lt=end,
    )
    return int(sent.aggregate(total=Sum("value_microusd", default=0))["total"])


def target_cents(invoice: Invoice) -> int:
    """What it has to ask for: its own usage, and what others asked too little (> 0) or too much."""
    return cents(invoice.usage_microusd) + missed_cents(invoice.organization_id, but=invoice.pk)


def missed_cents(organization_id: str, *, but: str = "") -> int:
    asked = Invoice.objects.filter(organization=organization_id, asked_cents__isnull=False)
    return sum(
        cents(used_microusd) - (asked_cents or 0)
        for used_microusd, asked_cents in asked.exclude(pk=but)
        .exclude(state=Invoice.State.VOID)
        .values_list("usage_microusd", "asked_cents")
    )


def cents(microusd: int) -> int:
    """Rounded as Stripe rounds a metered line: half a cent goes up."""
    return (microusd + 5_000) // 10_000

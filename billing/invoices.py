"""The life of an invoice over what was used from a line, to be read from top to bottom.

    draft -> (an hour for what is still on its way) -> complete -> Stripe asks for it -> paid | overdue | void

Stripe adds up its meter, and we add up our ledger. Before an invoice is final the two are compared: what Stripe
missed is added as a line of its own, what it has too much is taken off. So it asks for what was used, to the cent.
"""

import logging
from datetime import timedelta

from django.db import transaction
from django.db.models import Sum
from django.utils import timezone

from accounts import webhooks
from billing import credit_lines, ledger, presentation
from billing.models import CreditLine, Invoice, MeterEvent, StripeCustomer
from billing.stripe_gateway import usage
from billing.stripe_gateway.usage import InvoiceNow
from seedance_saas import queue

logger = logging.getLogger(__name__)

State = Invoice.State
SETTLE_AFTER = timedelta(hours=1)  # Stripe still counts what arrives of the period until then
LOOK_AGAIN = timedelta(minutes=5)
LOOK_EVERY = timedelta(hours=12)
_FINAL = (State.PAID, State.VOID)


def follow(stripe_id: str) -> Invoice | None:
    """Ask Stripe how an invoice stands and bring our books there: any number of times, in any order.

    None for one that is not over a line of ours. Lets StripeUnavailable out.
    """
    now = usage.read_invoice(stripe_id)
    line = (
        CreditLine.objects.filter(subscription_id=now.subscription_id)
        .select_related("organization")
        .first()
        if now.subscription_id
        else None
    )
    if line is None and not Invoice.objects.filter(stripe_id=stripe_id).exists():
        return None
    invoice = _keep(now, line)
    if now.status == "draft":
        return _complete(invoice)
    return _apply(invoice, now)


def _keep(now: InvoiceNow, line: CreditLine | None) -> Invoice:
    """The row, made when the invoice is first heard of."""
    if line:
        Invoice.objects.bulk_create(
            [
                Invoice(
                    organization=line.organization,
                    stripe_id=now.stripe_id,
                    state=State.DRAFT,
                    period_started_at=now.period_started_at,
                    period_ended_at=now.period_ended_at,
                    created_at=now.created_at,
                    due_at=now.period_ended_at + SETTLE_AFTER,
                )
            ],
            ignore_conflicts=True,
        )
    return Invoice.objects.select_related("organization").get(stripe_id=now.stripe_id)


# -- complete ---------------------------------------------------------------------------------------


def _complete(invoice: Invoice) -> Invoice:
    """Keep Stripe from asking too early; when everything has arrived, compare, correct, and let it ask."""
    usage.keep_draft(invoice.stripe_id)
    if timezone.now() < invoice.period_ended_at + SETTLE_AFTER or _is_on_its_way(invoice):
        Invoice.objects.filter(pk=invoice.pk).update(
            due_at=max(timezone.now() + LOOK_AGAIN, invoice.period_ended_at + SETTLE_AFTER)
        )
        return invoice
    used_microusd = _count(invoice)
    _correct(invoice, used_microusd)
    usage.finalize_invoice(invoice.stripe_id)
    return _apply(invoice, usage.read_invoice(invoice.stripe_id))


def _is_on_its_way(invoice: Invoice) -> bool:
    return MeterEvent.objects.filter(
        organization=invoice.organization_id,
        meter=MeterEvent.Meter.INVOICED,
        state=MeterEvent.State.PENDING,
        occurred_at__lt=invoice.period_ended_at,
    ).exists()


@transaction.atomic
def _count(invoice: Invoice) -> int:
    """What this invoice asks for, in micro-dollars, from now on the same: each use is on one invoice, for ever.

    What was invoiced before and taken back afterwards is given back here. Locks the wallet.
    """
    ledger.lock(invoice.organization)
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
    used = int(asked - given_back)
    Invoice.objects.filter(pk=invoice.pk).update(usage_microusd=used)
    invoice.usage_microusd = used
    return used


def _correct(invoice: Invoice, used_microusd: int) -> None:
    """Read afresh, so that a repeat after a death finds its correction there and adds none."""
    now = usage.read_invoice(invoice.stripe_id)
    difference = cents(used_microusd) - now.usage_cents
    if now.status != "draft" or not difference:
        return
    logger.error(
        "invoice.corrected id=%s stripe_cents=%s ledger_microusd=%s",
        invoice.id, now.usage_cents, used_microusd,
    )  # fmt: skip
    usage.correct_invoice(
        invoice.stripe_id,
        customer_id=StripeCustomer.objects.get(organization=invoice.organization_id).stripe_id,
        amount_cents=difference,
        why="Usage by our ledger that the meter has otherwise",
        key=f"{invoice.id}:{now.usage_cents}",
    )
    Invoice.objects.filter(pk=invoice.pk).update(correction_cents=difference)


def cents(microusd: int) -> int:
    """Rounded as Stripe rounds a metered line: half a cent goes up."""
    return (microusd + 5_000) // 10_000


# -- paid, or not -----------------------------------------------------------------------------------


def _state_of(now: InvoiceNow) -> Invoice.State:
    if now.status == "open":
        is_late = now.due_at is not None and now.due_at < timezone.now()
        return State.OVERDUE if is_late or now.has_failed else State.OPEN
    return State(now.status)


@transaction.atomic
def _apply(invoice: Invoice, now: InvoiceNow) -> Invoice:
    """Write where it stands, and what follows for the books and for the line. Locks the wallet, then the invoice."""
    ledger.lock(invoice.organization)
    row = (
        Invoice.objects.select_for_update(no_key=True, of=("self",))
        .select_related("organization")
        .get(pk=invoice.pk)
    )
    before, state = State(row.state), _state_of(now)
    if before in _FINAL:
        return row  # nothing comes after these: an answer that was read before is the older one
    row.state, row.number = state, now.number
    row.amount_cents, row.total_cents = now.net_cents, now.total_cents
    row.hosted_url, row.pdf_url = now.hosted_url, now.pdf_url
    row.pay_until, row.paid_at = now.due_at, now.paid_at
    row.due_at = None if state in _FINAL else timezone.now() + LOOK_EVERY
    if state in _FINAL:
        ledger.receive_payment(
            row.organization,
            paid_microusd=now.net_cents * 10_000 if state == State.PAID else 0,
            owed_microusd=row.usage_microusd,
            reference=f"invoice:{row.id}",
        )
        row.is_settled = True
    row.save()
    _follow_line(row)
    if state != before:
        logger.info(
            "invoice.moved id=%s organization=%s from=%s to=%s total_cents=%s",
            row.id, row.organization_id, before, state, row.total_cents,
        )  # fmt: skip
        _tell(row)
    return row


def _follow_line(row: Invoice) -> None:
    """Unpaid invoices close the line; when none is left it opens, and what was paid may be used again."""
    unpaid = Invoice.objects.filter(
        organization=row.organization_id, state__in=(State.OVERDUE, State.UNCOLLECTIBLE)
    )
    if unpaid.exists():
        credit_lines.close(row.organization, CreditLine.Closure.UNPAID)
    else:
        credit_lines.reopen(row.organization, CreditLine.Closure.UNPAID)
    credit_lines.adjust(row.organization)


_TOLD = {
    State.OPEN: "invoice.issued",
    State.PAID: "invoice.paid",
    State.OVERDUE: "invoice.overdue",
    State.UNCOLLECTIBLE: "invoice.overdue",
}


def _tell(row: Invoice) -> None:
    if row.state in _TOLD and row.total_cents:
        event = webhooks.publish(
            row.organization, _TOLD[State(row.state)], presentation.invoice(row)
        )
        queue.enqueue("billing.tasks.mail_alert", event.id)

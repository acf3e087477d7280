"""The life of an invoice over what was used from a line, to be read from top to bottom.

    draft -> (an hour for what is still on its way) -> complete -> Stripe asks for it -> paid | overdue | void
    paid -> (a refund, or a dispute) -> still paid, and what went back is in the books

Stripe adds up its meter, and we add up our ledger. Before an invoice is final the two are compared: what Stripe
missed is added as a line of its own, what it has too much is taken off. So it asks for what was used, to the cent.
If Stripe made it final without us (our webhooks were away), the next one makes good what it has wrong.
"""

import logging
from contextlib import suppress
from datetime import timedelta

from django.db import transaction
from django.db.models import Sum
from django.utils import timezone

from accounts import mails, webhooks
from billing import credit_lines, invoice_reversals, invoice_sums, ledger, presentation
from billing.models import CreditLine, Invoice, MeterEvent, StripeCustomer
from billing.stripe_gateway import invoicing, payers
from billing.stripe_gateway.connection import StripeUnavailable
from billing.stripe_gateway.invoicing import InvoiceGone, InvoiceNow

logger = logging.getLogger(__name__)

State = Invoice.State
LOOK_AGAIN = timedelta(minutes=5)
LOOK_EVERY = timedelta(hours=12)
_FINAL = (State.PAID, State.VOID)
LOOKS_MAX = 10  # each is lost to one that wrote meanwhile; a task tries again after that


class _Overtaken(Exception):
    """Another process wrote what Stripe said after we had asked: our answer may be the older one."""


def follow(stripe_id: str) -> Invoice | None:
    """Ask Stripe how an invoice stands and bring our books there: any number of times, in any order.

    What was asked before another process wrote its answer is asked again, so that the older one never wins. None
    for one that is not over a line of ours. Lets StripeUnavailable out.
    """
    for _ in range(LOOKS_MAX):
        with suppress(_Overtaken):
            return _look(stripe_id)
    raise StripeUnavailable(f"{stripe_id} is being followed by too many at once.")


def follow_payment(intent_id: str) -> None:
    """The invoice that a payment paid, with what went back of it. One that paid none of ours is none of our business.

    Asks Stripe.
    """
    if stripe_id := invoicing.invoice_of_payment(intent_id):
        follow(stripe_id)


def _look(stripe_id: str) -> Invoice | None:
    known = Invoice.objects.filter(stripe_id=stripe_id).first()
    looks_count = known.looks_count if known else 0
    try:
        now = invoicing.read_invoice(stripe_id)
    except InvoiceGone:
        if known:
            _forget(known, looks_count)
        return None
    invoice = known or _keep(now)
    if invoice is None:
        return None
    if now.status == "draft":
        return _complete(invoice, now)
    if invoice.asked_cents is None:
        invoice_sums.count(invoice)  # Stripe was quicker: what it has wrong is on the next one
    return _apply(invoice, now, looks_count)


def _keep(now: InvoiceNow) -> Invoice | None:
    """The row, made when the invoice is first heard of, whichever subscription of the organization it is of."""
    line = CreditLine.objects.filter(
        organization_id=now.organization_id,
        organization__stripe_customer__stripe_id=now.customer_id,
    ).first()
    if line is None:
        return None
    Invoice.objects.bulk_create(
        [
            Invoice(
                organization_id=line.organization_id,
                stripe_id=now.stripe_id,
                state=State.DRAFT,
                period_started_at=now.period_started_at,
                period_ended_at=now.period_ended_at,
                created_at=now.created_at,
                due_at=now.period_ended_at + invoice_sums.SETTLE_AFTER,
            )
        ],
        ignore_conflicts=True,
    )
    return Invoice.objects.get(stripe_id=now.stripe_id)


@transaction.atomic
def _forget(invoice: Invoice, looks_count: int) -> None:
    """A draft that somebody deleted at Stripe asked for nothing: what was on it is on the next one.

    Locks the wallet, then the invoice.
    """
    row = _lock(invoice, looks_count)
    assert row.state == State.DRAFT, row.id
    row.events.update(invoice=None)
    row.credits.update(credited_on=None)
    row.delete()
    logger.error("invoice.deleted id=%s stripe_id=%s", row.id, row.stripe_id)


# -- complete ---------------------------------------------------------------------------------------


def _complete(invoice: Invoice, now: InvoiceNow) -> Invoice:
    """Keep Stripe from asking too early; when everything has arrived, compare, correct, and let it ask."""
    invoicing.keep_draft(invoice.stripe_id)
    if (
        timezone.now() < invoice.period_ended_at + invoice_sums.SETTLE_AFTER
        or invoice_sums.is_on_its_way(invoice)
    ):
        Invoice.objects.filter(pk=invoice.pk).update(
            due_at=max(
                timezone.now() + LOOK_AGAIN, invoice.period_ended_at + invoice_sums.SETTLE_AFTER
            )
        )
        return invoice
    invoice_sums.count(invoice)
    invoice_sums.correct(invoice)
    if now.is_charged:
        payers.choose_card(now.customer_id)
    invoicing.finalize_invoice(invoice.stripe_id)
    invoice.refresh_from_db()
    return _apply(invoice, invoicing.read_invoice(invoice.stripe_id), invoice.looks_count)


# -- paid, or not -----------------------------------------------------------------------------------


def _state_of(now: InvoiceNow) -> Invoice.State:
    if now.status == "open":
        is_late = now.due_at is not None and now.due_at < timezone.now()
        return State.OVERDUE if is_late or now.has_failed else State.OPEN
    return State(now.status)


def _lock(invoice: Invoice, looks_count: int) -> Invoice:
    """Lock the wallet, then the invoice. Raises _Overtaken if somebody wrote to it since `looks_count`."""
    ledger.lock(invoice.organization)
    row = (
        Invoice.objects.select_for_update(no_key=True, of=("self",))
        .select_related("organization")
        .get(pk=invoice.pk)
    )
    if row.looks_count != looks_count:
        raise _Overtaken
    row.looks_count += 1
    return row


@transaction.atomic
def _apply(invoice: Invoice, now: InvoiceNow, looks_count: int) -> Invoice:
    """Write where it stands, and what follows for the books and for the line. Locks the wallet, then the invoice.

    One that is paid or void stays so, whatever goes back of it: what that means is told in `invoice_reversals`.
    """
    row = _lock(invoice, looks_count)
    before = State(row.state)
    if before not in _FINAL:
        _write(row, now)
    row.due_at = None if row.is_settled else timezone.now() + LOOK_EVERY
    if row.is_settled:
        invoice_reversals.follow(row, now)
    row.save()
    credit_lines.follow_invoices(row.organization)
    if row.state != before:
        logger.info(
            "invoice.moved id=%s organization=%s from=%s to=%s total_cents=%s",
            row.id, row.organization_id, before, row.state, row.total_cents,
        )  # fmt: skip
        _tell(row)
    return row


def _write(row: Invoice, now: InvoiceNow) -> None:
    row.state, row.number = _state_of(now), now.number
    row.amount_cents, row.total_cents = now.net_cents, now.total_cents
    row.correction_cents, row.hosted_url, row.pdf_url = (
        now.correction_cents,
        now.hosted_url,
        now.pdf_url,
    )
    row.pay_until, row.paid_at = now.due_at, now.paid_at
    if row.asked_cents is None:
        row.asked_cents = now.usage_cents
        if differs := invoice_sums.target_cents(row) - now.usage_cents:
            logger.error("invoice.differs id=%s by_cents=%s", row.id, differs)
    if row.state in _FINAL:
        ledger.receive_payment(
            row.organization,
            paid_microusd=now.paid_cents * 10_000,
            owed_microusd=row.usage_microusd,
            reference=f"invoice:{row.id}",
        )
        row.is_settled = True


_TOLD = {
    State.OPEN: "invoice.issued",
    State.PAID: "invoice.paid",
    State.OVERDUE: "invoice.overdue",
    State.UNCOLLECTIBLE: "invoice.overdue",
}


def _tell(row: Invoice) -> None:
    if row.state in _TOLD and row.total_cents > 0:
        event = webhooks.publish(
            row.organization, _TOLD[State(row.state)], presentation.invoice(row)
        )
        mails.owe("billing.alert_mails.compose", event.id)


# -- the last one -----------------------------------------------------------------------------------


def ask_for_rest(line: CreditLine) -> Invoice | None:
    """An invoice of its own for what was used and no subscription asks for any more, when nothing is held of the line.

    So it is when work ended after the last month, or when somebody ended the subscription at Stripe. A repeat while
    there is a draft makes no other. Asks Stripe: no transaction may be open.
    """
    of_organization = Invoice.objects.filter(organization=line.organization_id)
    if of_organization.filter(state=State.DRAFT).exists():
        return None
    rest = (
        MeterEvent.objects.filter(
            organization=line.organization_id, meter=MeterEvent.Meter.INVOICED, invoice=None
        )
        .exclude(state=MeterEvent.State.CANCELED)
        .aggregate(total=Sum("value_microusd", default=0))["total"]
    )
    rest_cents = invoice_sums.cents(rest) + invoice_sums.missed_cents(line.organization_id)
    if rest_cents <= 0 or credit_lines.standing(line).held_microusd:
        return None
    stripe_id = invoicing.create_invoice(
        line.organization_id,
        customer_id=StripeCustomer.objects.get(organization=line.organization_id).stripe_id,
        net_days=line.net_days,
        key=f"rest:{line.organization_id}:{of_organization.count()}",
    )
    return follow(stripe_id)

"""The life of an invoice over what was used from a line, to be read from top to bottom.

    draft -> (an hour for what is still on its way) -> complete -> Stripe asks for it -> paid | overdue | void

Stripe adds up its meter, and we add up our ledger. Before an invoice is final the two are compared: what Stripe
missed is added as a line of its own, what it has too much is taken off. So it asks for what was used, to the cent.
If Stripe made it final without us (our webhooks were away), the next one makes good what it has wrong.
"""

import logging
from contextlib import suppress
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q, Sum
from django.utils import timezone

from accounts import mails, webhooks
from billing import credit_lines, ledger, presentation
from billing.models import CreditLine, Invoice, MeterEvent, Reversal, StripeCustomer
from billing.stripe_gateway import invoicing, payments, usage
from billing.stripe_gateway.connection import StripeUnavailable
from billing.stripe_gateway.invoicing import InvoiceNow

logger = logging.getLogger(__name__)

State = Invoice.State
SETTLE_AFTER = timedelta(hours=1)  # Stripe still counts what arrives of the period until then
LOOK_AGAIN = timedelta(minutes=5)
LOOK_EVERY = timedelta(hours=12)
_FINAL = (State.PAID, State.VOID)
LOOKS_MAX = 5


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


def _look(stripe_id: str) -> Invoice | None:
    known = Invoice.objects.filter(stripe_id=stripe_id).first()
    looks_count = known.looks_count if known else 0
    now = invoicing.read_invoice(stripe_id)
    invoice = known or _keep(now)
    if invoice is None:
        return None
    if now.status == "draft":
        return _complete(invoice, now)
    if invoice.asked_cents is None:
        _count(invoice)  # Stripe was quicker: what it has wrong is on the next one
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
                due_at=now.period_ended_at + SETTLE_AFTER,
            )
        ],
        ignore_conflicts=True,
    )
    return Invoice.objects.get(stripe_id=now.stripe_id)


# -- complete ---------------------------------------------------------------------------------------


def _complete(invoice: Invoice, now: InvoiceNow) -> Invoice:
    """Keep Stripe from asking too early; when everything has arrived, compare, correct, and let it ask."""
    invoicing.keep_draft(invoice.stripe_id)
    if timezone.now() < invoice.period_ended_at + SETTLE_AFTER or _is_on_its_way(invoice):
        Invoice.objects.filter(pk=invoice.pk).update(
            due_at=max(timezone.now() + LOOK_AGAIN, invoice.period_ended_at + SETTLE_AFTER)
        )
        return invoice
    _count(invoice)
    _correct(invoice)
    if now.is_charged:
        payments.choose_card(now.customer_id)
    invoicing.finalize_invoice(invoice.stripe_id)
    invoice.refresh_from_db()
    return _apply(invoice, invoicing.read_invoice(invoice.stripe_id), invoice.looks_count)


def _is_on_its_way(invoice: Invoice) -> bool:
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
def _count(invoice: Invoice) -> None:
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


def _correct(invoice: Invoice) -> None:
    """Let the draft come to our sum, whatever Stripe's meter has when it counts it, which is when it is final.

    Read afresh, so that a repeat after a death finds its correction there and adds none.
    """
    now = invoicing.read_invoice(invoice.stripe_id)
    if now.status != "draft":
        return
    metered_cents = _metered_cents(invoice, now)
    difference = _target_cents(invoice) - metered_cents - now.correction_cents
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


def _target_cents(invoice: Invoice) -> int:
    """What it has to ask for: its own usage, and what others asked too little (> 0) or too much."""
    return cents(invoice.usage_microusd) + _missed_cents(invoice.organization_id, but=invoice.pk)


def _missed_cents(organization_id: str, *, but: str = "") -> int:
    asked = Invoice.objects.filter(organization=organization_id, asked_cents__isnull=False)
    return sum(
        cents(used_microusd) - (asked_cents or 0)
        for used_microusd, asked_cents in asked.exclude(pk=but)
        .exclude(state=State.VOID)
        .values_list("usage_microusd", "asked_cents")
    )


def cents(microusd: int) -> int:
    """Rounded as Stripe rounds a metered line: half a cent goes up."""
    return (microusd + 5_000) // 10_000


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
    """Write where it stands, and what follows for the books and for the line."""
    row = _lock(invoice, looks_count)
    before, state = State(row.state), _state_of(now)
    if before in _FINAL:
        return row
    row.state, row.number = state, now.number
    row.amount_cents, row.total_cents = now.net_cents, now.total_cents
    row.correction_cents, row.hosted_url, row.pdf_url = (
        now.correction_cents,
        now.hosted_url,
        now.pdf_url,
    )
    row.pay_until, row.paid_at = now.due_at, now.paid_at
    row.due_at = None if state in _FINAL else timezone.now() + LOOK_EVERY
    if row.asked_cents is None:
        row.asked_cents = now.usage_cents
        if differs := _target_cents(row) - now.usage_cents:
            logger.error("invoice.differs id=%s by_cents=%s", row.id, differs)
    if state in _FINAL:
        ledger.receive_payment(
            row.organization,
            paid_microusd=now.paid_cents * 10_000 if state == State.PAID else 0,
            owed_microusd=row.usage_microusd,
            reference=f"invoice:{row.id}",
        )
        row.is_settled = True
    row.save()
    credit_lines.follow_invoices(row.organization)
    if state != before:
        logger.info(
            "invoice.moved id=%s organization=%s from=%s to=%s total_cents=%s",
            row.id, row.organization_id, before, state, row.total_cents,
        )  # fmt: skip
        _tell(row)
    return row


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


# -- disputed ---------------------------------------------------------------------------------------


def follow_payment(intent_id: str) -> None:
    """Who takes back what an invoice was paid with gets nothing more on account until that is settled.

    Asks Stripe. A payment that paid no invoice of ours is none of our business.
    """
    paid = Invoice.objects.filter(stripe_id=invoicing.invoice_of_payment(intent_id))
    for _ in range(LOOKS_MAX):
        if (invoice := paid.select_related("organization").first()) is None:
            return
        is_disputed = any(
            back.kind == Reversal.Kind.DISPUTE
            and back.state in (Reversal.State.OPEN, Reversal.State.LOST)
            for back in payments.read_payment(intent_id).money_back
        )
        with suppress(_Overtaken), transaction.atomic():
            row = _lock(invoice, invoice.looks_count)
            row.is_disputed = is_disputed
            row.save()
            credit_lines.follow_invoices(row.organization)
            return
    raise StripeUnavailable(f"{intent_id} is being followed by too many at once.")


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
    rest_cents = cents(rest) + _missed_cents(line.organization_id)
    if rest_cents <= 0 or credit_lines.standing(line).held_microusd:
        return None
    stripe_id = invoicing.create_invoice(
        line.organization_id,
        customer_id=StripeCustomer.objects.get(organization=line.organization_id).stripe_id,
        net_days=line.net_days,
        key=f"rest:{line.organization_id}:{of_organization.count()}",
    )
    return follow(stripe_id)

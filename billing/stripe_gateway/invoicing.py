"""The invoices over what was used from a line: how they stand, and what we do to a draft.

Sources: docs.stripe.com/api/invoices, /invoiceitems, /invoice-payment, /credit_notes; of a draft's metered line and
when it is counted: docs.stripe.com/billing/subscriptions/usage-based/configure-grace-period.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

import stripe
from django.conf import settings
from stripe.params import InvoiceCreateParams

from billing.stripe_gateway import money_back
from billing.stripe_gateway.connection import StripeRefused, asking
from billing.stripe_gateway.fields import id_of, moment, tag_of
from billing.stripe_gateway.money_back import MoneyBack
from billing.stripe_gateway.payments import CURRENCY


@dataclass(frozen=True)
class InvoiceNow:
    """How an invoice stands. Amounts are without tax, except `total_cents`."""

    stripe_id: str
    number: str
    status: str  # Stripe's: draft, open, paid, uncollectible, void
    organization_id: str  # of the subscription, or of an invoice that we made; "" of any other
    customer_id: str
    is_charged: bool  # to the saved card; else it is sent, to be paid
    metered_cents: int  # of a draft: as it was when it was made
    metered_periods: tuple[tuple[datetime, datetime], ...]
    correction_cents: int
    net_cents: int  # after whatever else stands on it
    paid_cents: int  # of these what came in: not what a customer's balance or a credit note paid
    total_cents: int
    received_cents: int  # all that came in, with its tax
    money_back: tuple[MoneyBack, ...]  # of one that has ended: what of that went out again
    period_started_at: datetime
    period_ended_at: datetime
    due_at: datetime | None
    has_failed: bool  # the saved card was charged, and nothing came
    hosted_url: str
    pdf_url: str
    created_at: datetime
    paid_at: datetime | None

    @property
    def usage_cents(self) -> int:
        return self.metered_cents + self.correction_cents


class InvoiceGone(Exception):
    """It was a draft, and somebody deleted it."""


def read_invoice(stripe_id: str) -> InvoiceNow:
    """Raises InvoiceGone."""
    try:
        with asking() as client:
            invoice = client.v1.invoices.retrieve(
                stripe_id, {"expand": ["payments.data.payment.payment_intent"]}
            )
            lines = list(
                client.v1.invoices.line_items.list(
                    stripe_id, {"limit": 100, "expand": ["data.pricing.price_details.price"]}
                ).auto_paging_iter()
            )
    except StripeRefused as refused:
        if refused.code == "resource_missing":
            raise InvoiceGone(stripe_id) from None
        raise
    metered = [line for line in lines if _is_metered(line)]
    periods = [(moment(line.period.start), moment(line.period.end)) for line in metered]
    whole = (moment(invoice.period_start), moment(invoice.period_end))
    parent = invoice.parent.subscription_details if invoice.parent else None
    untaxed = invoice.total_excluding_tax
    net_cents = invoice.total if untaxed is None else untaxed
    received_cents = max(invoice.amount_paid, invoice.amount_paid_off_stripe or 0)
    has_ended = invoice.status in ("paid", "void")
    paid_at = invoice.status_transitions.paid_at if invoice.status_transitions else None
    return InvoiceNow(
        stripe_id=invoice.id,
        number=invoice.number or "",
        status=invoice.status or "draft",
        organization_id=tag_of(parent.metadata if parent else invoice.metadata, "organization"),
        customer_id=id_of(invoice.customer),
        is_charged=invoice.collection_method == "charge_automatically",
        metered_cents=sum(line.amount for line in metered),
        metered_periods=tuple(periods),
        correction_cents=sum(line.amount for line in lines if tag_of(line.metadata, "correction")),
        net_cents=net_cents,
        paid_cents=_untaxed(received_cents, net_cents, invoice.total),
        total_cents=invoice.total,
        received_cents=received_cents,
        money_back=tuple(_money_back(invoice)) if has_ended else (),
        period_started_at=min((start for start, _ in periods), default=whole[0]),
        period_ended_at=max((end for _, end in periods), default=whole[1]),
        due_at=moment(invoice.due_date) if invoice.due_date else None,
        has_failed=_has_failed(invoice),
        hosted_url=invoice.hosted_invoice_url or "",
        pdf_url=invoice.invoice_pdf or "",
        created_at=moment(invoice.created),
        paid_at=moment(paid_at) if paid_at else None,
    )


def _untaxed(received_cents: int, net_cents: int, total_cents: int) -> int:
    """Of what came in, the part that is no tax: all of it for all of it."""
    return received_cents * net_cents // total_cents if total_cents > 0 else received_cents


def _money_back(invoice: stripe.Invoice) -> Iterator[MoneyBack]:
    """What went back of its payments, and what an operator says to have given back another way.

    A refund leaves the invoice as it is, paid; a credit note over it names the same refund. What a credit note puts on
    the customer's balance stays with us, until it pays for another invoice.
    """
    with asking() as client:
        payments = list(
            client.v1.invoice_payments.list(
                {"invoice": invoice.id, "limit": 100}
            ).auto_paging_iter()
        )
    for payment in payments:
        if intent_id := id_of(payment.payment.payment_intent):
            yield from money_back.of_payment(intent_id)
    if not invoice.post_payment_credit_notes_amount:
        return
    with asking() as client:
        notes = client.v1.credit_notes.list({"invoice": invoice.id, "limit": 100})
        for note in notes.auto_paging_iter():
            if note.out_of_band_amount:
                yield money_back.given_by_hand(note)


def _is_metered(line: stripe.InvoiceLineItem) -> bool:
    """Not what an operator sells beside it, once or every month."""
    price = (
        line.pricing.price_details.price if line.pricing and line.pricing.price_details else None
    )
    return isinstance(price, stripe.Price) and bool(price.recurring and price.recurring.meter)


def _has_failed(invoice: stripe.Invoice) -> bool:
    """A person who tries a card on an invoice that is due later has not failed, nor has a debit under way."""
    if invoice.status != "open" or invoice.collection_method != "charge_automatically":
        return False
    intents = (
        [one.payment.payment_intent for one in invoice.payments.data] if invoice.payments else []
    )
    is_under_way = any(
        isinstance(intent, stripe.PaymentIntent) and intent.status == "processing"
        for intent in intents
    )
    return invoice.attempted and invoice.amount_remaining > 0 and not is_under_way


def keep_draft(stripe_id: str) -> None:
    """Let Stripe wait until we say that it is complete. One that is final already stays as it is."""
    try:
        with asking() as client:
            client.v1.invoices.update(stripe_id, {"auto_advance": False})
    except StripeRefused:
        if read_invoice(stripe_id).status == "draft":
            raise


def correct_invoice(
    stripe_id: str, *, customer_id: str, amount_cents: int, why: str, key: str
) -> None:
    """Add (> 0) or take off (< 0) what the metered line does not say. A repeat with the same `key` adds nothing."""
    with asking() as client:
        client.v1.invoice_items.create(
            {
                "customer": customer_id,
                "invoice": stripe_id,
                "amount": amount_cents,
                "currency": CURRENCY,
                "description": why,
                "metadata": {"correction": key},
                "tax_behavior": "exclusive",
            },
            {"idempotency_key": f"correction:{key}"},
        )


def finalize_invoice(stripe_id: str) -> None:
    """From now on it can be paid, and Stripe asks for it. One that is final already stays as it is."""
    try:
        with asking() as client:
            client.v1.invoices.finalize_invoice(stripe_id, {"auto_advance": True})
    except StripeRefused:
        if read_invoice(stripe_id).status == "draft":
            raise


def create_invoice(organization_id: str, *, customer_id: str, net_days: int, key: str) -> str:
    """A draft of our own, without a line, for what no subscription asks for any more. Its id.

    A repeat with the same `key` within a day gives the same one.
    """
    wanted: InvoiceCreateParams = {
        "customer": customer_id,
        "currency": CURRENCY,
        "auto_advance": False,
        "collection_method": "send_invoice" if net_days else "charge_automatically",
        "metadata": {"organization": organization_id},
        "automatic_tax": {"enabled": settings.STRIPE_TAX},
    }
    if net_days:
        wanted["days_until_due"] = net_days
    with asking() as client:
        return client.v1.invoices.create(wanted, {"idempotency_key": key}).id


def invoices_of(subscription_id: str, *, since: datetime) -> list[str]:
    """The ids of its invoices made since then, the oldest first."""
    with asking() as client:
        invoices = client.v1.invoices.list(
            {
                "subscription": subscription_id,
                "created": {"gte": int(since.timestamp())},
                "limit": 100,
            }
        )
        return [invoice.id for invoice in invoices.auto_paging_iter()][::-1]


def invoice_of_payment(intent_id: str) -> str:
    """The invoice that a payment paid; "" if it paid none."""
    with asking() as client:
        payments = client.v1.invoice_payments.list(
            {"payment": {"type": "payment_intent", "payment_intent": intent_id}, "limit": 1}
        )
    return next((id_of(payment.invoice) for payment in payments.data), "")


def invoice_of_credit_note(note_id: str) -> str:
    with asking() as client:
        return id_of(client.v1.credit_notes.retrieve(note_id).invoice)

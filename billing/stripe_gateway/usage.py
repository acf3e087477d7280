"""What is used: meter events, and the invoices over what was used from a line.

The priced meter counts micro-dollars at a price of $0.000001 each, so that a change of our prices never touches
Stripe. Sources: docs.stripe.com/api/billing/meter-event, /meter-event-summary, /subscriptions, /invoices.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from stripe.params import SubscriptionCreateParams

from billing.stripe_gateway.connection import StripeRefused, asking
from billing.stripe_gateway.payments import CURRENCY, id_of, tag_of

USAGE, INVOICED = "seedance_usage", "seedance_usage_invoiced"  # the meters' event names
PRICE = "seedance_usage_microusd"  # the lookup key of the priced meter's price
_DUPLICATE = "already exists with identifier"


@dataclass(frozen=True)
class InvoiceNow:
    """How an invoice stands. `usage_cents` is its metered lines and our own corrections of them."""

    stripe_id: str
    number: str
    status: str  # Stripe's: draft, open, paid, uncollectible, void
    subscription_id: str
    usage_cents: int
    net_cents: int  # without tax, after whatever else stands on it
    total_cents: int
    period_started_at: datetime
    period_ended_at: datetime
    due_at: datetime | None
    has_failed: bool  # a payment was tried, and nothing came
    hosted_url: str
    pdf_url: str
    created_at: datetime
    paid_at: datetime | None


def send_meter_event(
    name: str,
    *,
    identifier: str,
    customer_id: str,
    value: int,
    tags: Mapping[str, str],
    at: datetime,
) -> None:
    """Tell a meter; an identifier that Stripe has already is delivered. Raises StripeRefused.

    Stripe checks most of it later, and says what it did not take in an event of its own.
    """
    try:
        with asking() as client:
            client.v1.billing.meter_events.create(
                {
                    "event_name": name,
                    "identifier": identifier,
                    "timestamp": int(at.timestamp()),
                    "payload": {
                        "stripe_customer_id": customer_id,
                        "value": str(value),
                        **tags,
                    },
                }
            )
    except StripeRefused as refused:
        # It answers a repeat with an error, which says that it was delivered.
        if _DUPLICATE not in refused.message and refused.code != "duplicate_meter_event":
            raise


def cancel_meter_event(name: str, identifier: str) -> None:
    """Take an event back, within a day of its arrival. Raises StripeRefused afterwards, and for a repeat."""
    with asking() as client:
        client.v1.billing.meter_event_adjustments.create(
            {"event_name": name, "type": "cancel", "cancel": {"identifier": identifier}}
        )


def meter_sum(meter_id: str, *, customer_id: str, start: datetime, end: datetime) -> int:
    """What a meter has counted for a customer from `start` up to and without `end` (whole minutes)."""
    with asking() as client:
        summaries = client.v1.billing.meters.event_summaries.list(
            meter_id,
            {
                "customer": customer_id,
                "start_time": int(start.timestamp()),
                "end_time": int(end.timestamp()),
            },
        )
        return sum(int(summary.aggregated_value) for summary in summaries.auto_paging_iter())


def meter_ids() -> dict[str, str]:
    """The ids of the active meters by their event names."""
    with asking() as client:
        meters = client.v1.billing.meters.list({"status": "active", "limit": 100})
        return {meter.event_name: meter.id for meter in meters.auto_paging_iter()}


def refused_identifiers(event_id: str) -> tuple[dict[str, str], str]:
    """What a report of errors names: samples of identifiers with the reason of each, and Stripe's summary."""
    with asking() as client:
        event = client.v2.core.events.retrieve(event_id)
        data = event.to_dict().get("data") or {}
    reason = data.get("reason") or {}
    samples = {
        str(sample["request"]["identifier"]): f"{kind['code']}: {sample['error_message']}"
        for kind in reason.get("error_types", [])
        for sample in kind.get("sample_errors", [])
    }
    return samples, str(data.get("developer_message_summary", ""))


def create_subscription(organization_id: str, *, customer_id: str, net_days: int, key: str) -> str:
    """The subscription whose invoices ask for what the priced meter counted in each month of UTC. Its id.

    A repeat with the same `key` within a day gives the same one.
    """
    with asking() as client:
        price = next(
            iter(client.v1.prices.list({"lookup_keys": [PRICE], "active": True}).data), None
        )
        if price is None:
            raise StripeRefused(
                f"There is no price {PRICE}: run `manage.py stripe_setup`.", "no_price"
            )
        wanted: SubscriptionCreateParams = {
            "customer": customer_id,
            "items": [{"price": price.id}],
            "billing_cycle_anchor_config": {"day_of_month": 1, "hour": 0, "minute": 0, "second": 0},
            "proration_behavior": "none",
            "collection_method": "send_invoice" if net_days else "charge_automatically",
            "metadata": {"organization": organization_id},
        }
        if net_days:
            wanted["days_until_due"] = net_days
        return client.v1.subscriptions.create(wanted, {"idempotency_key": key}).id


def end_subscription(subscription_id: str) -> None:
    """After the running month has been invoiced there is no other. A repeat changes nothing."""
    try:
        with asking() as client:
            client.v1.subscriptions.update(subscription_id, {"cancel_at_period_end": True})
    except StripeRefused:
        with asking() as client:  # one that has ended already stays as it is
            if client.v1.subscriptions.retrieve(subscription_id).status != "canceled":
                raise


def keep_subscription(subscription_id: str) -> None:
    """It was to end with the running month, and does not. A repeat changes nothing."""
    with asking() as client:
        client.v1.subscriptions.update(subscription_id, {"cancel_at_period_end": False})


def subscription_of_customer(customer_id: str, organization_id: str) -> str:
    """The living subscription that bears an organization's name; "" if there is none."""
    with asking() as client:
        for subscription in client.v1.subscriptions.list(
            {"customer": customer_id}
        ).auto_paging_iter():
            if tag_of(subscription.metadata, "organization") == organization_id:
                return subscription.id
    return ""


def read_invoice(stripe_id: str) -> InvoiceNow:
    with asking() as client:
        invoice = client.v1.invoices.retrieve(stripe_id)
        lines = list(
            client.v1.invoices.line_items.list(stripe_id, {"limit": 100}).auto_paging_iter()
        )
    metered = [line for line in lines if line.parent and line.parent.subscription_item_details]
    corrections = [line for line in lines if tag_of(line.metadata, "correction")]
    period = metered[0].period if metered else None
    parent = invoice.parent.subscription_details if invoice.parent else None
    status = invoice.status or "draft"
    untaxed = invoice.total_excluding_tax
    return InvoiceNow(
        stripe_id=invoice.id,
        number=invoice.number or "",
        status=status,
        subscription_id=id_of(parent.subscription) if parent else "",
        usage_cents=sum(line.amount for line in metered + corrections),
        net_cents=invoice.total if untaxed is None else untaxed,
        total_cents=invoice.total,
        period_started_at=_moment(period.start if period else invoice.period_start),
        period_ended_at=_moment(period.end if period else invoice.period_end),
        due_at=_moment(invoice.due_date) if invoice.due_date else None,
        has_failed=status == "open" and invoice.attempted and invoice.amount_remaining > 0,
        hosted_url=invoice.hosted_invoice_url or "",
        pdf_url=invoice.invoice_pdf or "",
        created_at=_moment(invoice.created),
        paid_at=(
            _moment(invoice.status_transitions.paid_at)
            if status == "paid" and invoice.status_transitions.paid_at
            else None
        ),
    )


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


def _moment(timestamp: int) -> datetime:
    return datetime.fromtimestamp(timestamp, UTC)

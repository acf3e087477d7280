"""What is used: meter events, and the subscriptions that ask for what was used from a line.

The priced meter counts micro-dollars at a price of $0.000001 each, so that a change of our prices never touches
Stripe. Sources: docs.stripe.com/api/billing/meter-event, /meter-event-summary, /subscriptions.
"""

from collections.abc import Mapping
from datetime import datetime

from django.conf import settings
from stripe.params import SubscriptionCreateParams

from billing.stripe_gateway.connection import StripeRefused, asking
from billing.stripe_gateway.fields import tag_of

USAGE, INVOICED = "seedance_usage", "seedance_usage_invoiced"  # the meters' event names
PRICE = "seedance_usage_microusd"  # the lookup key of the priced meter's price
_DUPLICATE = "already exists with identifier"


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

    A repeat with the same `key` within a day gives the same one. With tax it is refused until Stripe knows where the
    customer is.
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
            "automatic_tax": {"enabled": settings.STRIPE_TAX},
        }
        if net_days:
            wanted["days_until_due"] = net_days
        return client.v1.subscriptions.create(wanted, {"idempotency_key": key}).id


def end_subscription(subscription_id: str) -> None:
    """After the running month has been invoiced there is no other. One that has ended stays so."""
    try:
        with asking() as client:
            client.v1.subscriptions.update(subscription_id, {"cancel_at_period_end": True})
    except StripeRefused:
        if not has_ended(subscription_id):
            raise


def keep_subscription(subscription_id: str) -> None:
    """It goes on, if it was to end with the month."""
    with asking() as client:
        client.v1.subscriptions.update(subscription_id, {"cancel_at_period_end": False})


def has_ended(subscription_id: str) -> bool:
    """No invoice comes of it any more, but for those that are made already."""
    with asking() as client:
        return client.v1.subscriptions.retrieve(subscription_id).status in (
            "canceled",
            "incomplete_expired",
        )


def subscription_of_customer(customer_id: str, organization_id: str) -> str:
    """The living subscription that bears an organization's name; "" if there is none."""
    with asking() as client:
        for subscription in client.v1.subscriptions.list(
            {"customer": customer_id}
        ).auto_paging_iter():
            if tag_of(subscription.metadata, "organization") == organization_id:
                return subscription.id
    return ""

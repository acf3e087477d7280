"""What usage and invoices are answered with has the fields that the library's own types know."""

from typing import Any, cast

import pytest
import stripe

from tests.simulators.stripe.conftest import NOON, Control
from tests.simulators.stripe.shop import Shop
from tests.simulators.stripe.test_shapes import complaints

DAY = 86_400


@pytest.fixture
def answers(shop: Shop, control: Control) -> dict[str, stripe.StripeObject]:
    """One of everything."""
    v1, v2 = shop.client.v1, shop.client.v2
    destination = v2.core.event_destinations.create(
        {
            "name": "Errors",
            "type": "webhook_endpoint",
            "event_payload": "thin",
            "enabled_events": ["v1.billing.meter.no_meter_found"],
            "webhook_endpoint": {"url": "http://127.0.0.1:9/"},
        }
    )
    subscription = shop.subscribe(metadata={"a": "1"})
    v1.invoice_items.create(
        {"customer": shop.customer, "amount": 5, "subscription": subscription.id}
    )
    shop.use("100000")
    usage = v1.billing.meter_events.create(
        {
            "event_name": "credits",
            "identifier": "usage:1",
            "payload": {"stripe_customer_id": shop.customer, "value": "5"},
        }
    )
    adjustment = v1.billing.meter_event_adjustments.create(
        {"type": "cancel", "event_name": "credits", "cancel": {"identifier": "usage:1"}}
    )
    usage_v2 = v2.billing.meter_events.create(
        {"event_name": "credits", "payload": {"stripe_customer_id": shop.customer, "value": "5"}}
    )
    v1.billing.meter_events.create({"event_name": "none", "payload": {"value": "1"}})
    summaries = v1.billing.meters.event_summaries.list(
        shop.meter.id,
        {"customer": shop.customer, "start_time": NOON, "end_time": NOON + 60},
    )
    control("advance", to=NOON + 30 * DAY + 3600)
    (invoice,) = v1.invoices.list({"subscription": subscription.id}).data
    credit: Any = {"invoice": invoice.id, "amount": 100, "refund_amount": 100}
    v1.customers.update(shop.customer, {"address": {"country": "GB"}})
    draft = v1.invoices.create(
        {"customer": shop.customer, "automatic_tax": {"enabled": True}, "auto_advance": True}
    )
    v1.invoice_items.create(
        cast("Any", {"customer": shop.customer, "invoice": draft.id, "amount": 500})
    )
    final = v1.invoices.finalize_invoice(draft.id, {"expand": ["payments", "confirmation_secret"]})
    lowered = v1.credit_notes.create({"invoice": draft.id, "amount": 100})
    return {
        "meter": shop.meter,
        "usage": usage,
        "usage of v2": usage_v2,
        "adjustment": adjustment,
        "summaries": summaries,
        "destination": destination,
        "thin event": v2.core.events.list().data[0],
        "price": v1.prices.retrieve(shop.price.id, {"expand": ["product"]}),
        "subscription": v1.subscriptions.retrieve(
            subscription.id, {"expand": ["latest_invoice", "customer"]}
        ),
        "items": v1.subscription_items.list({"subscription": subscription.id}),
        "invoice": v1.invoices.retrieve(invoice.id, {"expand": ["payments.data.payment"]}),
        "draft": draft,
        "final": final,
        "lines": v1.invoices.line_items.list(draft.id),
        "invoice items": v1.invoice_items.list(),
        "payments": v1.invoice_payments.list(),
        "credit note": v1.credit_notes.create(credit),
        "lowered": lowered,
        "events": v1.events.list({"limit": 100}),
    }


def test_every_answer_is_of_the_librarys_shape(answers: dict[str, stripe.StripeObject]) -> None:
    found = {text for name, answer in answers.items() for text in complaints(answer, name)}

    assert sorted(found) == [], chr(10).join(sorted(found))

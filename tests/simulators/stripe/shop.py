"""The small known world of these tests: one customer, one meter, one price of a hundredth of a cent."""

from typing import Any, cast

import stripe

# Cents for one unit.
UNIT_CENTS = "0.01"


class Shop:
    """Acme has a card that pays. `use` sends usage of the meter `credits`."""

    def __init__(self, client: stripe.StripeClient) -> None:
        self.client = client
        self.meter = client.v1.billing.meters.create(
            {
                "display_name": "Credits",
                "event_name": "credits",
                "default_aggregation": {"formula": "sum"},
            }
        )
        product = client.v1.products.create({"name": "Video"})
        self.price = client.v1.prices.create(
            {
                "product": product.id,
                "currency": "usd",
                "unit_amount_decimal": UNIT_CENTS,  # type: ignore[typeddict-item]
                "recurring": {
                    "interval": "month",
                    "usage_type": "metered",
                    "meter": self.meter.id,
                },
            }
        )
        self.customer = client.v1.customers.create({"name": "Acme", "email": "a@acme.example"}).id
        self.card = self.add_card("pm_card_visa")

    def add_card(self, token: str) -> str:
        """Attach a test card and make it the customer's default."""
        card = self.client.v1.payment_methods.attach(token, {"customer": self.customer})
        self.client.v1.customers.update(
            self.customer, {"invoice_settings": {"default_payment_method": card.id}}
        )
        return card.id

    def subscribe(self, **changes: Any) -> stripe.Subscription:
        given = {"customer": self.customer, "items": [{"price": self.price.id}]} | changes
        return self.client.v1.subscriptions.create(cast("Any", given))

    def use(self, value: str, *, at: int | None = None, customer: str | None = None) -> None:
        given: dict[str, Any] = {
            "event_name": "credits",
            "payload": {"stripe_customer_id": customer or self.customer, "value": value},
        }
        if at is not None:
            given["timestamp"] = at
        self.client.v1.billing.meter_events.create(cast("Any", given))

    def draft(self, *amounts: int, **changes: Any) -> stripe.Invoice:
        """A draft with an item for each amount, in cents."""
        given = {"customer": self.customer} | changes
        made = self.client.v1.invoices.create(cast("Any", given))
        for amount in amounts:
            self.add_item(amount, invoice=made.id)
        return self.read(made)

    def add_item(self, amount: int, **changes: Any) -> stripe.InvoiceItem:
        given = {"customer": self.customer, "amount": amount, "currency": "usd"} | changes
        return self.client.v1.invoice_items.create(cast("Any", given))

    def read(self, invoice: stripe.Invoice) -> stripe.Invoice:
        return self.client.v1.invoices.retrieve(invoice.id)

    def event_types(self, prefix: str) -> list[str]:
        """Every event whose type begins so, the oldest first."""
        events = self.client.v1.events.list({"limit": 100}).data
        return [event.type for event in reversed(events) if event.type.startswith(prefix)]

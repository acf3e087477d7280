"""What an account at Stripe needs once: a product, meters, a price, webhooks and the portal's configuration.

Each function makes what is missing and says so; a repeat makes nothing. Objects are found by names of ours:
the product's id, the meters' event names, the price's lookup key, the webhooks' address, the portal's tag.
"""

from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Any

import stripe

from billing.stripe_gateway import payments, usage
from billing.stripe_gateway.connection import asking

THIN_EVENTS = ("v1.billing.meter.error_report_triggered", "v1.billing.meter.no_meter_found")
PORTAL_TAG = "seedance"


def account() -> str:
    """The account that the key opens: its id and whether it is live."""
    with asking() as client:
        found = client.v1.accounts.retrieve_current()
        return found.id


def product() -> Iterator[str]:
    with asking() as client:
        try:
            client.v1.products.retrieve(payments.PRODUCT)
            yield f"product {payments.PRODUCT}: there"
        except stripe.InvalidRequestError:
            client.v1.products.create(
                {"id": payments.PRODUCT, "name": "Seedance credits", "tax_code": "txcd_10103000"}
            )
            yield f"product {payments.PRODUCT}: made"


def meters() -> Iterator[str]:
    known = usage.meter_ids()
    for name, title in (
        (usage.USAGE, "Usage, all of it, in micro-dollars"),
        (usage.INVOICED, "Usage on account, in micro-dollars"),
    ):
        if name in known:
            yield f"meter {name}: there"
            continue
        with asking() as client:
            client.v1.billing.meters.create(
                {
                    "display_name": title,
                    "event_name": name,
                    "default_aggregation": {"formula": "sum"},
                }
            )
        yield f"meter {name}: made"


def price() -> Iterator[str]:
    """A millionth of a dollar for each micro-dollar that the priced meter counts."""
    with asking() as client:
        if client.v1.prices.list({"lookup_keys": [usage.PRICE], "active": True}).data:
            yield f"price {usage.PRICE}: there"
            return
        meter_id = usage.meter_ids()[usage.INVOICED]
        client.v1.prices.create(
            {
                "product": payments.PRODUCT,
                "currency": payments.CURRENCY,
                "lookup_key": usage.PRICE,
                "unit_amount_decimal": Decimal("0.0001"),  # cents
                "recurring": {"interval": "month", "usage_type": "metered", "meter": meter_id},
                "tax_behavior": "exclusive",
            }
        )
        yield f"price {usage.PRICE}: made"


def webhooks(url: str, events: Sequence[str]) -> Iterator[str]:
    """The endpoint for what happens to objects, and the destination for what the meters did not take.

    The secret of one that is made is in its line: Stripe shows it this once.
    """
    wanted: Any = list(events)  # plain strings, which the library types one by one
    version: Any = stripe.api_version
    with asking() as client:
        endpoints = client.v1.webhook_endpoints.list({"limit": 100}).auto_paging_iter()
        endpoint = next((one for one in endpoints if one.url == url), None)
        if endpoint is None:
            made = client.v1.webhook_endpoints.create(
                {
                    "url": url,
                    "enabled_events": wanted,
                    "api_version": version,
                }
            )
            yield f"webhook {url}: made, its secret is {made.secret}"
        elif sorted(endpoint.enabled_events) != sorted(events):
            client.v1.webhook_endpoints.update(
                endpoint.id,
                {"enabled_events": wanted},
            )
            yield f"webhook {url}: its events were changed"
        else:
            yield f"webhook {url}: there"
        destinations = client.v2.core.event_destinations.list({"limit": 20}).auto_paging_iter()
        if any(one.name == PORTAL_TAG for one in destinations):
            yield "meter errors: there"
            return
        destination = client.v2.core.event_destinations.create(
            {
                "name": PORTAL_TAG,
                "type": "webhook_endpoint",
                "event_payload": "thin",
                "enabled_events": list(THIN_EVENTS),
                "webhook_endpoint": {"url": url},
                "include": ["webhook_endpoint.signing_secret"],
            }
        )
        hook = destination.webhook_endpoint
        yield f"meter errors: made, their secret is {hook.signing_secret if hook else ''}"


def portal() -> Iterator[str]:
    with asking() as client:
        found = client.v1.billing_portal.configurations.list({"active": True, "limit": 100})
        if any(
            payments.tag_of(one.metadata, "made_by") == PORTAL_TAG
            for one in found.auto_paging_iter()
        ):
            yield "portal: there"
            return
        client.v1.billing_portal.configurations.create(
            {
                "metadata": {"made_by": PORTAL_TAG},
                "features": {
                    "customer_update": {
                        "enabled": True,
                        "allowed_updates": ["name", "email", "address", "tax_id"],
                    },
                    "invoice_history": {"enabled": True},
                    "payment_method_update": {"enabled": True},
                },
            }
        )
        yield "portal: made"

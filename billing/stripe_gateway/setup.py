"""What an account at Stripe needs once: a product, meters, a price, webhooks and the portal's configuration.

Each function says of each piece whether it is there. What is missing it makes, if it is told to; a repeat makes
nothing. Pieces are found by names of ours: the product's id, the meters' event names, the price's lookup key,
the webhooks' address, the portal's tag.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import stripe

from billing.stripe_gateway import payments, usage
from billing.stripe_gateway.connection import StripeRefused, asking
from billing.stripe_gateway.fields import tag_of

THIN_EVENTS = ("v1.billing.meter.error_report_triggered", "v1.billing.meter.no_meter_found")
NAME = "seedance"


@dataclass(frozen=True)
class Piece:
    """`state` is "there", "missing", "made" or "changed"; a secret is shown by Stripe when it is made, only then."""

    name: str
    state: str
    secret: str = ""


def account() -> str:
    """The id of the account that the key opens."""
    with asking() as client:
        return client.v1.accounts.retrieve_current().id


def product(*, make: bool) -> Iterator[Piece]:
    name = f"product {payments.PRODUCT}"
    try:
        with asking() as client:
            client.v1.products.retrieve(payments.PRODUCT)
    except StripeRefused:
        if make:
            with asking() as client:
                client.v1.products.create({"id": payments.PRODUCT, "name": "Seedance credits"})
        yield Piece(name, "made" if make else "missing")
    else:
        yield Piece(name, "there")


def meters(*, make: bool) -> Iterator[Piece]:
    known = usage.meter_ids()
    for event_name, title in (
        (usage.USAGE, "Usage, all of it, in micro-dollars"),
        (usage.INVOICED, "Usage on account, in micro-dollars"),
    ):
        if event_name in known:
            yield Piece(f"meter {event_name}", "there")
            continue
        if make:
            with asking() as client:
                client.v1.billing.meters.create(
                    {
                        "display_name": title,
                        "event_name": event_name,
                        "default_aggregation": {"formula": "sum"},
                    }
                )
        yield Piece(f"meter {event_name}", "made" if make else "missing")


def price(*, make: bool) -> Iterator[Piece]:
    """A millionth of a dollar for each micro-dollar that the priced meter counts."""
    name = f"price {usage.PRICE}"
    with asking() as client:
        if client.v1.prices.list({"lookup_keys": [usage.PRICE], "active": True}).data:
            yield Piece(name, "there")
            return
        if make:
            client.v1.prices.create(
                {
                    "product": payments.PRODUCT,
                    "currency": payments.CURRENCY,
                    "lookup_key": usage.PRICE,
                    "unit_amount_decimal": Decimal("0.0001"),  # cents
                    "recurring": {
                        "interval": "month",
                        "usage_type": "metered",
                        "meter": usage.meter_ids()[usage.INVOICED],
                    },
                    "tax_behavior": "exclusive",
                }
            )
    yield Piece(name, "made" if make else "missing")


def webhooks(url: str, events: Sequence[str], *, make: bool) -> Iterator[Piece]:
    """The endpoint that tells what happens to objects."""
    wanted: Any = list(events)  # plain strings, which the library types one by one
    version: Any = stripe.api_version
    name = f"webhook {url}"
    with asking() as client:
        endpoints = client.v1.webhook_endpoints.list({"limit": 100}).auto_paging_iter()
        endpoint = next((one for one in endpoints if one.url == url), None)
        if endpoint and sorted(endpoint.enabled_events) == sorted(events):
            yield Piece(name, "there")
        elif not make:
            yield Piece(name, "missing")
        elif endpoint:
            client.v1.webhook_endpoints.update(endpoint.id, {"enabled_events": wanted})
            yield Piece(name, "changed")
        else:
            made = client.v1.webhook_endpoints.create(
                {"url": url, "enabled_events": wanted, "api_version": version}
            )
            yield Piece(name, "made", made.secret or "")


def meter_errors(url: str, *, make: bool) -> Iterator[Piece]:
    """The destination that tells what the meters did not take: thin events, with a secret of their own."""
    with asking() as client:
        destinations = client.v2.core.event_destinations.list().auto_paging_iter()
        if any(one.name == NAME for one in destinations):
            yield Piece("meter errors", "there")
            return
        if not make:
            yield Piece("meter errors", "missing")
            return
        made = client.v2.core.event_destinations.create(
            {
                "name": NAME,
                "type": "webhook_endpoint",
                "event_payload": "thin",
                "enabled_events": list(THIN_EVENTS),
                "webhook_endpoint": {"url": url},
                "include": ["webhook_endpoint.signing_secret"],
            }
        )
        hook = made.webhook_endpoint
        yield Piece("meter errors", "made", (hook.signing_secret or "") if hook else "")


def portal(*, make: bool) -> Iterator[Piece]:
    with asking() as client:
        found = client.v1.billing_portal.configurations.list({"active": True, "limit": 100})
        if any(tag_of(one.metadata, "made_by") == NAME for one in found.auto_paging_iter()):
            yield Piece("portal", "there")
            return
        if make:
            client.v1.billing_portal.configurations.create(
                {
                    "metadata": {"made_by": NAME},
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
        yield Piece("portal", "made" if make else "missing")

"""Stripe's page on which a person buys credits. Cents, US dollars.

Source: docs.stripe.com/api/checkout/sessions.
"""

from dataclasses import dataclass
from datetime import datetime

import stripe
from django.conf import settings
from stripe.params.checkout import SessionCreateParams

from billing.stripe_gateway.connection import StripeRefused, asking
from billing.stripe_gateway.fields import id_of, tag_of
from billing.stripe_gateway.payments import CURRENCY, PRODUCT


@dataclass(frozen=True)
class Checkout:
    """A person's visit to Stripe's page."""

    id: str
    status: str  # open, complete, expired
    url: str
    intent_id: str
    tax_cents: int
    invoice_id: str


def create_checkout(
    *,
    purchase_id: str,
    customer_id: str,
    amount_cents: int,
    expires_at: datetime,
    success_url: str,
    cancel_url: str,
) -> Checkout:
    """Stripe's page for this purchase: a repeat gives the same one. All follows from the arguments.

    It asks for no promotion code: credits have one price.
    """
    tags = {"purchase": purchase_id}
    wanted: SessionCreateParams = {
        "mode": "payment",
        "customer": customer_id,
        "client_reference_id": purchase_id,
        "metadata": tags,
        "line_items": [
            {
                "quantity": 1,
                "price_data": {
                    "currency": CURRENCY,
                    "unit_amount": amount_cents,
                    "product": PRODUCT,
                    "tax_behavior": "exclusive",
                },
            }
        ],
        "payment_intent_data": {"metadata": tags, "setup_future_usage": "off_session"},
        "invoice_creation": {"enabled": settings.STRIPE_INVOICES},
        "expires_at": int(expires_at.timestamp()),
        "success_url": success_url,
        "cancel_url": cancel_url,
    }
    if settings.STRIPE_TAX:
        wanted["automatic_tax"] = {"enabled": True}
        wanted["tax_id_collection"] = {"enabled": True}
        wanted["customer_update"] = {"address": "auto", "name": "auto"}
    with asking() as client:
        session = client.v1.checkout.sessions.create(
            wanted, {"idempotency_key": f"checkout:{purchase_id}"}
        )
    return _checkout(session)


def read_checkout(session_id: str) -> Checkout:
    with asking() as client:
        return _checkout(client.v1.checkout.sessions.retrieve(session_id))


def expire_checkout(session_id: str) -> Checkout:
    """Nobody can pay there any more; one that is complete or expired already stays as it is."""
    try:
        with asking() as client:
            return _checkout(client.v1.checkout.sessions.expire(session_id))
    except StripeRefused:
        return read_checkout(session_id)


def _checkout(session: stripe.checkout.Session) -> Checkout:
    details = session.total_details
    return Checkout(
        id=session.id,
        status=session.status or "open",
        url=session.url or "",
        intent_id=id_of(session.payment_intent),
        tax_cents=details.amount_tax if details else 0,
        invoice_id=id_of(session.invoice),
    )


def invoice_url(invoice_id: str) -> str:
    with asking() as client:
        return client.v1.invoices.retrieve(invoice_id).hosted_invoice_url or ""


def purchase_of_checkout(session_id: str) -> str:
    """The purchase whose name a visit to Stripe's page bears; "" for one that is not of ours."""
    with asking() as client:
        return tag_of(client.v1.checkout.sessions.retrieve(session_id).metadata, "purchase")

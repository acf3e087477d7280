"""Who pays: customers, the card that is charged while nobody is there, and Stripe's own pages for both.

Sources: docs.stripe.com/api/customers, /payment_methods, /customer_portal/sessions.
"""

import hashlib
from dataclasses import dataclass

import stripe

from billing.stripe_gateway.connection import asking
from billing.stripe_gateway.fields import found_in


@dataclass(frozen=True)
class Card:
    payment_method_id: str
    brand: str
    last4: str
    fingerprint: str


def create_customer(organization_id: str, *, name: str, email: str, after: str = "") -> str:
    """Its id. A repeat within a day gives the same one; `after` is a customer whose place it takes."""
    # Stripe refuses the same key with other words: who was renamed after an answer was lost gets another customer.
    words = hashlib.sha256(f"{name}\n{email}".encode()).hexdigest()[:16]
    with asking() as client:
        customer = client.v1.customers.create(
            {"name": name, "email": email, "metadata": {"organization": organization_id}},
            {"idempotency_key": f"customer:{organization_id}:{after}:{words}"},
        )
    return customer.id


def is_deleted(customer_id: str) -> bool:
    with asking() as client:
        return bool(getattr(client.v1.customers.retrieve(customer_id), "deleted", False))


def card_of(customer_id: str) -> Card | None:
    """The card that is charged while nobody is there: the default one if it is a card, else the newest."""
    with asking() as client:
        customer = client.v1.customers.retrieve(
            customer_id, {"expand": ["invoice_settings.default_payment_method"]}
        )
        is_deleted = getattr(customer, "deleted", False)
        settings_of = None if is_deleted else customer.invoice_settings
        method = settings_of.default_payment_method if settings_of else None
        # Of what is no card the library has no attribute `card` at all.
        if not isinstance(method, stripe.PaymentMethod) or method.type != "card":
            methods = client.v1.customers.payment_methods.list(
                customer_id, {"type": "card", "limit": 1}
            )
            method = next(iter(methods.data), None)
    card = found_in(method, "card")
    if method is None or card is None:
        return None
    return Card(method.id, card.brand, card.last4, card.fingerprint or method.id)


def choose_card(customer_id: str) -> None:
    """Let Stripe charge invoices to the same card as we do: it knows no other than the customer's default one.

    A card that was saved while something was bought is none until somebody says so. A repeat changes nothing.
    """
    with asking() as client:
        customer = client.v1.customers.retrieve(customer_id)
        if getattr(customer, "deleted", False) or (
            customer.invoice_settings and customer.invoice_settings.default_payment_method
        ):
            return
        if card := card_of(customer_id):
            client.v1.customers.update(
                customer_id,
                {"invoice_settings": {"default_payment_method": card.payment_method_id}},
            )


def portal_url(customer_id: str, *, return_url: str) -> str:
    """Stripe's own pages for cards, tax ids and invoices, signed in for a few minutes."""
    with asking() as client:
        session = client.v1.billing_portal.sessions.create(
            {"customer": customer_id, "return_url": return_url}
        )
    return session.url

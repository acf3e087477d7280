"""Payments: how they stand, and the saved card that is charged. Cents, US dollars.

Source: docs.stripe.com/api/payment_intents.
"""

from dataclasses import dataclass
from datetime import datetime

import stripe

from billing.stripe_gateway import money_back
from billing.stripe_gateway.connection import StripeRefused, asking
from billing.stripe_gateway.fields import found_in, given, tag_of
from billing.stripe_gateway.money_back import MoneyBack
from billing.stripe_gateway.payers import Card

CURRENCY = "usd"
PRODUCT = "seedance_credits"  # made by `manage.py stripe_setup`


@dataclass(frozen=True)
class Payment:
    """How a payment stands now. `status` is Stripe's: succeeded, processing, canceled, requires_…"""

    intent_id: str
    status: str
    purchase_id: str
    received_cents: int
    currency: str
    card: Card | None
    method: str
    receipt_url: str
    failure_code: str
    failure_message: str
    money_back: tuple[MoneyBack, ...]

    @property
    def needs_person(self) -> bool:
        """It could still be paid, by somebody who is there."""
        return self.status.startswith("requires_")


def charge_saved_card(
    *, purchase_id: str, customer_id: str, payment_method_id: str, amount_cents: int
) -> Payment:
    """Charge while nobody is there. Raises CardDeclined, also when the bank wants to see the person.

    A repeat within a day gives the first answer again, a decline included.
    """
    with asking() as client:
        intent = client.v1.payment_intents.create(
            {
                "amount": amount_cents,
                "currency": CURRENCY,
                "customer": customer_id,
                "payment_method": payment_method_id,
                "off_session": True,
                "confirm": True,
                "description": "Credits (auto top-up)",
                "metadata": {"purchase": purchase_id},
            },
            {"idempotency_key": f"charge:{purchase_id}"},
        )
    return read_payment(intent.id)


def cancel_payment(intent_id: str) -> Payment:
    """Nobody can pay it any more; one that has ended stays as it ended."""
    try:
        with asking() as client:
            client.v1.payment_intents.cancel(intent_id)
    except StripeRefused:
        pass  # it has ended: how, is read
    return read_payment(intent_id)


def find_payment(purchase_id: str, *, customer_id: str, since: datetime) -> str:
    """The payment made for a purchase when our answer was lost too long ago to ask again; "" if none."""
    with asking() as client:
        intents = client.v1.payment_intents.list(
            {"customer": customer_id, "created": {"gte": int(since.timestamp())}, "limit": 100}
        )
        for intent in intents.auto_paging_iter():
            if intent.metadata and intent.metadata.to_dict().get("purchase") == purchase_id:
                return intent.id
    return ""


def read_payment(intent_id: str) -> Payment:
    """With every refund and dispute of it, as they stand now."""
    with asking() as client:
        intent = client.v1.payment_intents.retrieve(intent_id, {"expand": ["latest_charge"]})
        charge = intent.latest_charge if isinstance(intent.latest_charge, stripe.Charge) else None
    details = charge.payment_method_details if charge else None
    error = intent.last_payment_error
    return Payment(
        intent_id=intent.id,
        status=intent.status,
        purchase_id=tag_of(intent.metadata, "purchase"),
        received_cents=intent.amount_received,
        currency=intent.currency,
        card=_card_of_charge(charge) if charge else None,
        method=details.type if details else "",
        receipt_url=(charge.receipt_url or "") if charge else "",
        failure_code=given(error, "decline_code") or given(error, "code"),
        failure_message=given(error, "message"),
        money_back=tuple(money_back.of_payment(intent_id)) if charge else (),
    )


def _card_of_charge(charge: stripe.Charge) -> Card | None:
    card = found_in(charge.payment_method_details, "card")
    if card is None:
        return None
    method_id = charge.payment_method or ""
    return Card(method_id, card.brand or "card", card.last4 or "", card.fingerprint or method_id)


def purchase_of(intent_id: str) -> str:
    """The purchase whose name a payment bears; "" for one that is not of ours."""
    with asking() as client:
        return tag_of(client.v1.payment_intents.retrieve(intent_id).metadata, "purchase")

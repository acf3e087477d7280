"""Money in: customers, Checkout, payments, what went back of them. Cents, US dollars.

Sources: docs.stripe.com/api/checkout/sessions, /payment_intents, /refunds, /disputes.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import stripe
from django.conf import settings
from stripe.params.checkout import SessionCreateParams

from billing.stripe_gateway.connection import StripeRefused, asking

CURRENCY = "usd"
PRODUCT = "seedance_credits"  # made by `manage.py stripe_setup`


@dataclass(frozen=True)
class Card:
    payment_method_id: str
    brand: str
    last4: str
    fingerprint: str


@dataclass(frozen=True)
class Checkout:
    """A person's visit to Stripe's page. `is_paid` says that nothing is left to be paid there."""

    id: str
    status: str  # open, complete, expired
    is_paid: bool
    url: str
    intent_id: str
    tax_cents: int
    total_cents: int
    invoice_id: str


@dataclass(frozen=True)
class MoneyBack:
    """A refund or a dispute. `state` is of Reversal.State; `row_id` names the refund that we asked for."""

    stripe_id: str
    kind: str
    state: str
    amount_cents: int
    intent_id: str
    row_id: str
    reason: str
    failure_message: str
    created: int
    evidence_due_at: datetime | None = None  # while a dispute waits for our answer


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


def create_customer(organization_id: str, *, name: str, email: str) -> str:
    with asking() as client:
        customer = client.v1.customers.create(
            {"name": name, "email": email, "metadata": {"organization": organization_id}},
            {"idempotency_key": f"customer:{organization_id}"},
        )
    return customer.id


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
    card = _field(method, "card")
    if method is None or card is None:
        return None
    return Card(method.id, card.brand, card.last4, card.fingerprint or method.id)


def _field(found: stripe.StripeObject | None, name: str) -> Any:
    """One that Stripe leaves out where it does not apply: None then."""
    return getattr(found, name, None)


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


def create_checkout(
    *,
    purchase_id: str,
    customer_id: str,
    amount_cents: int,
    expires_at: datetime,
    success_url: str,
    cancel_url: str,
) -> Checkout:
    """Stripe's page for this purchase: a repeat gives the same one. All follows from the arguments."""
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
        is_paid=session.payment_status != "unpaid",
        url=session.url or "",
        intent_id=id_of(session.payment_intent),
        tax_cents=details.amount_tax if details else 0,
        total_cents=session.amount_total or 0,
        invoice_id=id_of(session.invoice),
    )


def invoice_url(invoice_id: str) -> str:
    with asking() as client:
        return client.v1.invoices.retrieve(invoice_id).hosted_invoice_url or ""


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
        back: list[MoneyBack] = []
        if charge is not None:
            refunds = client.v1.refunds.list({"payment_intent": intent_id, "limit": 100})
            disputes = client.v1.disputes.list({"payment_intent": intent_id, "limit": 100})
            back += map(refunded, refunds.auto_paging_iter())
            back += map(disputed, disputes.auto_paging_iter())
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
        money_back=tuple(sorted(back, key=lambda one: (one.created, one.stripe_id))),
    )


def _card_of_charge(charge: stripe.Charge) -> Card | None:
    card = _field(charge.payment_method_details, "card")
    if card is None:
        return None
    method_id = charge.payment_method or ""
    return Card(method_id, card.brand or "card", card.last4 or "", card.fingerprint or method_id)


def refund(*, row_id: str, intent_id: str, amount_cents: int) -> MoneyBack:
    """Ask for a refund of ours: a repeat within a day is the same one. Raises StripeRefused."""
    with asking() as client:
        made = client.v1.refunds.create(
            {
                "payment_intent": intent_id,
                "amount": amount_cents,
                "reason": "requested_by_customer",
                "metadata": {"reversal": row_id},
            },
            {"idempotency_key": f"refund:{row_id}"},
        )
    return refunded(made)


_REFUND_STATES = {"succeeded": "succeeded", "failed": "failed", "canceled": "failed"}


def refunded(refund: stripe.Refund) -> MoneyBack:
    return MoneyBack(
        stripe_id=refund.id,
        kind="refund",
        # pending and requires_action: it is on its way.
        state=_REFUND_STATES.get(refund.status or "", "pending"),
        amount_cents=refund.amount,
        intent_id=id_of(refund.payment_intent),
        row_id=tag_of(refund.metadata, "reversal"),
        reason=refund.reason or "",
        failure_message=given(refund, "failure_reason"),
        created=refund.created,
    )


_DISPUTE_STATES = {"won": "won", "lost": "lost", "warning_closed": "won", "prevented": "won"}


def disputed(dispute: stripe.Dispute) -> MoneyBack:
    """An inquiry moves no money; what is under review has moved it."""
    status = dispute.status
    if status.startswith("warning_") and status != "warning_closed":
        state = "inquiry"
    else:
        state = _DISPUTE_STATES.get(status, "open")
    due_by = dispute.evidence_details.due_by if status.endswith("needs_response") else None
    return MoneyBack(
        stripe_id=dispute.id,
        kind="dispute",
        state=state,
        amount_cents=dispute.amount,
        intent_id=id_of(dispute.payment_intent),
        row_id="",
        reason=dispute.reason,
        failure_message="",
        created=dispute.created,
        evidence_due_at=datetime.fromtimestamp(due_by, UTC) if due_by else None,
    )


def portal_url(customer_id: str, *, return_url: str) -> str:
    """Stripe's own pages for cards, tax ids and invoices, signed in for a few minutes."""
    with asking() as client:
        session = client.v1.billing_portal.sessions.create(
            {"customer": customer_id, "return_url": return_url}
        )
    return session.url


def intent_of(object_id: str) -> str:
    """The payment that a charge, a refund or a dispute is about; "" for one without."""
    with asking() as client:
        if object_id.startswith(("re_", "pyr_")):
            return id_of(client.v1.refunds.retrieve(object_id).payment_intent)
        if object_id.startswith(("dp_", "du_")):
            return id_of(client.v1.disputes.retrieve(object_id).payment_intent)
        return id_of(client.v1.charges.retrieve(object_id).payment_intent)


def purchase_of_checkout(session_id: str) -> str:
    """The purchase whose name a visit to Stripe's page bears; "" for one that is not of ours."""
    with asking() as client:
        return tag_of(client.v1.checkout.sessions.retrieve(session_id).metadata, "purchase")


def purchase_of(intent_id: str) -> str:
    """The purchase whose name a payment bears; "" for one that is not of ours."""
    with asking() as client:
        return tag_of(client.v1.payment_intents.retrieve(intent_id).metadata, "purchase")


def id_of(value: object) -> str:
    """Of a field that holds an id, an object in full, or nothing."""
    if value is None or isinstance(value, str):
        return value or ""
    return str(value.id)  # type: ignore[attr-defined]


def given(answer: stripe.StripeObject | None, name: str) -> str:
    """A field that Stripe leaves out when it has nothing to say: the library has no such attribute then."""
    return str(getattr(answer, name, None) or "")


def tag_of(metadata: stripe.StripeObject | dict[str, str] | None, name: str) -> str:
    if metadata is None:
        return ""
    tags = metadata if isinstance(metadata, dict) else metadata.to_dict()
    return str(tags.get(name, ""))

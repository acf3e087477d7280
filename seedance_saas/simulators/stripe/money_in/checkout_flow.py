"""What happens to a Checkout session: paid, asked for 3D Secure, declined, expired, settled later."""

from collections.abc import Callable
from dataclasses import dataclass, field

from seedance_saas.simulators.stripe.call import Call
from seedance_saas.simulators.stripe.errors import Json
from seedance_saas.simulators.stripe.money_in import (
    cards,
    checkout_items,
    customers,
    payment_methods,
    payments,
    setup_intents,
)
from seedance_saas.simulators.stripe.registry import timer

Paid = Callable[[Call, Json, Json], None]
_paid: list[Paid] = []


def when_paid(run: Paid) -> Paid:
    """`run(call, session, intent)` before a session of mode payment is shown as complete."""
    _paid.append(run)
    return run


@dataclass
class Payer:
    """What the person typed in beside the card."""

    email: str | None = None
    name: str | None = None
    address: Json = field(default_factory=dict)
    business_name: str | None = None
    tax_id: str = ""
    saves_card: bool = False


def details(**values: object) -> Json:
    """The session's `customer_details`."""
    return {
        "address": None,
        "business_name": None,
        "email": None,
        "individual_name": None,
        "name": None,
        "phone": None,
        "tax_exempt": "none",
        "tax_ids": None,
    } | values


def pay(call: Call, session: Json, method: Json, payer: Payer) -> str:
    """Press Pay on an open session. "" if it went on, else what the payer must read.

    Afterwards the session is complete, or still open with `_challenge` set: then the bank asks for
    3D Secure and `answer` goes on; or still open with nothing set: then the payment was declined.
    """
    session["_payer"] = vars(payer)
    session["_challenge"] = None
    if session["automatic_tax"]["enabled"] and session["mode"] == "payment":
        session["_line_items"] = checkout_items.taxed(session["_line_items"])
        session |= checkout_items.totals(session["_line_items"])
        session["automatic_tax"]["status"] = "complete"
    if session["mode"] == "setup":
        return _set_up(call, session, method)
    return _take(call, session, method)


def answer(call: Call, session: Json, *, is_confirmed: bool) -> str:
    """The payer's answer to the bank; as `pay`."""
    method = call.get("payment_method", session["_challenge"])
    session["_challenge"] = None
    if session["mode"] == "setup":
        if not is_confirmed:
            intent = call.get("setup_intent", session["setup_intent"])
            setup_intents.fail(call, intent, method, cards.AUTHENTICATION_FAILED)
            call.save(session)
            return cards.AUTHENTICATION_FAILED.message
        return _set_up(call, session, method, authenticated=True)
    if not is_confirmed:
        intent = call.get("payment_intent", session["_payment_intent"])
        payments.refuse_authentication(call, intent, method)
        call.save(session)
        return cards.AUTHENTICATION_FAILED.message
    return _take(call, session, method, authenticated=True)


def _take(call: Call, session: Json, method: Json, *, authenticated: bool = False) -> str:
    intent = _intent(call, session)
    intent = payments.attempt(call, intent, method, authenticated=authenticated)
    if intent["status"] == "requires_action":
        session["_challenge"] = method["id"]
        call.save(session)
        return ""
    if intent["status"] == "requires_payment_method":
        call.save(session)
        message: str = intent["last_payment_error"]["message"]
        return message
    session["payment_intent"] = intent["id"]
    session["payment_status"] = "paid" if intent["status"] == "succeeded" else "unpaid"
    if session["_payer"]["saves_card"] or intent["setup_future_usage"]:
        _keep(call, session, method["id"])
    if session["payment_status"] == "paid":
        for run in _paid:
            run(call, session, intent)
    _complete(call, session)
    return ""


def _intent(call: Call, session: Json) -> Json:
    """The payment intent of the session, made with the first press."""
    data = session["_intent_data"]
    customer = _customer(call, session)
    if "_payment_intent" in session:
        intent = call.get("payment_intent", session["_payment_intent"])
        return intent | {"amount": session["amount_total"], "customer": customer}
    wanted = ("description", "setup_future_usage", "receipt_email", "statement_descriptor")
    values = {name: data[name] for name in (*wanted, "statement_descriptor_suffix") if name in data}
    intent = payments.new_intent(
        call,
        amount=session["amount_total"],
        currency=session["currency"],
        customer=customer,
        metadata=dict(data["metadata"]),
        payment_method_types=session["payment_method_types"],
        automatic_payment_methods=None,
        **values,
    )
    session["_payment_intent"] = intent["id"]
    return intent


def _customer(call: Call, session: Json) -> str | None:
    """The session's customer, who is made now if one is needed and there is none."""
    known: str | None = session["customer"]
    needed = (
        session["customer_creation"] == "always"
        or session["mode"] == "setup"
        or session["_intent_data"].get("setup_future_usage")
        or (session["invoice_creation"] or {}).get("enabled")
    )
    if known is not None or not needed:
        return known
    payer = session["_payer"]
    customer = customers.new(
        call, email=payer["email"], name=payer["name"], address=payer["address"] or None
    )
    call.save(customer, "customer.created")
    session["customer"] = customer["id"]
    return str(customer["id"])


def _keep(call: Call, session: Json, method_id: str) -> None:
    """The card becomes the customer's; shown again at Checkout only if the payer said so."""
    method = call.get("payment_method", method_id)
    if method["customer"] is None and session["customer"] is not None:
        method.pop("_is_spent", None)
        method = payment_methods.attach(call, method, session["customer"])
    may_show = "always" if session["_payer"]["saves_card"] else "limited"
    if method["allow_redisplay"] != "always":
        call.save(method | {"allow_redisplay": may_show})


def _set_up(call: Call, session: Json, method: Json, *, authenticated: bool = False) -> str:
    intent = call.get("setup_intent", session["setup_intent"])
    card = payment_methods.card_of(method)
    if card is not None and card.asks and not authenticated:
        session["_challenge"] = method["id"]
        call.save(session)
        return ""
    if card is not None and card.decline is not None and not card.asks:
        setup_intents.fail(call, intent, method, card.decline)
        call.save(session)
        return card.decline.message
    intent["customer"] = _customer(call, session)
    method["allow_redisplay"] = "always" if session["_payer"]["saves_card"] else "limited"
    setup_intents.succeed(call, intent, method)
    _complete(call, session)
    return ""


def _complete(call: Call, session: Json) -> None:
    payer = session["_payer"]
    tax_ids = [_tax_id(payer["tax_id"])] if payer["tax_id"] else []
    before = session["customer_details"] or details()
    session["customer_details"] = before | {
        "address": payer["address"] or None,
        "business_name": payer["business_name"],
        "email": before["email"] or payer["email"],
        "individual_name": payer["name"],
        "name": payer["business_name"] or payer["name"],
        "tax_ids": tax_ids,
    }
    session["collected_information"] = {
        "business_name": payer["business_name"],
        "individual_name": payer["name"],
        "shipping_details": None,
    }
    if session["customer"] is not None:
        _update_customer(call, session, tax_ids)
    session["status"], session["url"] = "complete", None
    call.save(session, "checkout.session.completed")


def _update_customer(call: Call, session: Json, tax_ids: list[Json]) -> None:
    payer, updates = session["_payer"], session["_customer_update"]
    customer = call.get("customer", session["customer"])
    changed = dict(customer)
    if updates.get("address") == "auto" and payer["address"]:
        changed["address"] = payer["address"]
    name = payer["business_name"] or payer["name"]
    if updates.get("name") == "auto" and name:
        changed["name"], changed["business_name"] = name, payer["business_name"]
    if changed != customer:
        call.save(changed, "customer.updated")
    for tax_id in tax_ids:
        customers.add_tax_id(call, customer["id"], tax_id["type"], tax_id["value"])


def _tax_id(value: str) -> Json:
    value = value.replace(" ", "").upper()
    type = "eu_vat" if value[:2].isalpha() else "us_ein"
    return {"type": "gb_vat" if value.startswith("GB") else type, "value": value}


@timer("checkout.expire")
def expire(call: Call, session: str) -> None:
    """Nothing happens to one that is complete. A payment that was tried is canceled."""
    found = call.store.get(session, "checkout.session")
    if found is None or found["status"] != "open":
        return
    found["status"], found["url"] = "expired", None
    found["expires_at"] = min(found["expires_at"], call.now)
    intent = call.store.get(found.get("_payment_intent", ""), "payment_intent")
    if intent is not None:
        canceled = {"status": "canceled", "canceled_at": call.now, "next_action": None}
        canceled["cancellation_reason"] = "automatic"
        call.save(intent | canceled, "payment_intent.canceled")
    call.save(found, "checkout.session.expired")


@payments.when_settled
def settled(call: Call, intent: Json) -> None:
    """A bank debit of a session has ended."""
    for session in call.store.select("checkout.session", {"payment_intent": intent["id"]}):
        if intent["status"] == "succeeded":
            session["payment_status"] = "paid"
            for run in _paid:
                run(call, session, intent)
            call.save(session, "checkout.session.async_payment_succeeded")
        else:
            call.save(session, "checkout.session.async_payment_failed")

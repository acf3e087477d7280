"""Payments: from an intent and a method to a charge, to 3D Secure, or to a decline.

`charge` is the whole way for money that is taken without the payer (an invoice); `attempt` one try.
"""

from collections.abc import Callable
from typing import Any

from seedance_saas.simulators.stripe import ids
from seedance_saas.simulators.stripe.call import Call
from seedance_saas.simulators.stripe.errors import Json, StripeError, invalid
from seedance_saas.simulators.stripe.expansion import visible
from seedance_saas.simulators.stripe.money_in import balance, cards, charges, payment_methods
from seedance_saas.simulators.stripe.money_in.cards import Decline
from seedance_saas.simulators.stripe.registry import timer

AMOUNT_MIN, AMOUNT_MAX = 50, 99_999_999  # cents
TYPES = ["card", "us_bank_account"]
Settled = Callable[[Call, Json], None]
_settled: list[Settled] = []
_succeeded: list[Settled] = []


def when_settled(run: Settled) -> Settled:
    """`run(call, intent)` when a payment that was processing has come to its end."""
    _settled.append(run)
    return run


def when_succeeded(run: Settled) -> Settled:
    """`run(call, intent)` when money has come, at once or after processing, however it was asked for."""
    _succeeded.append(run)
    return run


def check_amount(amount: int, currency: str, param: str = "amount") -> None:
    if amount < 1:
        raise invalid(
            "This value must be greater than or equal to 1.",
            param=param,
            code="parameter_invalid_integer",
        )
    if amount < AMOUNT_MIN and currency == "usd":
        raise invalid("Amount must be at least $0.50 usd", param=param, code="amount_too_small")
    if amount > AMOUNT_MAX:
        raise invalid(
            "Amount must be no more than $999,999.99 usd", param=param, code="amount_too_large"
        )


def new_intent(call: Call, *, amount: int, currency: str, **values: Any) -> Json:
    """A payment intent with Stripe's defaults, written with `payment_intent.created`."""
    id = ids.new("pi_3", 23)
    intent: Json = {
        "id": id,
        "object": "payment_intent",
        "allowed_payment_method_types": None,
        "amount": amount,
        "amount_capturable": 0,
        "amount_details": {"tip": {}},
        "amount_received": 0,
        "application": None,
        "application_fee_amount": None,
        "automatic_payment_methods": {"allow_redirects": "always", "enabled": True},
        "canceled_at": None,
        "cancellation_reason": None,
        "capture_method": "automatic_async",
        "client_secret": f"{id}_secret_{ids.new('', 25)}",
        "confirmation_method": "automatic",
        "created": call.now,
        "currency": currency,
        "customer": None,
        "customer_account": None,
        "description": None,
        "excluded_payment_method_types": None,
        "hooks": None,
        "last_payment_error": None,
        "latest_charge": None,
        "livemode": False,
        "managed_payments": None,
        "metadata": {},
        "next_action": None,
        "on_behalf_of": None,
        "payment_details": None,
        "payment_method": None,
        "payment_method_configuration_details": None,
        "payment_method_options": {
            "card": {
                "installments": None,
                "mandate_options": None,
                "network": None,
                "request_three_d_secure": "automatic",
            }
        },
        "payment_method_types": TYPES,
        "payment_record": None,
        "presentment_details": None,
        "processing": None,
        "receipt_email": None,
        "review": None,
        "setup_future_usage": None,
        "shipping": None,
        "source": None,
        "statement_descriptor": None,
        "statement_descriptor_suffix": None,
        "status": "requires_payment_method",
        "transfer_data": None,
        "transfer_group": None,
    } | values
    return call.save(intent, "payment_intent.created")


def charge(
    call: Call,
    *,
    amount: int,
    currency: str,
    customer: str,
    payment_method: str,
    off_session: bool = True,
    **values: Any,
) -> Json:
    """Take money with a saved method; the intent's status says what came of it.

    `succeeded`, `processing` (a bank debit: see `when_settled`), `requires_action` (only when the
    payer is there) or `requires_payment_method` with `last_payment_error`. Raises no decline.
    """
    intent = new_intent(call, amount=amount, currency=currency, customer=customer, **values)
    method = payment_methods.find(call, payment_method)
    return attempt(call, intent, method, off_session=off_session)


def attempt(
    call: Call,
    intent: Json,
    method: Json,
    *,
    off_session: bool = False,
    authenticated: bool = False,
) -> Json:
    """One try. The intent as it is afterwards; see `charge` for its statuses."""
    intent["payment_method"] = method["id"]
    intent["next_action"] = None
    card = payment_methods.card_of(method)
    if card is None:
        return _debit(call, intent, method)
    is_set_up = bool(method.get("_is_set_up"))
    if card.asks and not authenticated and not (card.asks == "until_set_up" and is_set_up):
        if off_session:
            return _refuse(call, intent, method, cards.AUTHENTICATION)
        intent["status"] = "requires_action"
        intent["next_action"] = {"type": "use_stripe_sdk", "use_stripe_sdk": {}}
        return call.save(intent, "payment_intent.requires_action")
    decline = card.decline
    if method["customer"] is not None:
        decline = decline or card.decline_when_saved
    if decline is not None:
        return _refuse(call, intent, method, decline)
    made = charges.new(call, intent, method, authenticated=authenticated)
    return _succeed(call, intent, method, made)


def refuse_authentication(call: Call, intent: Json, method: Json) -> Json:
    """The payer failed at 3D Secure, or gave up: no charge was tried."""
    return _refuse(call, intent, method, cards.AUTHENTICATION_FAILED, has_charge=False)


def _refuse(
    call: Call, intent: Json, method: Json, decline: Decline, *, has_charge: bool = True
) -> Json:
    error: Json = {
        "code": decline.code,
        "doc_url": f"https://stripe.com/docs/error-codes/{decline.code.replace('_', '-')}",
        "message": decline.message,
        "payment_method": visible(method),
        "type": "card_error" if has_charge else "invalid_request_error",
    }
    if decline.decline_code is not None:
        error["decline_code"] = decline.decline_code
    if has_charge:
        failed = charges.declined(charges.new(call, intent, method), decline)
        call.save(failed, "charge.failed")
        error["charge"] = intent["latest_charge"] = failed["id"]
    intent["status"] = "requires_payment_method"
    intent["payment_method"], intent["next_action"] = None, None
    intent["last_payment_error"] = error
    return call.save(intent, "payment_intent.payment_failed")


def decline_error(intent: Json) -> StripeError:
    """The 402 for an intent whose last try failed."""
    error = dict(intent["last_payment_error"])
    return StripeError(
        402,
        error.pop("type"),
        error.pop("message"),
        code=error.pop("code"),
        keeps_work=True,
        **error,
        payment_intent=visible(intent),
    )


def _succeed(call: Call, intent: Json, method: Json, made: Json) -> Json:
    """Charge, intent, balance, in this order; the charge learns of its balance transaction last."""
    intent["status"] = "succeeded"
    intent["amount_received"] = intent["amount"]
    intent["latest_charge"] = made["id"]
    intent["last_payment_error"], intent["processing"] = None, None
    call.save(made, "charge.succeeded")
    call.save(intent, "payment_intent.succeeded")
    is_card = method["type"] == "card"
    transaction = balance.record(
        call,
        "charge" if is_card else "payment",
        made["amount"],
        source=made["id"],
        currency=made["currency"],
        fee=balance.processing_fee(made["amount"]),
        description=made["description"],
    )
    call.save(made | {"balance_transaction": transaction["id"]}, "charge.updated")
    _keep_method(call, intent, method)
    card = payment_methods.card_of(method)
    if card is not None and card.dispute:
        call.later(
            call.now_ms,
            "disputes.open",
            charge=made["id"],
            reason=card.dispute,
            is_inquiry=card.is_inquiry,
        )
    for run in _succeeded:
        run(call, intent)
    return intent


def _keep_method(call: Call, intent: Json, method: Json) -> None:
    """Saved for later if that was asked for; otherwise a new method is used up by its payment.

    One that was detached while its debit was on its way stays detached: the money comes all the same.
    """
    if method.get("_is_spent"):
        return
    if intent["setup_future_usage"] and intent["customer"]:
        is_for_later = intent["setup_future_usage"] == "off_session"
        payment_methods.attach(call, method, intent["customer"], is_set_up=is_for_later)
    elif method["customer"] is None:
        call.save(method | {"_is_spent": True})


def _debit(call: Call, intent: Json, method: Json) -> Json:
    """A bank debit: the bank answers later."""
    made = charges.new(call, intent, method) | {
        "amount_captured": 0,
        "captured": True,
        "paid": False,
        "receipt_url": None,
        "status": "pending",
    }
    intent["status"], intent["latest_charge"] = "processing", made["id"]
    intent["last_payment_error"] = None
    call.save(intent, "payment_intent.processing")
    call.save(made, "charge.pending")
    call.later(
        call.now_ms + int(call.config.stripe_async_seconds * 1000),
        "payments.settle",
        intent=intent["id"],
        failure=method["_failure"],
    )
    return intent


@timer("payments.settle")
def settle(call: Call, intent: str, failure: str) -> None:
    """The bank has answered: `failure` is "" for money. Nothing happens if it had answered before."""
    found = call.store.get(intent, "payment_intent")
    if found is None or found["status"] != "processing":
        return
    method = call.get("payment_method", found["payment_method"])
    made = call.get("charge", found["latest_charge"])
    if failure:
        message = "The customer's bank account could not be debited."
        decline = Decline(failure, None, message)
        _refuse(call, found, method, decline, has_charge=False)
        found["last_payment_error"]["charge"] = made["id"]
        call.save(found)
        failed = charges.declined(made, decline) | {"outcome": None}
        call.save(failed, "charge.failed")
    else:
        paid = {
            "amount_captured": made["amount"],
            "paid": True,
            "receipt_url": f"{call.url}/receipts/{made['id']}",
            "status": "succeeded",
        }
        _succeed(call, found, method, made | paid)
    for run in _settled:
        run(call, found)

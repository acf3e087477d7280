"""The endpoints of payment intents, and the page of the bank that asks for 3D Secure."""

from starlette.responses import HTMLResponse, RedirectResponse, Response

from seedance_saas.simulators.stripe import metadata
from seedance_saas.simulators.stripe.call import Call
from seedance_saas.simulators.stripe.errors import Json, StripeError, invalid
from seedance_saas.simulators.stripe.expansion import visible
from seedance_saas.simulators.stripe.html import document, money
from seedance_saas.simulators.stripe.money_in import payment_methods, payments
from seedance_saas.simulators.stripe.registry import control, endpoint, page

PLAIN = (
    *("description", "receipt_email", "setup_future_usage", "shipping", "statement_descriptor"),
    *("statement_descriptor_suffix", "transfer_group", "allowed_payment_method_types"),
)
NOT_PLAYED = {
    *("application_fee_amount", "confirmation_token", "customer_account", "hooks", "mandate"),
    *("on_behalf_of", "payment_method_configuration", "payment_method_data", "transfer_data"),
}
CONFIRMABLE = {"requires_payment_method", "requires_confirmation", "requires_action"}
CANCELABLE = {*CONFIRMABLE, "requires_capture", "processing"}
RETURN_URL = (
    "This PaymentIntent is configured to accept payment methods enabled in your Dashboard. Because "
    "some of these payment methods might redirect your customer off of your page, you must provide "
    "a `return_url`. If you don't want to accept redirect-based payment methods, set "
    "`automatic_payment_methods[enabled]` to `true` and `automatic_payment_methods[allow_redirects]` "
    "to `never` when creating Setup Intents and Payment Intents."
)


@endpoint("POST", "/v1/payment_intents", "PaymentIntentCreateParams")
def create(call: Call) -> Json:
    given = call.params
    currency = given["currency"].lower()
    if len(currency) != 3 or not currency.isalpha():
        raise invalid(f"Invalid currency: {currency}.", param="currency")
    payments.check_amount(given["amount"], currency)
    refuse_not_played(given)
    if "customer" in given:
        call.get("customer", given["customer"], param="customer")
    if not given.get("confirm"):
        for name in ("off_session", "error_on_requires_action", "mandate_data", "return_url"):
            if name in given:
                raise invalid(
                    f"You cannot provide `{name}` when `confirm` is not `true`.",
                    param=name,
                )
    values = {name: given[name] for name in PLAIN if given.get(name)}
    if "allowed_payment_method_types" in given:
        values["payment_method_types"] = given["allowed_payment_method_types"]
        values["automatic_payment_methods"] = None
    if "automatic_payment_methods" in given:
        automatic = {"allow_redirects": "always"} | given["automatic_payment_methods"]
        values["automatic_payment_methods"] = automatic
    intent = payments.new_intent(
        call,
        amount=given["amount"],
        currency=currency,
        customer=given.get("customer"),
        metadata=metadata.merged({}, given.get("metadata")),
        **values,
    )
    if "payment_method" in given:
        method = _usable(call, intent, given["payment_method"])
        intent["payment_method"] = method["id"]
        intent["status"] = "requires_confirmation"
        call.save(intent)
    return _confirm(call, intent) if given.get("confirm") else intent


def refuse_not_played(given: Json, inside: str = "") -> None:
    """Better refused than silently left out."""
    names = sorted(given.keys() & NOT_PLAYED)
    if given.get("capture_method") == "manual":
        names.append("capture_method")
    for name in names:
        param = f"{inside}[{name}]" if inside else name
        raise invalid(f"The simulator does not play {param}.", param=param)


def _usable(call: Call, intent: Json, id: str) -> Json:
    """The method, if it may pay this intent."""
    method = payment_methods.find(call, id)
    owner, customer = method["customer"], intent["customer"]
    if owner is not None and customer is None:
        raise invalid(
            f"The provided PaymentMethod {id} belongs to the Customer {owner}. Please include the "
            "Customer in the `customer` parameter on the PaymentIntent.",
            param="payment_method",
        )
    if owner is not None and owner != customer:
        raise invalid(
            f"The PaymentMethod {id} does not belong to the Customer you supplied {customer}. "
            "Please use this PaymentMethod with the Customer that it belongs to instead.",
            param="payment_method",
        )
    if method.get("_is_spent"):
        raise invalid(
            "The provided PaymentMethod was previously used with a PaymentIntent without Customer "
            "attachment, shared with a connected account without Customer attachment, or was "
            "detached from a Customer. It may not be used again. To use a PaymentMethod multiple "
            "times, you must attach it to a Customer first.",
            param="payment_method",
        )
    if method["type"] not in intent["payment_method_types"]:
        raise invalid(
            f"The PaymentMethod provided ({method['type']}) is not allowed for this PaymentIntent. "
            "Please attach a PaymentMethod of one of the following types: "
            f"{', '.join(intent['payment_method_types'])}.",
            param="payment_method",
        )
    return method


def _confirm(call: Call, intent: Json) -> Json:
    """Raises the decline; what was written stays."""
    given = call.params
    if intent["payment_method"] is None:
        raise _unexpected(
            intent,
            "You cannot confirm this PaymentIntent because it's missing a payment method. You can "
            "either update the PaymentIntent with a payment method and then confirm it again, or "
            "confirm it again directly with a payment method or ConfirmationToken.",
        )
    automatic = intent["automatic_payment_methods"] or {}
    may_redirect = automatic.get("enabled") and automatic.get("allow_redirects") != "never"
    off_session = bool(given.get("off_session"))
    if may_redirect and not off_session and "return_url" not in given:
        raise invalid(RETURN_URL, param="return_url")
    if off_session and intent["setup_future_usage"]:
        raise invalid(
            "You cannot set `setup_future_usage` on a payment that is `off_session`.",
            param="off_session",
        )
    method = call.get("payment_method", intent["payment_method"])
    intent = payments.attempt(call, intent, method, off_session=off_session)
    if intent["status"] == "requires_payment_method":
        raise payments.decline_error(intent)
    if intent["status"] == "requires_action":
        if given.get("error_on_requires_action"):
            payments.refuse_authentication(call, intent, method)
            raise payments.decline_error(intent)
        if "return_url" in given:
            intent["next_action"] = {
                "type": "redirect_to_url",
                "redirect_to_url": {
                    "return_url": given["return_url"],
                    "url": f"{call.url}/authenticate/{intent['id']}",
                },
            }
            call.save(intent)
    return intent


def _unexpected(intent: Json, message: str) -> StripeError:
    return invalid(message, code="payment_intent_unexpected_state", payment_intent=visible(intent))


@endpoint("GET", "/v1/payment_intents", "PaymentIntentListParams")
def list_all(call: Call) -> Json:
    return call.page("payment_intent", {"customer": call.params.get("customer")})


@endpoint("GET", "/v1/payment_intents/{id}", "PaymentIntentRetrieveParams")
def retrieve(call: Call) -> Json:
    return call.get("payment_intent", call.path["id"])


@endpoint("POST", "/v1/payment_intents/{id}", "PaymentIntentUpdateParams")
def update(call: Call) -> Json:
    intent = call.get("payment_intent", call.path["id"])
    given = call.params
    is_over = intent["status"] in {"succeeded", "canceled", "processing"}
    changed = given.keys() & {"amount", "currency", "customer", "payment_method"}
    if is_over and changed:
        raise _unexpected(
            intent,
            f"This PaymentIntent's {min(changed)} could not be updated because it has a status of "
            f"{intent['status']}. You may only update the {min(changed)} of a PaymentIntent with "
            "one of the following statuses: requires_payment_method, requires_confirmation, "
            "requires_action.",
        )
    if "amount" in given:
        payments.check_amount(given["amount"], intent["currency"])
        intent["amount"] = given["amount"]
    if "customer" in given:
        intent["customer"] = call.get("customer", given["customer"], param="customer")["id"]
    if "payment_method" in given:
        intent["payment_method"] = _usable(call, intent, given["payment_method"])["id"]
        intent["status"] = "requires_confirmation"
    intent |= {name: given[name] or None for name in PLAIN if name in given}
    intent["metadata"] = metadata.merged(intent["metadata"], given.get("metadata"))
    return call.save(intent)


@endpoint("POST", "/v1/payment_intents/{id}/confirm", "PaymentIntentConfirmParams")
def confirm(call: Call) -> Json:
    intent = call.get("payment_intent", call.path["id"])
    if intent["status"] not in CONFIRMABLE:
        reason = {"succeeded": "it has already succeeded after being previously confirmed"}.get(
            intent["status"], f"it has a status of {intent['status']}"
        )
        raise _unexpected(intent, f"You cannot confirm this PaymentIntent because {reason}.")
    given = call.params
    refuse_not_played(given)
    for name in ("receipt_email", "setup_future_usage", "shipping"):
        if name in given:
            intent[name] = given[name] or None
    if "payment_method" in given:
        intent["payment_method"] = _usable(call, intent, given["payment_method"])["id"]
    return _confirm(call, intent)


@endpoint("POST", "/v1/payment_intents/{id}/cancel", "PaymentIntentCancelParams")
def cancel(call: Call) -> Json:
    intent = call.get("payment_intent", call.path["id"])
    if intent["status"] not in CANCELABLE:
        raise _unexpected(
            intent,
            "You cannot cancel this PaymentIntent because it has a status of "
            f"{intent['status']}. Only a PaymentIntent with one of the following statuses may be "
            "canceled: requires_payment_method, requires_capture, requires_confirmation, "
            "requires_action, processing.",
        )
    intent["status"], intent["canceled_at"] = "canceled", call.now
    intent["cancellation_reason"] = call.params.get("cancellation_reason")
    intent["next_action"] = None
    return call.save(intent, "payment_intent.canceled")


@page("GET", "/authenticate/{id}")
def ask(call: Call) -> Response:
    """The bank's page of 3D Secure for a payment that came by the API."""
    intent = call.get("payment_intent", call.path["id"])
    if intent["status"] != "requires_action":
        return HTMLResponse(document("3D Secure", "<h1>There is nothing left to confirm</h1>"))
    return HTMLResponse(document("3D Secure", challenge(intent["amount"], intent["currency"])))


@page("POST", "/authenticate/{id}")
def answer(call: Call) -> Response:
    intent = call.get("payment_intent", call.path["id"])
    if intent["status"] != "requires_action" or intent["next_action"]["type"] != "redirect_to_url":
        return HTMLResponse(document("3D Secure", "<h1>There is nothing left to confirm</h1>"))
    return_url = intent["next_action"]["redirect_to_url"]["return_url"]
    method = call.get("payment_method", intent["payment_method"])
    if call.params.get("answer") == "complete":
        intent = payments.attempt(call, intent, method, authenticated=True)
    else:
        intent = payments.refuse_authentication(call, intent, method)
    is_paid = intent["status"] in {"succeeded", "processing"}
    sign = "&" if "?" in return_url else "?"
    outcome = "succeeded" if is_paid else "failed"
    target = f"{return_url}{sign}payment_intent={intent['id']}&redirect_status={outcome}"
    return RedirectResponse(target, 303)


def challenge(amount: int | None, currency: str) -> str:
    """What the bank asks; the form posts `answer` to its own address."""
    what = "saving this card" if amount is None else f"the payment of {money(amount, currency)}"
    return (
        f"<h1>Your bank asks you to confirm</h1><p>3D Secure for {what}.</p>"
        '<form method="post"><button name="answer" value="complete">Complete</button>'
        '<button class="second" name="answer" value="fail">Fail</button></form>'
    )


@control("POST", "/control/payments/{id}")
def settle(call: Call) -> Json:
    """The bank's answer to a debit, now: `outcome` succeeded or failed."""
    intent = call.get("payment_intent", call.path["id"])
    outcome = call.params.get("outcome")
    if outcome not in {"succeeded", "failed"}:
        raise invalid("outcome must be succeeded or failed.", param="outcome")
    if intent["status"] != "processing":
        raise _unexpected(intent, f"This payment is {intent['status']}, not processing.")
    payments.settle(call, intent["id"], "" if outcome == "succeeded" else "insufficient_funds")
    return call.get("payment_intent", intent["id"])

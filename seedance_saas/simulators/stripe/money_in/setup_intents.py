"""Setup intents, as far as Checkout in setup mode makes them."""

from typing import Any

from seedance_saas.simulators.stripe import ids
from seedance_saas.simulators.stripe.call import Call
from seedance_saas.simulators.stripe.errors import Json
from seedance_saas.simulators.stripe.expansion import visible
from seedance_saas.simulators.stripe.money_in import payment_methods
from seedance_saas.simulators.stripe.money_in.cards import Decline
from seedance_saas.simulators.stripe.registry import endpoint


def new(call: Call, **values: Any) -> Json:
    """Written with `setup_intent.created`."""
    id = ids.new("seti_1", 23)
    intent: Json = {
        "id": id,
        "object": "setup_intent",
        "allowed_payment_method_types": None,
        "application": None,
        "attach_to_self": None,
        "automatic_payment_methods": None,
        "cancellation_reason": None,
        "client_secret": f"{id}_secret_{ids.new('', 25)}",
        "created": call.now,
        "customer": None,
        "customer_account": None,
        "description": None,
        "excluded_payment_method_types": None,
        "flow_directions": None,
        "last_setup_error": None,
        "latest_attempt": None,
        "livemode": False,
        "managed_payments": None,
        "mandate": None,
        "metadata": {},
        "next_action": None,
        "on_behalf_of": None,
        "payment_method": None,
        "payment_method_configuration_details": None,
        "payment_method_options": {},
        "payment_method_types": ["card"],
        "single_use_mandate": None,
        "status": "requires_payment_method",
        "usage": "off_session",
    } | values
    return call.save(intent, "setup_intent.created")


def succeed(call: Call, intent: Json, method: Json) -> Json:
    """The method is the customer's, and ready to be charged off session."""
    if intent["customer"] is not None:
        payment_methods.attach(call, method, intent["customer"], is_set_up=True)
    done = {"status": "succeeded", "payment_method": method["id"], "last_setup_error": None}
    return call.save(intent | done, "setup_intent.succeeded")


def fail(call: Call, intent: Json, method: Json, decline: Decline) -> Json:
    error = {
        "code": decline.code,
        "decline_code": decline.decline_code,
        "message": decline.message,
        "payment_method": visible(method),
        "type": "card_error",
    }
    return call.save(intent | {"last_setup_error": error}, "setup_intent.setup_failed")


@endpoint("GET", "/v1/setup_intents", "SetupIntentListParams")
def list_all(call: Call) -> Json:
    names = ("customer", "payment_method")
    return call.page("setup_intent", {name: call.params.get(name) for name in names})


@endpoint("GET", "/v1/setup_intents/{id}", "SetupIntentRetrieveParams")
def retrieve(call: Call) -> Json:
    return call.get("setup_intent", call.path["id"])

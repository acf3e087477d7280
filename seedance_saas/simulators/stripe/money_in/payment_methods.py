"""Payment methods: cards and bank accounts, from test tokens or typed in on a hosted page."""

from datetime import UTC, datetime
from typing import Any

from seedance_saas.simulators.stripe import ids, metadata
from seedance_saas.simulators.stripe.call import Call
from seedance_saas.simulators.stripe.errors import Json, declined, invalid, no_such
from seedance_saas.simulators.stripe.money_in import cards
from seedance_saas.simulators.stripe.money_in.cards import KnownCard
from seedance_saas.simulators.stripe.registry import endpoint

UNSAFE = (
    "Sending credit card numbers directly to the Stripe API is generally unsafe. We suggest you use "
    "test tokens that map to the test card you are using, see https://stripe.com/docs/testing."
)
TOKEN, BANK_TOKEN = "pm_card_", "pm_usBankAccount"
EMPTY_ADDRESS = dict.fromkeys(("city", "country", "line1", "line2", "postal_code", "state"))


def new_card(
    call: Call,
    number: str,
    *,
    exp_month: int = 12,
    exp_year: int | None = None,
    billing: Json | None = None,
) -> Json:
    """A card that nobody has yet. Written, without an event, as Stripe sends none."""
    card = cards.of_number(number)
    year = exp_year or datetime.fromtimestamp(call.now, UTC).year + 5
    method = _new(call, "card", billing)
    method["card"] = _card(card, exp_month, year)
    method["_number"] = number
    call.store.put(method)
    return method


def new_bank(call: Call, failure: str = "", billing: Json | None = None) -> Json:
    """A bank account in the USA, whose debits end with `failure`."""
    method = _new(call, "us_bank_account", billing)
    method["us_bank_account"] = {
        "account_holder_type": "individual",
        "account_type": "checking",
        "bank_name": "STRIPE TEST BANK",
        "financial_connections_account": None,
        "fingerprint": cards.fingerprint(f"bank {failure}"),
        "last4": "6789",
        "networks": {"preferred": "ach", "supported": ["ach"]},
        "routing_number": "110000000",
        "status_details": {},
    }
    method["_failure"] = failure
    call.store.put(method)
    return method


def _new(call: Call, type: str, billing: Json | None) -> Json:
    details = {"address": EMPTY_ADDRESS, "email": None, "name": None, "phone": None, "tax_id": None}
    billing = billing or {}
    address = EMPTY_ADDRESS | (billing.get("address") or {})
    return {
        "id": ids.new("pm_1", 23),
        "object": "payment_method",
        "allow_redisplay": "unspecified",
        "billing_details": details | billing | {"address": address},
        "created": call.now,
        "customer": None,
        "customer_account": None,
        "livemode": False,
        "metadata": {},
        "radar_options": {},
        "type": type,
    }


def _card(card: KnownCard, exp_month: int, exp_year: int) -> Json:
    return {
        "brand": card.brand,
        "checks": {
            "address_line1_check": None,
            "address_postal_code_check": None,
            "cvc_check": "pass",
        },
        "country": "US",
        "display_brand": "american_express" if card.brand == "amex" else card.brand,
        "exp_month": exp_month,
        "exp_year": exp_year,
        "fingerprint": cards.fingerprint(card.number),
        "funding": card.funding,
        "generated_from": None,
        "last4": card.number[-4:],
        "networks": {"available": [card.brand], "preferred": None},
        "regulated_status": "unregulated",
        "three_d_secure_usage": {"supported": True},
        "wallet": None,
    }


def card_of(method: Json) -> KnownCard | None:
    """What its number does; None for a bank account."""
    return cards.of_number(method["_number"]) if "_number" in method else None


def find(call: Call, id: str, *, param: str | None = "payment_method") -> Json:
    """The payment method, a new one for a test token. Raises resource_missing."""
    if id.startswith(TOKEN) and id.removeprefix(TOKEN) in cards.BY_TOKEN:
        return new_card(call, cards.BY_TOKEN[id.removeprefix(TOKEN)].number)
    if id.startswith(BANK_TOKEN) and id.removeprefix(BANK_TOKEN) in cards.BANKS:
        return new_bank(call, cards.BANKS[id.removeprefix(BANK_TOKEN)])
    return call.get("payment_method", id, param=param)


def attach(call: Call, method: Json, customer_id: str, *, is_set_up: bool = False) -> Json:
    """Give it to the customer. A card that is always declined is declined here, too."""
    if method["customer"] is not None:
        if method["customer"] == customer_id:
            if is_set_up and not method.get("_is_set_up"):
                call.save(method | {"_is_set_up": True})
            return method
        raise invalid(
            "The payment method you provided has already been attached to a customer.",
            code="payment_method_unexpected_state",
        )
    if method.get("_is_spent"):
        raise invalid(
            "This PaymentMethod was previously used without being attached to a Customer or was "
            "detached from a Customer, and may not be used again.",
            code="payment_method_unexpected_state",
        )
    card = card_of(method)
    if card is not None and card.decline is not None and not card.asks:
        raise declined(
            card.decline.code, card.decline.message, decline_code=card.decline.decline_code
        )
    method["customer"] = customer_id
    method["_is_set_up"] = is_set_up
    return call.save(method, "payment_method.attached")


def detach(call: Call, method: Json) -> Json:
    """Take it from its customer for good; it cannot be used again."""
    if method["customer"] is None:
        raise invalid(
            "The payment method you provided is not attached to a customer so detachment is "
            "impossible."
        )
    customer = call.store.get(method["customer"], "customer")
    if customer and customer["invoice_settings"]["default_payment_method"] == method["id"]:
        settings = customer["invoice_settings"] | {"default_payment_method": None}
        call.save(customer | {"invoice_settings": settings}, "customer.updated")
    method["customer"], method["_is_spent"] = None, True
    return call.save(method, "payment_method.detached")


def of_customer(call: Call, customer_id: str, type: str | None = None) -> list[Json]:
    return call.store.select("payment_method", {"customer": customer_id, "type": type})


@endpoint("POST", "/v1/payment_methods", "PaymentMethodCreateParams")
def create(call: Call) -> Json:
    given = call.params
    if given.get("type") == "us_bank_account":
        method = new_bank(call, billing=given.get("billing_details"))
    elif given.get("type") == "card":
        card = given.get("card") or {}
        if "number" in card:
            raise invalid(UNSAFE)
        name = card.get("token", "").removeprefix("tok_")
        if name not in cards.BY_TOKEN:
            raise no_such("token", card.get("token", ""), param="card[token]")
        number = cards.BY_TOKEN[name].number
        method = new_card(call, number, billing=given.get("billing_details"))
    else:
        raise invalid("This type of payment method is not played here.", param="type")
    method["metadata"] = metadata.merged({}, given.get("metadata"))
    method["allow_redisplay"] = given.get("allow_redisplay", "unspecified")
    return call.save(method)


@endpoint("GET", "/v1/payment_methods", "PaymentMethodListParams")
def list_all(call: Call) -> Json:
    if "customer" in call.params:
        call.get("customer", call.params["customer"], param="customer")
    return _listed(call, call.params.get("customer"))


@endpoint("GET", "/v1/customers/{id}/payment_methods", "CustomerPaymentMethodListParams")
def list_of_customer(call: Call) -> Json:
    return _listed(call, call.get("customer", call.path["id"])["id"])


def _listed(call: Call, customer_id: str | None) -> Json:
    if customer_id is None:
        return call.page("payment_method", {"customer": "nobody"})
    where: dict[str, Any] = {"customer": customer_id}
    where |= {name: call.params.get(name) for name in ("type", "allow_redisplay")}
    return call.page("payment_method", where)


@endpoint("GET", "/v1/payment_methods/{id}", "PaymentMethodRetrieveParams")
def retrieve(call: Call) -> Json:
    return find(call, call.path["id"], param=None)


@endpoint("GET", "/v1/customers/{customer}/payment_methods/{id}")
def retrieve_of_customer(call: Call) -> Json:
    method = call.get("payment_method", call.path["id"])
    if method["customer"] != call.get("customer", call.path["customer"])["id"]:
        raise no_such("PaymentMethod", call.path["id"])
    return method


@endpoint("POST", "/v1/payment_methods/{id}", "PaymentMethodUpdateParams")
def update(call: Call) -> Json:
    method = call.get("payment_method", call.path["id"])
    if method["customer"] is None:
        raise invalid(
            "You must save this PaymentMethod to a customer before you can update it.",
            code="payment_method_unexpected_state",
        )
    billing = call.params.get("billing_details") or {}
    method["billing_details"] |= {name: value or None for name, value in billing.items()}
    method["metadata"] = metadata.merged(method["metadata"], call.params.get("metadata"))
    method["allow_redisplay"] = call.params.get("allow_redisplay", method["allow_redisplay"])
    for name in ("exp_month", "exp_year"):
        if name in (call.params.get("card") or {}):
            method["card"][name] = call.params["card"][name]
    return call.save(method, "payment_method.updated")


@endpoint("POST", "/v1/payment_methods/{id}/attach", "PaymentMethodAttachParams")
def attach_to_customer(call: Call) -> Json:
    if "customer" not in call.params:
        raise invalid("You must provide a customer.", param="customer", code="parameter_missing")
    customer = call.get("customer", call.params["customer"], param="customer")
    return attach(call, find(call, call.path["id"], param=None), customer["id"])


@endpoint("POST", "/v1/payment_methods/{id}/detach", "PaymentMethodDetachParams")
def detach_from_customer(call: Call) -> Json:
    return detach(call, call.get("payment_method", call.path["id"]))

"""The endpoints of Checkout sessions."""

from typing import Any

from seedance_saas.simulators.stripe import ids, metadata
from seedance_saas.simulators.stripe.call import Call, listed
from seedance_saas.simulators.stripe.errors import Json, invalid
from seedance_saas.simulators.stripe.money_in import (
    checkout_checks,
    checkout_flow,
    checkout_items,
    payments,
    setup_intents,
)
from seedance_saas.simulators.stripe.registry import endpoint, includable

EXPIRES_SECONDS = checkout_checks.EXPIRES_MAX_SECONDS  # unless the caller says when
PLAIN = (
    *("billing_address_collection", "cancel_url", "client_reference_id", "customer_email"),
    *("locale", "submit_type", "consent_collection", "custom_text", "custom_fields", "permissions"),
    *("allowed_payment_method_types", "excluded_payment_method_types", "integration_identifier"),
    *("name_collection", "phone_number_collection", "allow_promotion_codes", "origin_context"),
)


@endpoint("POST", "/v1/checkout/sessions", "checkout.SessionCreateParams")
def create(call: Call) -> Json:
    given = call.params
    checkout_checks.check(call)
    customer_id = given.get("customer")
    customer = call.get("customer", customer_id, param="customer") if customer_id else None
    session = _new(call, customer)
    if session["mode"] == "payment":
        _price(call, session, customer)
    else:
        session["currency"] = given.get("currency")
        data = given.get("setup_intent_data") or {}
        intent = setup_intents.new(
            call,
            customer=customer_id,
            description=data.get("description"),
            metadata=metadata.merged({}, data.get("metadata")),
            payment_method_types=session["payment_method_types"],
        )
        session["setup_intent"] = intent["id"]
    call.later(session["expires_at"] * 1000, "checkout.expire", session=session["id"])
    return call.save(session)


def _new(call: Call, customer: Json | None) -> Json:
    given: dict[str, Any] = call.params
    id = ids.new("cs_test_a1", 56)
    invoice = given.get("invoice_creation")
    saved = given.get("saved_payment_method_options") or {}
    session: Json = {
        "id": id,
        "object": "checkout.session",
        "adaptive_pricing": {"enabled": False},
        "after_expiration": None,
        "allow_promotion_codes": None,
        "allowed_payment_method_types": None,
        "amount_subtotal": None,
        "amount_total": None,
        "automatic_tax": {"enabled": False, "liability": None, "provider": None, "status": None},
        "billing_address_collection": None,
        "branding_settings": None,
        "cancel_url": None,
        "client_reference_id": None,
        "client_secret": None,
        "collected_information": None,
        "consent": None,
        "consent_collection": None,
        "created": call.now,
        "currency": None,
        "currency_conversion": None,
        "custom_fields": [],
        "custom_text": {
            "after_submit": None,
            "shipping_address": None,
            "submit": None,
            "terms_of_service_acceptance": None,
        },
        "customer": given.get("customer"),
        "customer_account": None,
        "customer_creation": None if customer else given.get("customer_creation", "if_required"),
        "customer_details": None,
        "customer_email": None,
        "discounts": [],
        "excluded_payment_method_types": None,
        "expires_at": given.get("expires_at", call.now + EXPIRES_SECONDS),
        "integration_identifier": None,
        "invoice": None,
        "invoice_creation": None,
        "livemode": False,
        "locale": None,
        "managed_payments": None,
        "metadata": metadata.merged({}, given.get("metadata")),
        "mode": given["mode"],
        "name_collection": None,
        "optional_items": [],
        "origin_context": None,
        "payment_intent": None,
        "payment_link": None,
        "payment_method_collection": "if_required",
        "payment_method_configuration_details": None,
        "payment_method_options": given.get("payment_method_options") or {},
        "payment_method_types": _types(given),
        "payment_status": "unpaid" if given["mode"] == "payment" else "no_payment_required",
        "permissions": None,
        "phone_number_collection": {"enabled": False},
        "presentment_details": None,
        "recovered_from": None,
        "redirect_on_completion": None,
        "return_url": None,
        "saved_payment_method_options": {
            "allow_redisplay_filters": saved.get("allow_redisplay_filters", ["always"]),
            "payment_method_remove": saved.get("payment_method_remove", "disabled"),
            "payment_method_save": saved.get("payment_method_save"),
        }
        if customer
        else None,
        "setup_intent": None,
        "shipping_address_collection": None,
        "shipping_cost": None,
        "shipping_options": [],
        "status": "open",
        "submit_type": None,
        "subscription": None,
        "success_url": given["success_url"],
        "tax_id_collection": None,
        "total_details": None,
        "ui_mode": "hosted_page",
        "url": f"{call.url}/c/pay/{id}",
        "wallet_options": None,
        "_customer_update": given.get("customer_update") or {},
        "_intent_data": _intent_data(given),
        "_line_items": [],
    }
    session |= {name: given[name] for name in PLAIN if name in given}
    if session["mode"] == "payment":
        data: Json = {"account_tax_ids": None, "custom_fields": None, "description": None}
        data |= {"footer": None, "issuer": None, "metadata": {}, "rendering_options": None}
        data |= (invoice or {}).get("invoice_data") or {}
        enabled = bool(invoice and invoice["enabled"])
        session["invoice_creation"] = {"enabled": enabled, "invoice_data": data}
    if "tax_id_collection" in given:
        session["tax_id_collection"] = {"required": "never"} | given["tax_id_collection"]
    email = customer["email"] if customer else session["customer_email"]
    if customer or email:
        session["customer_details"] = checkout_flow.details(
            email=email, tax_exempt=customer["tax_exempt"] if customer else "none"
        )
    return session


def _intent_data(given: Json) -> Json:
    data = dict(given.get("payment_intent_data") or {})
    param = "payment_intent_data[metadata]"
    data["metadata"] = metadata.merged({}, data.get("metadata"), param)
    return data


def _types(given: Json) -> list[str]:
    wanted = given.get("allowed_payment_method_types") or payments.TYPES
    without = given.get("excluded_payment_method_types") or []
    played = [type for type in wanted if type in payments.TYPES and type not in without]
    if not played:
        raise invalid(
            f"The simulator takes {' and '.join(payments.TYPES)} only.",
            param="allowed_payment_method_types",
        )
    return played


def _price(call: Call, session: Json, customer: Json | None) -> None:
    """Items, sums and, where the customer's address is known, the tax."""
    given = call.params
    items = checkout_items.line_items(call, given["line_items"])
    session["currency"] = items[0]["currency"]
    automatic = given.get("automatic_tax") or {"enabled": False}
    if automatic["enabled"]:
        address = customer["address"] if customer else None
        is_known = bool(address and address.get("country"))
        if customer and not is_known and session["_customer_update"].get("address") != "auto":
            raise invalid(
                "Automatic tax calculation in Checkout requires a valid address on the Customer. Add "
                "a valid address to the Customer or set either `customer_update[address]` to 'auto' "
                "or `customer_update[shipping]` to 'auto' to save the address entered in Checkout to "
                "the Customer.",
                code="customer_tax_location_invalid",
                param="automatic_tax",
            )
        session["automatic_tax"] = {
            "enabled": True,
            "liability": {"type": "self"},
            "provider": "stripe",
            "status": "complete" if is_known else "requires_location_inputs",
        }
        if is_known:
            items = checkout_items.taxed(items)
    session["_line_items"] = items
    session |= checkout_items.totals(items)
    if session["amount_total"] < payments.AMOUNT_MIN and session["currency"] == "usd":
        raise invalid(
            "The Checkout Session's total amount due must add up to at least $0.50 usd",
            code="amount_too_small",
        )
    payments.check_amount(session["amount_total"], session["currency"], "line_items")


@endpoint("GET", "/v1/checkout/sessions", "checkout.SessionListParams")
def list_all(call: Call) -> Json:
    names = ("customer", "payment_intent", "payment_link", "status", "subscription")
    where = {name: call.params.get(name) for name in names}
    where["customer_details.email"] = (call.params.get("customer_details") or {}).get("email")
    return call.page("checkout.session", where)


@endpoint("GET", "/v1/checkout/sessions/{id}", "checkout.SessionRetrieveParams")
def retrieve(call: Call) -> Json:
    return call.get("checkout.session", call.path["id"])


@endpoint("POST", "/v1/checkout/sessions/{id}", "checkout.SessionUpdateParams")
def update(call: Call) -> Json:
    session = call.get("checkout.session", call.path["id"])
    for name in call.params.keys() - {"metadata", "expand"}:
        raise invalid("The simulator updates metadata only.", param=name)
    session["metadata"] = metadata.merged(session["metadata"], call.params.get("metadata"))
    return call.save(session)


@endpoint("POST", "/v1/checkout/sessions/{id}/expire", "checkout.SessionExpireParams")
def expire(call: Call) -> Json:
    session = call.get("checkout.session", call.path["id"])
    if session["status"] != "open":
        raise invalid(
            'Only Checkout Sessions with a status in ["open"] can be expired. This Checkout Session '
            f"has a status of `{session['status']}`.",
        )
    checkout_flow.expire(call, session["id"])
    return call.get("checkout.session", session["id"])


@endpoint("GET", "/v1/checkout/sessions/{id}/line_items", "checkout.SessionLineItemListParams")
def list_line_items(call: Call) -> Json:
    session = call.get("checkout.session", call.path["id"])
    items, limit = session["_line_items"], call.params.get("limit", 10)
    order = [item["id"] for item in items]
    after = call.params.get("starting_after")
    rest = items[order.index(after) + 1 :] if after in order else items
    return listed(rest[:limit], call.address, has_more=len(rest) > limit)


@includable("checkout.session", "line_items")
def line_items(_: Call, session: Json) -> Json:
    url = f"/v1/checkout/sessions/{session['id']}/line_items"
    return listed(session["_line_items"], url)

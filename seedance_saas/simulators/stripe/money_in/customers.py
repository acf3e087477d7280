"""Customers and their tax ids."""

import secrets
from collections.abc import Callable

from seedance_saas.simulators.stripe import ids, metadata
from seedance_saas.simulators.stripe.call import Call, listed
from seedance_saas.simulators.stripe.errors import Json, invalid
from seedance_saas.simulators.stripe.money_in import payment_methods
from seedance_saas.simulators.stripe.registry import endpoint, includable

PLAIN = (
    *("balance", "business_name", "description", "email", "individual_name", "invoice_prefix"),
    *("name", "next_invoice_sequence", "phone", "preferred_locales", "tax_exempt"),
)
EMAIL_CHARS_MAX = 512
Deleted = Callable[[Call, Json], None]
_deleted: list[Deleted] = []


def when_deleted(run: Deleted) -> Deleted:
    """`run(call, customer)` before a customer is gone."""
    _deleted.append(run)
    return run


def new(call: Call, **values: object) -> Json:
    """A customer with Stripe's defaults; not yet written."""
    return {
        "id": ids.new("cus_", 14),
        "object": "customer",
        "address": None,
        "balance": 0,
        "business_name": None,
        "created": call.now,
        "currency": None,
        "customer_account": None,
        "default_source": None,
        "delinquent": False,
        "description": None,
        "discount": None,
        "email": None,
        "individual_name": None,
        "invoice_prefix": secrets.token_hex(4).upper(),
        "invoice_settings": {
            "custom_fields": None,
            "default_payment_method": None,
            "footer": None,
            "rendering_options": None,
        },
        "livemode": False,
        "metadata": {},
        "name": None,
        "next_invoice_sequence": 1,
        "phone": None,
        "preferred_locales": [],
        "shipping": None,
        "tax_exempt": "none",
        "test_clock": None,
    } | values


@endpoint("POST", "/v1/customers", "CustomerCreateParams")
def create(call: Call) -> Json:
    customer, method = new(call), None
    if "payment_method" in call.params:
        method = payment_methods.find(call, call.params["payment_method"])
    _apply(call, customer, method)
    call.save(customer, "customer.created")
    for given in call.params.get("tax_id_data") or []:
        add_tax_id(call, customer["id"], given["type"], given["value"])
    if method is not None:
        payment_methods.attach(call, method, customer["id"])
    return customer


@endpoint("GET", "/v1/customers", "CustomerListParams")
def list_all(call: Call) -> Json:
    return call.page("customer", {"email": call.params.get("email")})


@endpoint("GET", "/v1/customers/{id}", "CustomerRetrieveParams")
def retrieve(call: Call) -> Json:
    found = call.store.get(call.path["id"], "customer")
    if found is not None and found.get("_deleted"):
        return _tombstone(found)
    return call.get("customer", call.path["id"])


@endpoint("POST", "/v1/customers/{id}", "CustomerUpdateParams")
def update(call: Call) -> Json:
    customer = call.get("customer", call.path["id"])
    _apply(call, customer)
    return call.save(customer, "customer.updated")


@endpoint("DELETE", "/v1/customers/{id}", "CustomerDeleteParams")
def delete(call: Call) -> Json:
    customer = call.get("customer", call.path["id"])
    for run in _deleted:
        run(call, customer)
    for method in payment_methods.of_customer(call, customer["id"]):
        payment_methods.detach(call, method)
    customer = call.get("customer", customer["id"])
    call.save(customer | {"_deleted": True}, "customer.deleted")
    return _tombstone(customer)


def _tombstone(customer: Json) -> Json:
    return {"id": customer["id"], "object": "customer", "deleted": True}


def _apply(call: Call, customer: Json, attaching: Json | None = None) -> None:
    """What create and update have in common. `attaching`: the card that this very call brings."""
    given = call.params
    email = given.get("email") or ""
    if email and ("@" not in email or len(email) > EMAIL_CHARS_MAX):
        raise invalid(f"Invalid email address: {email}", param="email", code="email_invalid")
    for name in PLAIN:
        if name in given:
            customer[name] = given[name] or (None if isinstance(given[name], str) else given[name])
    for name in ("address", "shipping"):
        if name in given:
            customer[name] = _filled(name, given[name])
    customer["metadata"] = metadata.merged(customer["metadata"], given.get("metadata"))
    settings = dict(given.get("invoice_settings") or {})
    method_id = settings.get("default_payment_method")
    if method_id and attaching is not None and method_id == given["payment_method"]:
        settings["default_payment_method"] = attaching["id"]
    elif method_id:
        method = payment_methods.find(
            call, method_id, param="invoice_settings[default_payment_method]"
        )
        if method["customer"] != customer["id"]:
            raise invalid(
                "The customer does not have a payment method with the ID "
                f"{method_id}. The payment method must be attached to the customer.",
                code="resource_missing",
                param="invoice_settings[default_payment_method]",
            )
    settings = {name: value or None for name, value in settings.items()}
    customer["invoice_settings"] = customer["invoice_settings"] | settings


def _filled(name: str, given: object) -> Json | None:
    if not isinstance(given, dict):
        return None
    if name == "address":
        return payment_methods.EMPTY_ADDRESS | {key: value or None for key, value in given.items()}
    return given


@includable("customer", "tax_ids")
def tax_ids(call: Call, customer: Json) -> Json:
    url = f"/v1/customers/{customer['id']}/tax_ids"
    return listed(call.store.select("tax_id", {"customer": customer["id"]}), url)


@includable("customer", "subscriptions")
def subscriptions(call: Call, customer: Json) -> Json:
    found = call.store.select("subscription", {"customer": customer["id"]})
    active = [subscription for subscription in found if subscription["status"] != "canceled"]
    return listed(active, f"/v1/customers/{customer['id']}/subscriptions")


@includable("customer", "sources")
def sources(_: Call, customer: Json) -> Json:
    return listed([], f"/v1/customers/{customer['id']}/sources")


@includable("customer", "tax")
def tax(_: Call, customer: Json) -> Json:
    country = (customer["address"] or {}).get("country")
    location = {"country": country, "source": "billing_address", "state": None}
    return {
        "automatic_tax": "supported" if country else "unrecognized_location",
        "ip_address": None,
        "location": location if country else None,
        "provider": "stripe",
    }


def add_tax_id(call: Call, customer_id: str, type: str, value: str) -> Json:
    tax_id: Json = {
        "id": ids.new("txi_1", 23),
        "object": "tax_id",
        "country": value[:2] if type == "eu_vat" else type.partition("_")[0].upper(),
        "created": call.now,
        "customer": customer_id,
        "customer_account": None,
        "livemode": False,
        "owner": {"type": "customer", "customer": customer_id},
        "type": type,
        "value": value,
        "verification": {"status": "pending", "verified_address": None, "verified_name": None},
    }
    return call.save(tax_id, "customer.tax_id.created")


@endpoint("POST", "/v1/customers/{id}/tax_ids", "CustomerTaxIdCreateParams")
def create_tax_id(call: Call) -> Json:
    customer = call.get("customer", call.path["id"])
    return add_tax_id(call, customer["id"], call.params["type"], call.params["value"])


@endpoint("GET", "/v1/customers/{id}/tax_ids", "CustomerTaxIdListParams")
def list_tax_ids(call: Call) -> Json:
    return call.page("tax_id", {"customer": call.get("customer", call.path["id"])["id"]})


@endpoint("GET", "/v1/customers/{customer}/tax_ids/{id}")
def retrieve_tax_id(call: Call) -> Json:
    return call.get("tax_id", call.path["id"])


@endpoint("DELETE", "/v1/customers/{customer}/tax_ids/{id}")
def delete_tax_id(call: Call) -> Json:
    tax_id = call.get("tax_id", call.path["id"])
    call.save(tax_id | {"_deleted": True}, "customer.tax_id.deleted")
    return {"id": tax_id["id"], "object": "tax_id", "deleted": True}

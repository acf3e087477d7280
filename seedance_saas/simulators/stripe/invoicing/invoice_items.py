"""/v1/invoiceitems: single charges and credits, on a draft or waiting for the next invoice."""

from decimal import Decimal

from seedance_saas.simulators.stripe import ids, metadata
from seedance_saas.simulators.stripe.call import Call
from seedance_saas.simulators.stripe.errors import Json, invalid, missing_parameter
from seedance_saas.simulators.stripe.invoicing import drafts, lines, prices, unplayed
from seedance_saas.simulators.stripe.registry import endpoint

KIND = "invoiceitem"
NOT_PLAYED = (
    "customer_account",
    "discounts",
    "price_data",
    "tax_code",
    "tax_rates",
)


@endpoint("POST", "/v1/invoiceitems", "InvoiceItemCreateParams")
def create(call: Call) -> Json:
    given = call.params
    unplayed.refuse(given, NOT_PLAYED)
    invoice = _draft(call, given["invoice"]) if "invoice" in given else None
    if "customer" not in given and invoice is None:
        raise missing_parameter("customer")
    customer_id = given.get("customer") or (invoice or {})["customer"]
    customer = call.get("customer", customer_id, param="customer")
    if invoice is not None and invoice["customer"] != customer["id"]:
        raise invalid(f"The invoice {invoice['id']} is another customer's.", param="invoice")
    currency = given.get("currency") or (invoice and invoice["currency"]) or customer["currency"]
    subscription = given.get("subscription")
    if subscription is not None:
        call.get("subscription", subscription, param="subscription")
    item = _new(call, customer["id"], (currency or "usd").lower(), subscription)
    _price(call, item)
    _apply(call, item)
    if invoice is not None and item["currency"] != invoice["currency"]:
        raise invalid("The currency is not that of the invoice.", param="currency")
    call.save(item, "invoiceitem.created")
    if invoice is not None:
        drafts.take(call, invoice, item)
        item["invoice"] = invoice["id"]
        drafts.keep(call, invoice, "invoice.updated")
    return item


@endpoint("GET", "/v1/invoiceitems", "InvoiceItemListParams")
def list_all(call: Call) -> Json:
    given = call.params
    where = {name: given.get(name) for name in ("customer", "invoice")}
    return call.page(KIND, where | {"_is_pending": given.get("pending")})


@endpoint("GET", "/v1/invoiceitems/{id}", "InvoiceItemRetrieveParams")
def retrieve(call: Call) -> Json:
    return call.get(KIND, call.path["id"])


@endpoint("POST", "/v1/invoiceitems/{id}", "InvoiceItemUpdateParams")
def update(call: Call) -> Json:
    item, given = call.get(KIND, call.path["id"]), call.params
    unplayed.refuse(given, NOT_PLAYED)
    invoice = _editable(call, item)
    if given.keys() & {"amount", "pricing", "quantity", "quantity_decimal", "unit_amount_decimal"}:
        _price(call, item)
    _apply(call, item)
    call.save(item, "invoiceitem.updated")
    if invoice is not None:
        invoice["_lines"] = [
            lines.of_item(call, invoice, item) | {"id": line["id"]}
            if _item_of(line) == item["id"]
            else line
            for line in invoice["_lines"]
        ]
        drafts.keep(call, invoice, "invoice.updated")
    return item


@endpoint("DELETE", "/v1/invoiceitems/{id}", "InvoiceItemDeleteParams")
def delete(call: Call) -> Json:
    item = call.get(KIND, call.path["id"])
    invoice = _editable(call, item)
    if invoice is not None:
        invoice["_lines"] = [line for line in invoice["_lines"] if _item_of(line) != item["id"]]
        drafts.keep(call, invoice, "invoice.updated")
    call.save(item | {"_deleted": True}, "invoiceitem.deleted")
    return {"id": item["id"], "object": KIND, "deleted": True}


def _new(call: Call, customer: str, currency: str, subscription: str | None) -> Json:
    details = {"subscription": subscription, "subscription_item": None}
    return {
        "id": ids.new("ii_1", 23),
        "object": KIND,
        "amount": 0,
        "currency": currency,
        "customer": customer,
        "customer_account": None,
        "date": call.now,
        "description": None,
        "discountable": True,
        "discounts": [],
        "frozen_fields": None,
        "invoice": None,
        "invoicing_rules": None,
        "livemode": False,
        "metadata": {},
        "net_amount": 0,
        "parent": (
            {"subscription_details": details, "type": "subscription_details"}
            if subscription
            else None
        ),
        "period": {"end": call.now, "start": call.now},
        "pricing": None,
        "proration": False,
        "proration_details": None,
        "quantity": 1,
        "quantity_decimal": "1",
        "tax_rates": [],
        "test_clock": None,
        "_is_pending": True,
    }


def _price(call: Call, item: Json) -> None:
    """Set amount, quantity and pricing, from exactly one way to say what it costs."""
    given = call.params
    ways = [name for name in ("amount", "pricing", "unit_amount_decimal") if name in given]
    if len(ways) > 1:
        raise invalid(f"You may only specify one of these parameters: {', '.join(ways)}.")
    if "quantity" in given and "quantity_decimal" in given:
        raise invalid("You may only specify one of these parameters: quantity, quantity_decimal.")
    named = [given[name] for name in ("quantity", "quantity_decimal") if name in given]
    quantity = Decimal(named[0] if named else item["quantity_decimal"])
    if quantity < 0:
        raise invalid("This value must be greater than or equal to 0.", param="quantity")
    if "amount" in given:
        if quantity != 1:
            raise invalid("You cannot give a quantity with an amount.", param="quantity")
        item |= {"amount": given["amount"], "net_amount": given["amount"], "pricing": None}
        return
    each = _unit_amount(call, item)
    if each is None:
        raise missing_parameter("amount")
    amount = lines.cents(quantity * each)
    item |= {
        "amount": amount,
        "net_amount": amount,
        "quantity": int(quantity),
        "quantity_decimal": f"{quantity:f}",
    }


def _unit_amount(call: Call, item: Json) -> Decimal | None:
    """Cents for one, from the price that is given, the decimal, or what the item had."""
    given = call.params
    if "price" in given.get("pricing", {}):
        price = call.get("price", given["pricing"]["price"], param="pricing[price]")
        if price["type"] != "one_time":
            raise invalid(
                "The price specified is set to `type=recurring` but this field only accepts prices "
                "with `type=one_time`.",
                param="pricing[price]",
            )
        item |= {"currency": price["currency"], "pricing": lines.pricing_of(price)}
        product = call.store.get(price["product"], "product") or {}
        item["description"] = item["description"] or product.get("name")
        return prices.exact_amount(price)
    if "unit_amount_decimal" in given:
        each = Decimal(given["unit_amount_decimal"])
        pricing = {"price_details": None, "type": "price_details"}
        item["pricing"] = pricing | {"unit_amount_decimal": f"{each:f}"}
        return each
    return Decimal(item["pricing"]["unit_amount_decimal"]) if item["pricing"] else None


def _apply(call: Call, item: Json) -> None:
    given = call.params
    for name in ("description", "discountable", "period"):
        item[name] = given.get(name, item[name])
    if item["period"]["end"] < item["period"]["start"]:
        raise invalid("The period must not end before it starts.", param="period[end]")
    if given.get("tax_behavior", "exclusive") != "exclusive":
        raise invalid("Tax is on top of prices here.", param="tax_behavior")
    item["metadata"] = metadata.merged(item["metadata"], given.get("metadata"))


def _draft(call: Call, id: str) -> Json:
    invoice = call.get("invoice", id, param="invoice")
    if invoice["status"] != "draft":
        raise invalid(
            "This invoice is no longer editable.", param="invoice", code="invoice_not_editable"
        )
    return invoice


def _editable(call: Call, item: Json) -> Json | None:
    """The item's invoice, None while it waits. Raises if the invoice is finalized."""
    if item["invoice"] is None:
        return None
    invoice = call.get("invoice", item["invoice"])
    if invoice["status"] != "draft":
        raise invalid(
            "This invoice item is attached to an invoice that is no longer editable.",
            code="invoice_not_editable",
        )
    return invoice


def _item_of(line: Json) -> str | None:
    details = (line["parent"] or {}).get("invoice_item_details") or {}
    return details.get("invoice_item")

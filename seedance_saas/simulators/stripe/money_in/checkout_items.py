"""What a Checkout session sells: its line items, their prices, and the tax on them."""

from decimal import ROUND_HALF_UP, Decimal

from seedance_saas.simulators.stripe import ids, metadata
from seedance_saas.simulators.stripe.call import Call
from seedance_saas.simulators.stripe.errors import Json, invalid, missing_parameter
from seedance_saas.simulators.stripe.money_in import products

TAX_PERCENT = 10


def line_items(call: Call, given: list[Json]) -> list[Json]:
    """The items of a session, all in one currency; no tax on them yet."""
    items = [_item(call, wanted, f"line_items[{n}]") for n, wanted in enumerate(given)]
    currencies = {item["currency"] for item in items}
    if len(currencies) > 1:
        raise invalid("All prices on a Checkout Session must have the same currency.")
    return items


def _item(call: Call, wanted: Json, param: str) -> Json:
    if ("price" in wanted) == ("price_data" in wanted):
        raise invalid(f"You must pass exactly one of {param}[price] and {param}[price_data].")
    if "quantity" not in wanted:
        raise missing_parameter(f"{param}[quantity]")
    if wanted["quantity"] < 1:
        raise invalid(
            "This value must be greater than or equal to 1.",
            param=f"{param}[quantity]",
            code="parameter_invalid_integer",
        )
    if "price" in wanted:
        price = call.get("price", wanted["price"], param=f"{param}[price]")
        if not price["active"]:
            raise invalid(
                "The price specified is inactive. This field only accepts active prices.",
                param=f"{param}[price]",
            )
    else:
        price = _inline_price(call, wanted["price_data"], f"{param}[price_data]")
    if price["recurring"]:
        raise invalid(
            "You specified `payment` mode but passed a recurring price. Either switch to "
            "`subscription` mode or use only one-time prices.",
            param=f"{param}[price]",
        )
    amount = _cents(Decimal(price["unit_amount_decimal"]) * wanted["quantity"])
    return {
        "id": ids.new("li_1", 23),
        "object": "item",
        "adjustable_quantity": None,
        "amount_discount": 0,
        "amount_subtotal": amount,
        "amount_tax": 0,
        "amount_total": amount,
        "currency": price["currency"],
        "description": call.get("product", price["product"])["name"],
        "metadata": metadata.merged({}, wanted.get("metadata")),
        "price": price,
        "quantity": wanted["quantity"],
    }


def _inline_price(call: Call, data: Json, param: str) -> Json:
    """A price of this session alone, with its product."""
    if ("unit_amount" in data) == ("unit_amount_decimal" in data):
        raise invalid(
            f"You must pass exactly one of {param}[unit_amount] and [unit_amount_decimal]."
        )
    if ("product" in data) == ("product_data" in data):
        raise invalid(f"You must pass exactly one of {param}[product] and {param}[product_data].")
    amount = data.get("unit_amount")
    decimal = Decimal(amount if amount is not None else data["unit_amount_decimal"])
    if decimal < 0:
        raise invalid(
            "This value must be greater than or equal to 0.",
            param=f"{param}[unit_amount]",
            code="parameter_invalid_integer",
        )
    if "product" in data:
        product = call.get("product", data["product"], param=f"{param}[product]")
    else:
        product = products.new(call, **data["product_data"]) | {"active": False}
        call.save(product, "product.created")
    price: Json = {
        "id": ids.new("price_1", 23),
        "object": "price",
        "active": False,
        "billing_scheme": "per_unit",
        "created": call.now,
        "currency": data["currency"].lower(),
        "custom_unit_amount": None,
        "livemode": False,
        "lookup_key": None,
        "metadata": {},
        "nickname": None,
        "product": product["id"],
        "recurring": data.get("recurring"),
        "tax_behavior": data.get("tax_behavior", "unspecified"),
        "tiers_mode": None,
        "transform_quantity": None,
        "type": "recurring" if data.get("recurring") else "one_time",
        "unit_amount": int(decimal) if decimal == int(decimal) else None,
        "unit_amount_decimal": f"{decimal:f}",
    }
    return call.save(price, "price.created")


def taxed(items: list[Json]) -> list[Json]:
    """The items with their tax, added to the price, or in it where the price says so."""
    return [_taxed(item) for item in items]


def _taxed(item: Json) -> Json:
    amount = item["amount_subtotal"]
    if item["price"]["tax_behavior"] == "inclusive":
        tax = _cents(Decimal(amount * TAX_PERCENT) / (100 + TAX_PERCENT))
        return item | {"amount_tax": tax, "amount_total": amount}
    tax = _cents(Decimal(amount * TAX_PERCENT) / 100)
    return item | {"amount_tax": tax, "amount_total": amount + tax}


def totals(items: list[Json]) -> Json:
    """The amounts of the session, from its items."""
    return {
        "amount_subtotal": sum(item["amount_subtotal"] for item in items),
        "amount_total": sum(item["amount_total"] for item in items),
        "total_details": {
            "amount_discount": 0,
            "amount_shipping": 0,
            "amount_tax": sum(item["amount_tax"] for item in items),
        },
    }


def _cents(amount: Decimal) -> int:
    return int(amount.quantize(Decimal(1), ROUND_HALF_UP))

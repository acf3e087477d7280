"""/v1/prices: what a unit costs. A metered one counts with a meter."""

from decimal import Decimal

from seedance_saas.simulators.stripe import ids, metadata
from seedance_saas.simulators.stripe.call import Call
from seedance_saas.simulators.stripe.errors import Json, invalid
from seedance_saas.simulators.stripe.invoicing import unplayed
from seedance_saas.simulators.stripe.money_in import products
from seedance_saas.simulators.stripe.registry import endpoint

PLACES_MAX, LOOKUP_KEY_CHARS_MAX, LOOKUP_KEYS_MAX = 12, 200, 10
NOT_PLAYED = (
    *("custom_unit_amount", "currency_options", "tiers", "tiers_mode", "transform_quantity"),
)


@endpoint("POST", "/v1/prices", "PriceCreateParams")
def create(call: Call) -> Json:
    given = call.params
    unplayed.refuse(given, NOT_PLAYED)
    if ("product" in given) == ("product_data" in given):
        raise invalid("You must specify exactly one of `product` and `product_data`.")
    amount, exact = _amounts(given)
    recurring = _recurring(call, given)
    product = (
        call.get("product", given["product"], param="product")
        if "product" in given
        else call.save(products.new(call, **given["product_data"]), "product.created")
    )
    price: Json = {
        "id": ids.new("price_1", 23),
        "object": "price",
        "active": given.get("active", True),
        "billing_scheme": "per_unit",
        "created": call.now,
        "currency": given["currency"].lower(),
        "custom_unit_amount": None,
        "livemode": False,
        "lookup_key": _lookup_key(call, given),
        "metadata": metadata.merged({}, given.get("metadata")),
        "nickname": given.get("nickname"),
        "product": product["id"],
        "recurring": recurring,
        "tax_behavior": given.get("tax_behavior", "unspecified"),
        "tiers_mode": None,
        "transform_quantity": None,
        "type": "recurring" if recurring else "one_time",
        "unit_amount": amount,
        "unit_amount_decimal": exact,
    }
    return call.save(price, "price.created")


@endpoint("GET", "/v1/prices", "PriceListParams")
def list_prices(call: Call) -> Json:
    given = call.params
    recurring = given.get("recurring", {})
    where = {
        "active": given.get("active"),
        "currency": given.get("currency"),
        "product": given.get("product"),
        "type": given.get("type"),
        **{f"recurring.{name}": value for name, value in recurring.items()},
    }
    if len(given.get("lookup_keys", [])) > LOOKUP_KEYS_MAX:
        raise invalid(f"You can pass at most {LOOKUP_KEYS_MAX} lookup keys.", param="lookup_keys")
    return call.page("price", where | {"lookup_key": given.get("lookup_keys")})


@endpoint("GET", "/v1/prices/{id}", "PriceRetrieveParams")
def retrieve(call: Call) -> Json:
    return call.get("price", call.path["id"])


@endpoint("POST", "/v1/prices/{id}", "PriceUpdateParams")
def update(call: Call) -> Json:
    """The amount and the interval of a price never change."""
    price, given = call.get("price", call.path["id"]), call.params
    unplayed.refuse(given, NOT_PLAYED)
    if "lookup_key" in given:
        price["lookup_key"] = _lookup_key(call, given, of=price["id"])
    for name in ("active", "tax_behavior"):
        price[name] = given.get(name, price[name])
    price["nickname"] = given.get("nickname", price["nickname"]) or None
    price["metadata"] = metadata.merged(price["metadata"], given.get("metadata"))
    return call.save(price, "price.updated")


def exact_amount(price: Json) -> Decimal:
    """Cents for one unit."""
    return Decimal(price["unit_amount_decimal"])


def plan_of(price: Json) -> Json:
    """The older name of a recurring price, which subscription items still show beside it."""
    recurring = price["recurring"]
    return {
        "id": price["id"],
        "object": "plan",
        "active": price["active"],
        "amount": price["unit_amount"],
        "amount_decimal": price["unit_amount_decimal"],
        "billing_scheme": price["billing_scheme"],
        "created": price["created"],
        "currency": price["currency"],
        "interval": recurring["interval"],
        "interval_count": recurring["interval_count"],
        "livemode": False,
        "metadata": price["metadata"],
        "meter": recurring["meter"],
        "nickname": price["nickname"],
        "product": price["product"],
        "tiers_mode": None,
        "transform_usage": None,
        "trial_period_days": None,
        "usage_type": recurring["usage_type"],
    }


def _amounts(given: Json) -> tuple[int | None, str]:
    """Cents, None if they are no whole number, and the same exactly."""
    if ("unit_amount" in given) == ("unit_amount_decimal" in given):
        raise invalid(
            "You must specify exactly one of `unit_amount` and `unit_amount_decimal`.",
            param="unit_amount",
        )
    name = "unit_amount" if "unit_amount" in given else "unit_amount_decimal"
    exact = Decimal(given[name])
    if exact < 0:
        raise invalid("This value must be greater than or equal to 0.", param=name)
    exponent = exact.normalize().as_tuple().exponent
    if isinstance(exponent, int) and -exponent > PLACES_MAX:
        raise invalid(f"Invalid decimal: at most {PLACES_MAX} decimal places.", param=name)
    whole = int(exact) if exact == exact.to_integral_value() else None
    return whole, str(whole) if whole is not None else f"{exact.normalize():f}"


def _recurring(call: Call, given: Json) -> Json | None:
    if "recurring" not in given:
        return None
    recurring: Json = {
        "interval_count": 1,
        "meter": None,
        "trial_period_days": None,
        "usage_type": "licensed",
    } | given["recurring"]
    is_metered = recurring["usage_type"] == "metered"
    if is_metered and recurring["meter"] is None:
        raise invalid(
            "A price with `recurring[usage_type]=metered` must be backed by a meter. Pass the ID of "
            "a meter in `recurring[meter]`.",
            param="recurring[meter]",
            code="parameter_missing",
        )
    if recurring["meter"] is not None:
        if not is_metered:
            raise invalid(
                "`recurring[meter]` can only be set with `recurring[usage_type]=metered`.",
                param="recurring[meter]",
            )
        meter = call.get("billing.meter", recurring["meter"], param="recurring[meter]")
        if meter["status"] != "active":
            raise invalid("The meter is inactive.", param="recurring[meter]")
    if recurring["interval_count"] < 1:
        raise invalid(
            "This value must be greater than or equal to 1.", param="recurring[interval_count]"
        )
    return recurring


def _lookup_key(call: Call, given: Json, of: str | None = None) -> str | None:
    """The key, taken from the price that has it if the caller says so. An inactive one has it, too."""
    key = given.get("lookup_key") or None
    if key is None:
        return None
    if len(key) > LOOKUP_KEY_CHARS_MAX:
        raise invalid(
            f"Invalid string: must be at most {LOOKUP_KEY_CHARS_MAX} characters", param="lookup_key"
        )
    for holder in call.store.select("price", {"lookup_key": key}):
        if holder["id"] == of:
            continue
        if not given.get("transfer_lookup_key"):
            raise invalid(
                f"A price (`{holder['id']}`) already uses that lookup key.", param="lookup_key"
            )
        call.save(holder | {"lookup_key": None}, "price.updated")
    return str(key)

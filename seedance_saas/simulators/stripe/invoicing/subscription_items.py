"""The items of a subscription: each one a metered price, with a period of its own."""

from seedance_saas.simulators.stripe import ids, metadata
from seedance_saas.simulators.stripe.call import Call, listed
from seedance_saas.simulators.stripe.errors import Json, invalid, missing_parameter
from seedance_saas.simulators.stripe.invoicing import prices, unplayed
from seedance_saas.simulators.stripe.registry import endpoint

METERED_ONLY = "Only metered prices are played on subscriptions."
NOT_PLAYED = (
    *("billing_thresholds", "current_trial", "discounts", "plan", "price_data", "tax_rates"),
)


@endpoint("GET", "/v1/subscription_items", "SubscriptionItemListParams")
def list_items(call: Call) -> Json:
    subscription = call.get("subscription", call.params["subscription"], param="subscription")
    return listed(subscription["items"]["data"], call.address)


def new(call: Call, subscription: Json, given: list[Json]) -> list[Json]:
    """The items, the latest first as Stripe lists them. Raises what is wrong with one, by its path."""
    if not given:
        raise missing_parameter("items")
    made: list[Json] = []
    for number, row in enumerate(given):
        path = f"items[{number}]"
        unplayed.refuse(row, NOT_PLAYED, path)
        if "price" not in row:
            raise missing_parameter(f"{path}[price]")
        price = _metered_price(call, row, path)
        if any(price["id"] == item["price"]["id"] for item in made):
            raise invalid(
                f"Cannot add multiple subscription items with the same price: {price['id']}",
                param="items",
            )
        if made and price["currency"] != made[0]["price"]["currency"]:
            raise invalid(
                "All prices of a subscription must have the same currency.", param="items"
            )
        made.insert(0, _item(call, subscription, price, row))
    return made


def _metered_price(call: Call, row: Json, path: str) -> Json:
    price = call.get("price", row["price"], param=f"{path}[price]")
    if price["type"] != "recurring":
        raise invalid(
            "The price specified is set to `type=one_time` but this field only accepts prices with "
            "`type=recurring`.",
            param=f"{path}[price]",
        )
    if not price["active"]:
        raise invalid(
            "The price specified is inactive. This field only accepts active prices.",
            param=f"{path}[price]",
        )
    if price["recurring"]["usage_type"] != "metered":
        raise invalid(METERED_ONLY, param=f"{path}[price]")
    if "quantity" in row:
        raise invalid(
            "Quantity should not be specified where usage_type is `metered`. Remove quantity from "
            f"`{path}`",
            param=f"{path}[quantity]",
        )
    return price


def _item(call: Call, subscription: Json, price: Json, row: Json) -> Json:
    return {
        "id": ids.new("si_", 14),
        "object": "subscription_item",
        "billed_until": None,
        "billing_thresholds": None,
        "created": call.now,
        "current_period_end": 0,
        "current_period_start": 0,
        "current_trial": None,
        "discounts": [],
        "metadata": metadata.merged({}, row.get("metadata")),
        "plan": prices.plan_of(price),
        "price": price,
        "subscription": subscription["id"],
        "tax_rates": [],
    }

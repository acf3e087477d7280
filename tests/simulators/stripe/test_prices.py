"""Prices: their amounts, their meter, and the key that can be moved from one to another."""

from decimal import Decimal
from typing import Any, cast

import pytest
import stripe

from tests.simulators.stripe.shop import Shop


def create(shop: Shop, **changes: Any) -> stripe.Price:
    given = {"currency": "usd", "product": shop.price.product, "unit_amount": 500} | changes
    given = {name: value for name, value in given.items() if value is not None}
    return shop.client.v1.prices.create(cast("Any", given))


def test_a_metered_price_shows_its_meter_and_its_exact_amount(shop: Shop) -> None:
    price = shop.client.v1.prices.retrieve(shop.price.id)

    assert (price.unit_amount, price.unit_amount_decimal) == (None, Decimal("0.01"))
    assert price.recurring
    assert price.recurring.to_dict() == {
        "interval": "month",
        "interval_count": 1,
        "meter": shop.meter.id,
        "trial_period_days": None,
        "usage_type": "metered",
    }
    assert (price.type, price.billing_scheme) == ("recurring", "per_unit")


def test_whole_cents_are_shown_both_ways(shop: Shop) -> None:
    price = create(shop)
    assert (price.unit_amount, price.type) == (500, "one_time")
    assert price.unit_amount_decimal == Decimal(500)

    price = create(shop, unit_amount=None, unit_amount_decimal="500.0")
    assert (price.unit_amount, price.unit_amount_decimal) == (500, Decimal(500))


def test_a_millionth_of_a_dollar_is_kept_exactly(shop: Shop) -> None:
    price = create(shop, unit_amount=None, unit_amount_decimal=Decimal("0.0001"))

    assert price.unit_amount_decimal == Decimal("0.0001")
    assert price.to_dict()["unit_amount_decimal"] == Decimal("0.0001")


@pytest.mark.parametrize(
    ("changes", "param"),
    [
        ({"recurring": {"interval": "month", "usage_type": "metered"}}, "recurring[meter]"),
        ({"recurring": {"interval": "month", "usage_type": "metered", "meter": "mtr_none"}}, "recurring[meter]"),
        ({"unit_amount": None}, "unit_amount"),
        ({"unit_amount_decimal": "1"}, "unit_amount"),
        ({"unit_amount": -1}, "unit_amount"),
        ({"unit_amount": None, "unit_amount_decimal": "0.0000000000001"}, "unit_amount_decimal"),
        ({"product": "prod_none"}, "product"),
        ({"product": None}, None),
        ({"lookup_key": "x" * 201}, "lookup_key"),
        ({"recurring": {"interval": "fortnight"}}, "recurring[interval]"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused(
    shop: Shop, changes: dict[str, Any], param: str | None
) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refusal:
        create(shop, **changes)

    assert refusal.value.param == param
    assert [price.id for price in shop.client.v1.prices.list().data] == [shop.price.id]


def test_a_lookup_key_belongs_to_one_price_even_an_inactive_one(shop: Shop) -> None:
    first = create(shop, lookup_key="usage")
    shop.client.v1.prices.update(first.id, {"active": False})

    with pytest.raises(stripe.InvalidRequestError) as refusal:
        create(shop, lookup_key="usage")
    assert refusal.value.user_message == (f"A price (`{first.id}`) already uses that lookup key.")
    assert refusal.value.param == "lookup_key"


def test_a_lookup_key_is_transferred_when_asked(shop: Shop) -> None:
    first = create(shop, lookup_key="usage")

    second = create(shop, lookup_key="usage", transfer_lookup_key=True)

    assert shop.client.v1.prices.retrieve(first.id).lookup_key is None
    found = shop.client.v1.prices.list({"lookup_keys": ["usage", "other"]}).data
    assert [price.id for price in found] == [second.id]


def test_prices_are_listed_by_product_and_activity(shop: Shop) -> None:
    first, second = create(shop), create(shop)
    shop.client.v1.prices.update(second.id, {"active": False})

    def ids(**given: Any) -> list[str]:
        return [price.id for price in shop.client.v1.prices.list(cast("Any", given)).data]

    assert ids(active=True) == [first.id, shop.price.id]
    assert ids(active=False) == [second.id]
    assert ids(type="one_time") == [second.id, first.id]
    assert ids(product="prod_none") == []


def test_a_product_can_be_made_with_its_price(shop: Shop) -> None:
    price = create(shop, product=None, product_data={"name": "Storage"})

    assert isinstance(price.product, str)
    assert shop.client.v1.products.retrieve(price.product).name == "Storage"


def test_an_amount_never_changes(shop: Shop) -> None:
    with pytest.raises(stripe.InvalidRequestError, match="Received unknown parameter: unit_amount"):
        shop.client.v1.prices.update(shop.price.id, cast("Any", {"unit_amount": 1}))

    changed = shop.client.v1.prices.update(shop.price.id, {"nickname": "N", "metadata": {"a": "1"}})
    assert (changed.nickname, changed.unit_amount_decimal) == ("N", Decimal("0.01"))

"""Parameters are read and checked as Stripe does, against the types that its library publishes."""

import importlib
import pkgutil
from collections.abc import Iterator
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

import pytest
import stripe.params
from stripe._encode import _api_encode

from seedance_saas.simulators.stripe import parameters
from seedance_saas.simulators.stripe.parameters import InvalidParameter, check, read

FORM = "application/x-www-form-urlencoded"


def checked(form: str, name: str) -> dict[str, Any]:
    return check(read(form.encode(), FORM), name)


def refused(form: str, name: str) -> tuple[str, str | None, str | None]:
    with pytest.raises(InvalidParameter) as refusal:
        checked(form, name)
    return refusal.value.message, refusal.value.param, refusal.value.code


def test_a_deep_form_becomes_values_of_the_right_types() -> None:
    assert checked(
        "currency=usd&unit_amount_decimal=0.0001&active=false&recurring[interval]=month"
        "&recurring[interval_count]=2&metadata[0]=&expand[1]=b&expand[0]=a&lookup_key=x+%26+y",
        "PriceCreateParams",
    ) == {
        "currency": "usd",
        "unit_amount_decimal": Decimal("0.0001"),
        "active": False,
        "recurring": {"interval": "month", "interval_count": 2},
        "metadata": {"0": ""},
        "expand": ["a", "b"],
        "lookup_key": "x & y",
    }


def test_unnumbered_lists_are_read_too() -> None:
    assert read(b"expand[]=a&expand[]=b&items[][price]=p&items[][quantity]=1&items[][price]=q", FORM) == {
        "expand": ["a", "b"],
        "items": [{"price": "p", "quantity": "1"}, {"price": "q"}],
    }  # fmt: skip


def test_what_the_library_encodes_comes_back_as_it_was() -> None:
    given = {
        "customer": "cus_1",
        "items": [
            {"price": "price_1", "metadata": {"a": "1"}},
            {"price": "price_2", "quantity": 3},
        ],
        "off_session": True,
        "days_until_due": 30,
        "metadata": {"organization": "7"},
    }

    assert checked(urlencode(list(_api_encode(given))), "SubscriptionCreateParams") == given


@pytest.mark.parametrize(
    ("form", "name", "message", "param", "code"),
    [
        ("nam=Acme", "CustomerCreateParams",
         "Received unknown parameter: nam", "nam", "parameter_unknown"),
        ("address[town]=Bonn&foo=1", "CustomerCreateParams",
         "Received unknown parameter: foo", "foo", "parameter_unknown"),
        ("a=1&b=2", "CustomerCreateParams",
         "Received unknown parameters: a, b", "a", "parameter_unknown"),
        ("currency=usd&recurring[interval]=month&recurring[aggregate_usage]=sum", "PriceCreateParams",
         "Received unknown parameter: recurring[aggregate_usage]", "recurring[aggregate_usage]", "parameter_unknown"),
        ("product=prod_1", "PriceCreateParams",
         "Missing required param: currency.", "currency", "parameter_missing"),
        ("currency=usd&recurring[meter]=mtr_1", "PriceCreateParams",
         "Missing required param: recurring[interval].", "recurring[interval]", "parameter_missing"),
        ("currency=usd&unit_amount=1.5", "PriceCreateParams",
         "Invalid integer: 1.5", "unit_amount", "parameter_invalid_integer"),
        ("currency=usd&unit_amount_decimal=1e3", "PriceCreateParams",
         "Invalid decimal: 1e3", "unit_amount_decimal", None),
        ("currency=usd&active=True", "PriceCreateParams",
         "Invalid boolean: True", "active", None),
        ("currency=usd&recurring[interval]=hour", "PriceCreateParams",
         "Invalid recurring[interval]: must be one of day, month, week, or year", "recurring[interval]", None),
        ("currency=usd&recurring=month", "PriceCreateParams",
         "Invalid object", "recurring", None),
        ("currency=usd&currency[a]=1", "PriceCreateParams",
         "Invalid object", "currency", None),
        ("currency=usd&expand=product", "PriceCreateParams",
         "Invalid array", "expand", None),
        ("currency[a]=usd", "PriceCreateParams",
         "Invalid string", "currency", None),
        ("created[gte]=today", "CustomerListParams",
         "Invalid integer: today", "created[gte]", "parameter_invalid_integer"),
        ("created=today", "CustomerListParams",
         "Invalid integer: today", "created", "parameter_invalid_integer"),
        ("items[0][price]=p&items[1][amount]=3", "SubscriptionCreateParams",
         "Received unknown parameter: items[1][amount]", "items[1][amount]", "parameter_unknown"),
        ("amount=1&currency=usd&off_session=perhaps", "PaymentIntentCreateParams",
         "Invalid off_session: must be one of one_off or recurring", "off_session", None),
        ("api_key=sk_test_1", "CustomerCreateParams",
         "Received unknown parameter: api_key", "api_key", "parameter_unknown"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused_by_name(
    form: str, name: str, message: str, param: str, code: str | None
) -> None:
    assert refused(form, name) == (message, param, code)


def test_an_empty_text_is_kept_only_where_it_unsets() -> None:
    unset = checked(
        "metadata=&default_source=x&invoice_settings[custom_fields]=", "CustomerUpdateParams"
    )
    assert unset["metadata"] == unset["invoice_settings"]["custom_fields"] == ""

    message, param, code = refused("currency=", "PriceCreateParams")

    assert message.startswith("You passed an empty string for 'currency'.")
    assert (param, code) == ("currency", "parameter_invalid_empty")


@pytest.mark.parametrize(
    ("form", "name", "value"),
    [
        ("created[gte]=5", "CustomerListParams", {"created": {"gte": 5}}),
        ("created=5", "CustomerListParams", {"created": 5}),
        ("off_session=true", "PaymentIntentConfirmParams", {"off_session": True}),
        ("off_session=recurring", "PaymentIntentConfirmParams", {"off_session": "recurring"}),
        ("trial_end=now", "SubscriptionUpdateParams", {"trial_end": "now"}),
        ("trial_end=17", "SubscriptionUpdateParams", {"trial_end": 17}),
        ("default_tax_rates=", "SubscriptionUpdateParams", {"default_tax_rates": ""}),
        ("default_tax_rates[0]=t", "SubscriptionUpdateParams", {"default_tax_rates": ["t"]}),
        ("description=x", "SubscriptionUpdateParams", {"description": "x"}),
    ],
)
def test_where_several_types_are_allowed_the_shape_decides(
    form: str, name: str, value: dict[str, Any]
) -> None:
    assert checked(form, name) == value


def test_json_keeps_its_own_types() -> None:
    given = b'{"event_name": "seconds", "payload": {"stripe_customer_id": "cus_1", "value": "3"}}'
    name = "v2.billing.MeterEventCreateParams"

    assert check(read(given, "application/json; charset=utf-8"), name) == {
        "event_name": "seconds",
        "payload": {"stripe_customer_id": "cus_1", "value": "3"},
    }
    with pytest.raises(InvalidParameter, match="Invalid string: 3"):
        check(read(given.replace(b'"3"', b"3"), "application/json"), name)


@pytest.mark.parametrize("body", [b"[1]", b"{", b"3", b"\xff"])
def test_a_body_that_is_no_json_object_is_refused(body: bytes) -> None:
    with pytest.raises(InvalidParameter, match="JSON object"):
        read(body, "application/json")


@pytest.mark.parametrize("body", [b"name=%ff", b"name=\xff"])
def test_text_that_is_not_utf_8_is_refused(body: bytes) -> None:
    with pytest.raises(InvalidParameter, match="UTF-8"):
        read(body, FORM)


@pytest.mark.parametrize("key", ["a[b", "a]b", "a[b]c", "[a]", "a[b[c]]"])
def test_brackets_that_do_not_match_make_one_odd_name(key: str) -> None:
    assert read(f"{key}=1".encode(), FORM) == {key: "1"}


def published() -> Iterator[type]:
    for module in pkgutil.walk_packages(stripe.params.__path__, "stripe.params."):
        if not module.ispkg:
            for found in vars(importlib.import_module(module.name)).values():
                if isinstance(found, type) and found.__module__ == module.name:
                    yield found


def test_every_class_that_the_library_publishes_can_be_read() -> None:
    """An upgrade of the library may bring annotations that we do not understand."""
    read_so_far = 0
    for typed in published():
        assert parameters._fields(typed).keys() <= typed.__annotations__.keys()
        read_so_far += 1

    assert read_so_far > 1000

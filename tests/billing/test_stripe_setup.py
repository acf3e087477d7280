"""`manage.py stripe_setup` makes what an account lacks, once, and says what it did."""

from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from billing.stripe_webhook import EVENTS, handler_of
from tests.stripe_account import SECRET, StripeAccount


def said(*arguments: str) -> list[str]:
    out = StringIO()
    call_command("stripe_setup", *arguments, stdout=out)
    return out.getvalue().splitlines()


def pieces(lines: list[str]) -> dict[str, str]:
    return dict(line.rsplit(": ", 1) for line in lines[1:] if not line.startswith(" "))


NAMES = [
    "product seedance_credits",
    "meter seedance_usage",
    "meter seedance_usage_invoiced",
    "price seedance_usage_microusd",
    "webhook http://127.0.0.1:8000/webhooks/stripe",
    "meter errors",
    "portal",
]


def test_a_new_account_gets_every_piece_and_its_secrets_are_shown(
    stripe_account: StripeAccount,
) -> None:
    stripe_account.simulator.reset()

    lines = said()

    assert lines[0].startswith("account acct_")
    assert pieces(lines) == dict.fromkeys(NAMES, "made")
    assert lines.count(f"  its secret, for STRIPE_WEBHOOK_SECRETS: {SECRET}") == 2


def test_a_repeat_makes_nothing(stripe_account: StripeAccount) -> None:
    before = len(stripe_account.client.v1.events.list({"limit": 100}).data)

    lines = said()

    assert pieces(lines) == dict.fromkeys(NAMES, "there")
    assert not [line for line in lines if "secret" in line]
    assert len(stripe_account.client.v1.events.list({"limit": 100}).data) == before


def test_looking_only_makes_nothing_and_fails_when_a_piece_is_missing(
    stripe_account: StripeAccount,
) -> None:
    assert pieces(said("--check")) == dict.fromkeys(NAMES, "there")
    stripe_account.simulator.reset()

    with pytest.raises(CommandError, match="7 missing"):
        said("--check")

    assert not stripe_account.client.v1.products.list().data
    assert not stripe_account.client.v1.webhook_endpoints.list().data


def test_the_price_is_a_millionth_of_a_dollar_for_each_that_the_priced_meter_counts(
    stripe_account: StripeAccount,
) -> None:
    (price,) = stripe_account.client.v1.prices.list(
        {"lookup_keys": ["seedance_usage_microusd"]}
    ).data
    meters = {one.event_name: one.id for one in stripe_account.client.v1.billing.meters.list().data}

    assert price.unit_amount_decimal is not None
    assert price.unit_amount_decimal * 1_000_000 == 100  # cents
    assert price.recurring is not None
    assert price.recurring.meter == meters["seedance_usage_invoiced"]


def test_an_endpoint_that_hears_too_little_is_changed(stripe_account: StripeAccount) -> None:
    (endpoint,) = stripe_account.client.v1.webhook_endpoints.list().data
    stripe_account.client.v1.webhook_endpoints.update(
        endpoint.id, {"enabled_events": ["charge.refunded"]}
    )

    assert pieces(said())[NAMES[4]] == "changed"

    (endpoint,) = stripe_account.client.v1.webhook_endpoints.list().data
    assert sorted(endpoint.enabled_events) == sorted(EVENTS)


def test_a_key_that_stripe_refuses_is_a_sentence(
    stripe_account: StripeAccount, settings: Any
) -> None:
    settings.STRIPE_SECRET_KEY = "wrong"

    with pytest.raises(CommandError, match="Stripe: Stripe refuses our key"):
        said()


def test_whatever_is_asked_for_is_handled() -> None:
    assert [type for type in EVENTS if handler_of(type) is None] == []

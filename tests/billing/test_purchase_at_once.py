"""Clicks, tabs and webhooks at the same moment: one page, one payment, one deposit."""

from collections.abc import Callable
from contextlib import suppress
from functools import partial

import pytest

from accounts.models import Event, Organization, User
from billing import purchases, tasks
from billing.models import Purchase, Transfer
from billing.stripe_gateway.connection import StripeUnavailable
from tests.race import race
from tests.stripe_account import StripeAccount
from tests.world import money

pytestmark = pytest.mark.django_db(transaction=True)


def test_clicks_at_once_all_get_the_same_page(
    acme: Organization, member_of: Callable[..., User], stripe_account: StripeAccount
) -> None:
    ann = member_of(acme)

    def click(token: str) -> str:
        purchase = purchases.begin(
            acme, amount_cents=50_00, made_by=ann, token=token, last_paid_id=""
        )
        while not purchase.session_url:
            # Stripe refuses a second call while the first one with its key is at work.
            with suppress(StripeUnavailable):
                purchase = purchases.open_checkout(purchase)
        return purchase.session_url

    urls = race([partial(click, token) for token in "aaaaaabbbccc"])

    assert len(set(urls)) == 1
    assert Purchase.objects.count() == 1
    assert len(stripe_account.client.v1.checkout.sessions.list().data) == 1


def test_everybody_who_hears_of_a_payment_at_once_gives_its_credits_once(
    acme: Organization, member_of: Callable[..., User], stripe_account: StripeAccount
) -> None:
    purchase = purchases.open_checkout(
        purchases.begin(
            acme, amount_cents=200_00, made_by=member_of(acme), token="a", last_paid_id=""
        )
    )
    stripe_account.press(purchase.session_id)

    race([partial(tasks.follow_purchase, purchase.id) for _ in range(8)])

    purchase.refresh_from_db()
    assert (purchase.state, money(acme)) == ("paid", (229_000_000, 0))
    assert Transfer.objects.filter(reference=purchase.reference).count() == 1
    assert Event.objects.filter(type="purchase.succeeded").count() == 1

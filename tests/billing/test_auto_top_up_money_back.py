"""Who was given money back is not charged for it a moment later."""

from collections.abc import Callable

import pytest

from accounts.models import Organization
from billing import auto_top_ups, purchases, refunds, sweeps
from billing.models import AutoTopUp, Purchase
from tests.billing.top_ups import MASTERCARD, agree, charges, save_card, told
from tests.stripe_account import StripeAccount
from tests.world import money

RunQueue = Callable[[], int]
ONE = [("succeeded", 50_00)]


@pytest.fixture
def refunded(
    acme: Organization, stripe_account: StripeAccount, run_queue: RunQueue
) -> Organization:
    """A top-up of $50.00 was paid, and given back whole: $25.00 are left, below the threshold of $30.00."""
    save_card(stripe_account, acme)
    agree(acme)
    purchase = auto_top_ups.consider(acme)
    assert purchase is not None
    purchases.follow(purchase)
    owner = acme.memberships.get().user
    refunds.request(Purchase.objects.get(), amount_cents=50_00, reason="Asked for it", actor=owner)
    run_queue()
    assert money(acme) == (25_000_000, 0)
    return acme


def test_a_refund_suspends_it_and_says_so(
    refunded: Organization, stripe_account: StripeAccount, run_queue: RunQueue
) -> None:
    sweeps.unstick()
    run_queue()

    assert charges(stripe_account) == ONE
    assert money(refunded) == (25_000_000, 0)
    assert AutoTopUp.objects.get().suspension == "money_back"
    assert [one["code"] for one in told("auto_top_up.suspended")] == ["money_back"]


def test_another_card_does_not_set_it_going_again(
    refunded: Organization, stripe_account: StripeAccount, run_queue: RunQueue
) -> None:
    save_card(stripe_account, refunded, MASTERCARD)
    sweeps.unstick()
    run_queue()

    assert charges(stripe_account) == ONE
    assert AutoTopUp.objects.get().suspension == "money_back"


def test_it_goes_on_when_somebody_agrees_again(
    refunded: Organization, stripe_account: StripeAccount, run_queue: RunQueue
) -> None:
    agree(refunded)
    sweeps.unstick()
    run_queue()

    assert charges(stripe_account) == ONE * 2
    assert money(refunded) == (75_000_000, 0)

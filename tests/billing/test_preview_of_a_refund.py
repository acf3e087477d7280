"""What an operator is told before he refunds is what happens then, to the micro-dollar."""

import pytest

from accounts.models import Organization
from billing import balances, refunds
from billing.models import Purchase
from billing.refunds import Preview
from tests.billing import bought, moves
from tests.stripe_account import StripeAccount
from tests.world import make_user


@pytest.fixture
def purchase(acme: Organization, stripe_account: StripeAccount) -> Purchase:
    """$200.00, with a bonus of $4.00."""
    return bought.paid(acme, stripe_account, 200_00)


def test_of_what_is_unspent_all_can_go_back(purchase: Purchase) -> None:
    now = refunds.preview(purchase)

    assert now == Preview(
        paid_cents=200_00,
        back_cents=0,
        unspent_cents=200_00,
        amount_cents=200_00,
        credits_microusd=200_000_000,
        bonus_microusd=4_000_000,
        debt_microusd=0,
    )
    assert now.left_cents == 200_00


def test_what_is_held_cannot_go_back_without_debt(acme: Organization, purchase: Purchase) -> None:
    moves.hold(acme, "work:1", 54_000_000)

    assert refunds.preview(purchase).unspent_cents == 150_00
    assert refunds.preview(purchase, 180_00).debt_microusd == 30_000_000


def test_part_of_a_cent_is_not_given_back(acme: Organization, purchase: Purchase) -> None:
    moves.hold(acme, "work:1", 4_000_001)

    assert refunds.preview(purchase).unspent_cents == 199_99


def test_after_a_refund_the_rest_is_left(purchase: Purchase) -> None:
    refunds.request(purchase, amount_cents=60_00, reason="late", actor=make_user())
    purchase.refresh_from_db()

    now = refunds.preview(purchase)

    assert (now.back_cents, now.unspent_cents, now.left_cents) == (60_00, 140_00, 140_00)


def test_tax_goes_back_in_proportion(purchase: Purchase) -> None:
    Purchase.objects.filter(pk=purchase.pk).update(tax_cents=40_00, total_cents=240_00)
    purchase.refresh_from_db()

    now = refunds.preview(purchase, 60_00)

    assert (now.paid_cents, now.unspent_cents) == (240_00, 240_00)
    assert (now.credits_microusd, now.bonus_microusd) == (50_000_000, 1_000_000)


@pytest.mark.parametrize("spent", [0, 3_000_000, 54_000_001, 204_000_000])
@pytest.mark.parametrize("cents", [1, 33_33, 200_00])
def test_it_is_what_happens(acme: Organization, purchase: Purchase, spent: int, cents: int) -> None:
    if spent:
        moves.used(acme, "work:1", spent)
    before, told = balances.of(acme), refunds.preview(purchase, cents)

    refunds.request(
        purchase, amount_cents=cents, reason="late", actor=make_user(), is_spent_too=True
    )

    after = balances.of(acme)
    purchase.refresh_from_db()
    assert after.debt_microusd == told.debt_microusd
    assert before.promotional_microusd - after.promotional_microusd == told.bonus_microusd
    assert (
        before.purchased_microusd - after.purchased_microusd
        == told.credits_microusd - told.debt_microusd
    )
    assert purchase.withdrawn_microusd == told.credits_microusd == cents * 10_000

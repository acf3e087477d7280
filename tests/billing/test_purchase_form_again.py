"""A form that comes back from the browser's history never leads to another amount than it says."""

from collections.abc import Callable

import pytest

from accounts.models import Organization, User
from billing import purchases
from billing.errors import PaidMeanwhile
from billing.models import Purchase
from tests.stripe_account import StripeAccount

Buy = Callable[..., Purchase]


@pytest.fixture
def buy(acme: Organization, member_of: Callable[..., User], stripe_account: StripeAccount) -> Buy:
    ann = member_of(acme)

    def begin(cents: int, form: str = "form1") -> Purchase:
        begun = purchases.begin(acme, amount_cents=cents, made_by=ann, token=form, last_paid_id="")
        return purchases.open_checkout(begun)

    return begin


def test_another_amount_from_the_same_form_is_another_purchase(buy: Buy) -> None:
    first = buy(50_00)
    second = buy(200_00)

    first.refresh_from_db()
    assert (first.state, first.amount_cents) == ("closing", 50_00)
    assert (second.state, second.amount_cents) == ("open", 200_00)
    assert second.session_url != first.session_url


def test_a_form_whose_page_is_being_closed_gets_a_page_that_can_be_paid(buy: Buy) -> None:
    first = buy(50_00, "form1")
    buy(200_00, "form2")

    again = buy(50_00, "form1")

    assert again.id != first.id
    assert (again.state, again.amount_cents) == ("open", 50_00)


def test_another_amount_from_a_form_that_was_paid_asks_once_more(
    buy: Buy, stripe_account: StripeAccount
) -> None:
    paid = buy(50_00)
    stripe_account.press(paid.session_id)
    purchases.follow(paid)

    with pytest.raises(PaidMeanwhile):
        buy(200_00)

    assert Purchase.objects.count() == 1


def test_who_waits_has_it_followed_once_in_a_while(buy: Buy, run_queue: Callable[[], int]) -> None:
    purchase = buy(50_00)
    run_queue()
    Purchase.objects.update(due_at=purchase.created_at)

    for _ in range(5):
        purchases.hurry(purchase)

    assert run_queue() == 1
    purchase.refresh_from_db()
    purchases.hurry(purchase)
    assert run_queue() == 0


def test_nobody_hurries_what_is_over(
    buy: Buy, stripe_account: StripeAccount, run_queue: Callable[[], int]
) -> None:
    purchase = buy(50_00)
    stripe_account.press(purchase.session_id)
    purchase = purchases.follow(purchase)
    run_queue()

    purchases.hurry(purchase)

    assert run_queue() == 0

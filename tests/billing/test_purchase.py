"""A purchase by a person: credits come when Stripe says that it was paid, once, however it is told."""

from collections.abc import Callable

import pytest

from accounts.models import Event, Organization, User
from billing import purchases
from billing.errors import PaidMeanwhile, SandboxPaysNothing
from billing.models import Grant, Purchase, Transfer
from seedance_saas.errors import InvalidRequest
from tests.stripe_account import DECLINED, StripeAccount
from tests.world import money

Buy = Callable[..., Purchase]


@pytest.fixture
def buy(acme: Organization, member_of: Callable[..., User], stripe_account: StripeAccount) -> Buy:
    """A person presses Buy, and is on Stripe's page."""
    ann = member_of(acme)

    def begin(cents: int = 200_00, form: str = "form1", last_paid_id: str = "") -> Purchase:
        purchase = purchases.begin(
            acme, amount_cents=cents, made_by=ann, token=form, last_paid_id=last_paid_id
        )
        return purchases.open_checkout(purchase)

    return begin


def test_paid_credits_come_with_the_webhook_and_their_bonus(
    acme: Organization, buy: Buy, stripe_account: StripeAccount, run_queue: Callable[[], int]
) -> None:
    purchase = buy()
    assert purchase.state == "open"
    stripe_account.press(purchase.session_id)
    assert money(acme) == (25_000_000, 0)

    stripe_account.deliver()
    run_queue()

    purchase.refresh_from_db()
    assert purchase.state == "paid"
    assert (purchase.total_cents, purchase.tax_cents, purchase.card_last4) == (200_00, 0, "4242")
    assert money(acme) == (229_000_000, 0)
    assert purchase.grant is not None
    assert purchase.grant.amount_microusd == 200_000_000
    assert purchase.bonus_grant is not None
    assert (purchase.bonus_grant.kind, purchase.bonus_grant.amount_microusd) == (
        Grant.Kind.PROMOTIONAL,
        4_000_000,
    )
    event = Event.objects.get(type="purchase.succeeded")
    assert (event.data["id"], event.data["total_usd"]) == (purchase.id, "200.0000")


def test_every_webhook_twice_and_backwards_pays_once(
    acme: Organization, buy: Buy, stripe_account: StripeAccount, run_queue: Callable[[], int]
) -> None:
    purchase = buy(50_00)
    stripe_account.press(purchase.session_id)
    deliveries = stripe_account.waiting()

    stripe_account.deliver([*reversed(deliveries), *deliveries])
    run_queue()

    assert money(acme) == (75_000_000, 0)
    assert Transfer.objects.filter(reference=purchase.reference).count() == 1
    assert Event.objects.filter(type="purchase.succeeded").count() == 1


def test_a_decline_leaves_the_page_open_and_gives_nothing(
    acme: Organization, buy: Buy, stripe_account: StripeAccount, run_queue: Callable[[], int]
) -> None:
    purchase = buy(50_00)
    stripe_account.press(purchase.session_id, DECLINED)

    stripe_account.deliver()
    run_queue()

    purchase.refresh_from_db()
    assert (purchase.state, purchase.failure_code) == ("open", "generic_decline")
    assert money(acme) == (25_000_000, 0)


@pytest.mark.parametrize(
    ("number", "code"),
    [("4000000000000069", "expired_card"), ("4000000000000127", "incorrect_cvc")],
)
def test_a_card_that_is_refused_without_a_bank_says_why(
    buy: Buy,
    stripe_account: StripeAccount,
    run_queue: Callable[[], int],
    number: str,
    code: str,
) -> None:
    purchase = buy(50_00)
    stripe_account.press(purchase.session_id, number)

    stripe_account.deliver()
    run_queue()

    purchase.refresh_from_db()
    assert (purchase.state, purchase.failure_code) == ("open", code)


@pytest.mark.parametrize(
    ("bank", "state", "available"),
    [("", "paid", 75_000_000), ("_insufficientFunds", "failed", 25_000_000)],
)
def test_a_bank_debit_gives_nothing_until_the_bank_has_paid(
    acme: Organization,
    buy: Buy,
    stripe_account: StripeAccount,
    run_queue: Callable[[], int],
    bank: str,
    state: str,
    available: int,
) -> None:
    purchase = buy(50_00)
    stripe_account.press(purchase.session_id, "", method="us_bank_account", bank=bank)
    stripe_account.deliver()
    run_queue()
    purchase.refresh_from_db()
    assert (purchase.state, money(acme)) == ("processing", (25_000_000, 0))

    stripe_account.control("advance", seconds=60)
    stripe_account.deliver()
    run_queue()

    purchase.refresh_from_db()
    assert (purchase.state, money(acme)) == (state, (available, 0))
    assert (purchase.card_brand, purchase.card_last4) == ("us_bank_account", "")


def test_an_abandoned_page_expires_and_gives_nothing(
    acme: Organization, buy: Buy, stripe_account: StripeAccount, run_queue: Callable[[], int]
) -> None:
    purchase = buy(50_00)
    stripe_account.control("advance", seconds=3 * 3600)

    stripe_account.deliver()
    run_queue()

    purchase.refresh_from_db()
    assert purchase.state == "expired"
    assert money(acme) == (25_000_000, 0)


def test_a_second_click_and_a_second_tab_are_the_same_purchase(
    buy: Buy, stripe_account: StripeAccount
) -> None:
    first = buy(50_00, "form1")

    assert buy(50_00, "form1").session_url == first.session_url
    assert buy(50_00, "form2").session_url == first.session_url
    assert Purchase.objects.count() == 1
    assert len(stripe_account.client.v1.checkout.sessions.list().data) == 1


def test_another_amount_closes_the_first_page(
    acme: Organization, buy: Buy, stripe_account: StripeAccount, run_queue: Callable[[], int]
) -> None:
    first = buy(50_00, "form1")
    second = buy(200_00, "form2")
    run_queue()

    first.refresh_from_db()
    assert (first.state, second.state) == ("expired", "open")
    stripe_account.press(first.session_id)
    stripe_account.deliver()
    run_queue()
    assert money(acme) == (25_000_000, 0)


def test_a_form_that_does_not_know_of_a_payment_asks_once_more(
    acme: Organization, buy: Buy, stripe_account: StripeAccount, run_queue: Callable[[], int]
) -> None:
    first = buy(50_00, "form1")
    stripe_account.press(first.session_id)
    stripe_account.deliver()
    run_queue()

    with pytest.raises(PaidMeanwhile):
        buy(50_00, "form2")
    assert Purchase.objects.count() == 1
    assert buy(50_00, "form1").state == "paid"

    assert buy(50_00, "form2", last_paid_id=first.id).state == "open"


@pytest.mark.parametrize("cents", [25_00, 10_000_00])
def test_the_smallest_and_the_largest_amount_are_bought(
    acme: Organization,
    buy: Buy,
    stripe_account: StripeAccount,
    run_queue: Callable[[], int],
    cents: int,
) -> None:
    stripe_account.press(buy(cents).session_id)
    stripe_account.deliver()
    run_queue()

    assert money(acme) == (25_000_000 + cents * 10_000, 0)


@pytest.mark.parametrize("cents", [24_99, 10_000_01, 0, -50_00])
def test_an_amount_out_of_limits_leaves_nothing_behind(buy: Buy, cents: int) -> None:
    with pytest.raises(InvalidRequest, match=r"\$25\.00 to \$10,000\.00") as refused:
        buy(cents)

    assert refused.value.param == "amount_usd"
    assert not Purchase.objects.exists()


def test_a_sandbox_buys_nothing(acme: Organization, buy: Buy) -> None:
    acme.is_sandbox = True

    with pytest.raises(SandboxPaysNothing):
        buy(50_00)

    assert not Purchase.objects.exists()


def test_without_any_webhook_the_sweep_finds_the_payment(
    acme: Organization, buy: Buy, stripe_account: StripeAccount, run_queue: Callable[[], int]
) -> None:
    purchase = buy(50_00)
    stripe_account.press(purchase.session_id)

    purchases.follow(purchase)

    assert money(acme) == (75_000_000, 0)

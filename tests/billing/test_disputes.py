"""Disputes: what a bank takes back is withdrawn, becomes debt where it was spent, and comes again when it is won."""

from collections.abc import Callable

import pytest

from accounts.models import Event, Organization
from billing import balances, ledger
from billing.models import Purchase, Reversal
from tests.billing import bought, moves
from tests.stripe_account import StripeAccount
from tests.world import money

Move = Callable[[str], Reversal]


@pytest.fixture
def purchase(acme: Organization, stripe_account: StripeAccount) -> Purchase:
    """$50.00, beside the $25.00 that acme had."""
    return bought.paid(acme, stripe_account, 50_00)


@pytest.fixture
def told(stripe_account: StripeAccount, run_queue: Callable[[], int]) -> Callable[[], None]:
    """The webhooks come, and are worked on."""

    def tell() -> None:
        stripe_account.deliver()
        run_queue()

    return tell


def test_an_open_one_takes_the_credits_and_what_was_spent_is_owed(
    acme: Organization, purchase: Purchase, stripe_account: StripeAccount, told: Callable[[], None]
) -> None:
    moves.hold(acme, "work:1", 20_000_000)

    bought.dispute(stripe_account, purchase)
    told()

    assert balances.of(acme).debt_microusd == 20_000_000
    assert money(acme) == (25_000_000, 20_000_000)
    assert (bought.came_in("cash"), bought.came_in("disputes")) == (50_000_000, -50_000_000)
    row = Reversal.objects.get()
    assert (row.kind, row.state, row.reason) == ("dispute", "open", "fraudulent")
    assert Event.objects.filter(type="purchase.disputed").count() == 1


def test_in_debt_what_runs_ends_as_usual_and_nothing_new_begins(
    acme: Organization, purchase: Purchase, stripe_account: StripeAccount, told: Callable[[], None]
) -> None:
    moves.hold(acme, "work:1", 20_000_000)
    bought.dispute(stripe_account, purchase)
    told()

    assert moves.hold_for(acme, "work:2", 1) == "billing_hold"
    ledger.capture(acme, "work:1", amount_microusd=5_000_000)

    assert money(acme) == (40_000_000, 0)


def test_one_that_is_won_gives_all_again_and_the_debt_is_paid(
    acme: Organization, purchase: Purchase, stripe_account: StripeAccount, told: Callable[[], None]
) -> None:
    moves.used(acme, "work:1", 20_000_000)
    dispute = bought.dispute(stripe_account, purchase)
    told()

    stripe_account.control(f"disputes/{dispute}", status="won")
    told()

    assert Reversal.objects.get().state == "won"
    assert balances.of(acme).debt_microusd == 0
    assert money(acme) == (55_000_000, 0)
    assert bought.came_in("disputes") == 0


def test_one_that_is_lost_stays_taken(
    acme: Organization, purchase: Purchase, stripe_account: StripeAccount, told: Callable[[], None]
) -> None:
    dispute = bought.dispute(stripe_account, purchase)
    told()
    stripe_account.control(f"disputes/{dispute}", status="lost")
    told()

    row = Reversal.objects.get()
    assert (row.state, row.due_at, row.moves_count) == ("lost", None, 1)
    assert money(acme) == (25_000_000, 0)


def test_a_bank_may_change_its_mind(
    acme: Organization, purchase: Purchase, stripe_account: StripeAccount, told: Callable[[], None]
) -> None:
    dispute = bought.dispute(stripe_account, purchase)
    for status, available in (("won", 75), ("lost", 25), ("won", 75)):
        stripe_account.control(f"disputes/{dispute}", status=status)
        told()
        assert money(acme) == (available * 1_000_000, 0)


def test_an_inquiry_moves_nothing_until_it_is_escalated(
    acme: Organization, purchase: Purchase, stripe_account: StripeAccount, told: Callable[[], None]
) -> None:
    dispute = bought.dispute(stripe_account, purchase, status="warning_needs_response")
    told()
    assert Reversal.objects.get().state == "inquiry"
    assert money(acme) == (75_000_000, 0)

    stripe_account.control(f"disputes/{dispute}", status="needs_response")
    told()

    assert Reversal.objects.get().state == "open"
    assert money(acme) == (25_000_000, 0)


def test_an_inquiry_that_is_closed_moved_nothing(
    acme: Organization, purchase: Purchase, stripe_account: StripeAccount, told: Callable[[], None]
) -> None:
    dispute = bought.dispute(stripe_account, purchase, status="warning_needs_response")
    stripe_account.control(f"disputes/{dispute}", status="warning_closed")
    told()

    row = Reversal.objects.get()
    assert (row.state, row.moves_count) == ("won", 0)
    assert money(acme) == (75_000_000, 0)


def test_a_part_takes_its_part_and_of_the_bonus_too(
    acme: Organization, stripe_account: StripeAccount, told: Callable[[], None]
) -> None:
    purchase = bought.paid(acme, stripe_account, 200_00)
    bought.dispute(stripe_account, purchase, amount=50_00)
    told()

    purchase.refresh_from_db()
    assert (purchase.withdrawn_microusd, purchase.bonus_withdrawn_microusd) == (
        50_000_000,
        1_000_000,
    )
    assert money(acme) == (178_000_000, 0)


def test_a_bonus_that_was_spent_is_not_owed(
    acme: Organization, stripe_account: StripeAccount, told: Callable[[], None]
) -> None:
    purchase = bought.paid(acme, stripe_account, 200_00)
    moves.used(acme, "work:1", 4_000_000)  # promotional credits are burned first

    bought.dispute(stripe_account, purchase)
    told()

    assert balances.of(acme).debt_microusd == 0
    assert money(acme) == (25_000_000, 0)


def test_a_refund_and_a_dispute_of_the_same_money_withdraw_it_once(
    acme: Organization, purchase: Purchase, stripe_account: StripeAccount, told: Callable[[], None]
) -> None:
    """What the bank takes beyond what was paid is our loss; and each account has what is its own afterwards."""
    made = stripe_account.client.v1.refunds.create(
        {"payment_intent": purchase.intent_id, "amount": 30_00}
    )
    bought.dispute(stripe_account, purchase, amount=50_00)
    told()
    assert money(acme) == (25_000_000, 0)
    assert (bought.came_in("cash"), bought.came_in("disputes")) == (20_000_000, -20_000_000)

    stripe_account.control(f"refunds/{made.id}", status="failed")
    told()

    assert money(acme) == (25_000_000, 0)
    assert (bought.came_in("cash"), bought.came_in("disputes")) == (50_000_000, -50_000_000)


def test_the_next_purchase_pays_the_debt_first(
    acme: Organization, purchase: Purchase, stripe_account: StripeAccount, told: Callable[[], None]
) -> None:
    moves.used(acme, "work:1", 50_000_000)
    bought.dispute(stripe_account, purchase)
    told()
    assert balances.of(acme).debt_microusd == 50_000_000

    bought.paid(acme, stripe_account, 60_00, form="form2")

    assert balances.of(acme).debt_microusd == 0
    assert money(acme) == (35_000_000, 0)


@pytest.mark.parametrize(
    ("takes_money", "state", "left"), [(True, "lost", 25_000_000), (False, "won", 75_000_000)]
)
def test_one_that_is_prevented_takes_what_was_given_to_the_payer_for_it(
    acme: Organization,
    purchase: Purchase,
    stripe_account: StripeAccount,
    told: Callable[[], None],
    takes_money: bool,
    state: str,
    left: int,
) -> None:
    """Settled at once, the payer has the money; blocked, nothing has moved."""
    bought.dispute(stripe_account, purchase, status="prevented", takes_money=takes_money)
    told()

    assert Reversal.objects.get().state == state
    assert money(acme) == (left, 0)

"""Refunds: credits go with the request, money with Stripe's answer, and what comes to nothing is undone once."""

from collections.abc import Callable
from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone

from accounts.models import AuditEntry, Event, Organization, User
from billing import balances, purchases, refunds
from billing.errors import RefundTooLarge
from billing.models import Purchase, Reversal
from seedance_saas.errors import InvalidRequest
from tests.billing import bought, moves
from tests.stripe_account import StripeAccount
from tests.world import make_user, money

Run = Callable[[], int]


@pytest.fixture
def operator(db: None) -> User:
    return make_user()


@pytest.fixture
def purchase(acme: Organization, stripe_account: StripeAccount) -> Purchase:
    """$200.00, with a bonus of $4.00, beside the $25.00 that acme had."""
    return bought.paid(acme, stripe_account, 200_00)


def ask(purchase: Purchase, cents: int, operator: User, *, is_spent_too: bool = False) -> Reversal:
    return refunds.request(
        purchase,
        amount_cents=cents,
        reason="not needed any more",
        actor=operator,
        is_spent_too=is_spent_too,
    )


def test_credits_go_at_once_and_the_money_with_the_task(
    acme: Organization,
    purchase: Purchase,
    operator: User,
    stripe_account: StripeAccount,
    run_queue: Run,
) -> None:
    row = ask(purchase, 50_00, operator)
    assert row.state == "requested"
    assert money(acme) == (178_000_000, 0)  # $50.00 and a quarter of the bonus are gone
    assert stripe_account.simulator.store.select("refund") == []

    run_queue()

    row.refresh_from_db()
    (made,) = stripe_account.simulator.store.select("refund")
    assert (row.state, row.stripe_id, made["amount"]) == ("succeeded", made["id"], 50_00)
    assert money(acme) == (178_000_000, 0)
    assert moves.lines(f"refund:{row.id}") == [("claw_back", "grant", "cash", 50_000_000)]
    assert moves.lines(f"refund:{row.id}:2:bonus") == [
        ("claw_back", "grant", "promotions", 1_000_000)
    ]
    event = Event.objects.get(type="purchase.refunded")
    assert event.data["reversal"]["id"] == row.id
    assert AuditEntry.objects.filter(action="purchase.refund_requested").count() == 1


def test_in_parts_all_of_it_goes_back_and_not_a_cent_more(
    acme: Organization,
    purchase: Purchase,
    operator: User,
    stripe_account: StripeAccount,
    run_queue: Run,
) -> None:
    for cents in (66_67, 66_67, 66_66):
        ask(purchase, cents, operator)
        run_queue()

    assert money(acme) == (25_000_000, 0)
    with pytest.raises(RefundTooLarge):
        ask(purchase, 1, operator)
    purchase.refresh_from_db()
    assert (purchase.withdrawn_microusd, purchase.bonus_withdrawn_microusd) == (
        200_000_000,
        4_000_000,
    )
    assert len(stripe_account.simulator.store.select("refund")) == 3


def test_what_was_spent_is_refused_with_what_can_go_back(
    acme: Organization, purchase: Purchase, operator: User
) -> None:
    moves.hold(acme, "work:1", 84_000_000)  # $4.00 of it is the bonus

    with pytest.raises(RefundTooLarge, match=r"\$120\.00.* is unspent") as refused:
        ask(purchase, 120_01, operator)

    assert refused.value.details == {"at_most_usd": "120.0000"}
    assert refused.value.param == "amount_usd"
    assert money(acme) == (145_000_000, 84_000_000)
    assert not Reversal.objects.exists()


def test_what_was_spent_becomes_debt_if_the_operator_says_so(
    acme: Organization, purchase: Purchase, operator: User
) -> None:
    moves.hold(acme, "work:1", 84_000_000)

    ask(purchase, 200_00, operator, is_spent_too=True)

    assert balances.of(acme).debt_microusd == 80_000_000
    assert money(acme) == (25_000_000, 84_000_000)
    assert moves.hold_for(acme, "work:2", 1) == "billing_hold"


@pytest.mark.parametrize(
    ("cents", "reason", "param"),
    [(0, "why", "amount_usd"), (-5, "why", "amount_usd"), (1, " ", "reason")],
)
def test_a_request_that_says_nothing_names_the_field(
    acme: Organization, purchase: Purchase, operator: User, cents: int, reason: str, param: str
) -> None:
    with pytest.raises(InvalidRequest) as refused:
        refunds.request(purchase, amount_cents=cents, reason=reason, actor=operator)

    assert refused.value.param == param
    assert not Reversal.objects.exists()
    assert money(acme) == (229_000_000, 0)


def test_what_was_not_paid_is_not_refunded(
    acme: Organization, operator: User, stripe_account: StripeAccount
) -> None:
    with pytest.raises(InvalidRequest, match="Only what was paid"):
        ask(bought.begin(acme, 50_00), 1, operator)

    assert not Reversal.objects.exists()


def test_one_from_the_dashboard_is_followed(
    acme: Organization, purchase: Purchase, stripe_account: StripeAccount, run_queue: Run
) -> None:
    stripe_account.client.v1.refunds.create({"payment_intent": purchase.intent_id, "amount": 20_00})
    stripe_account.deliver()
    run_queue()

    row = Reversal.objects.get()
    assert (row.state, row.amount_cents, row.made_by) == ("succeeded", 20_00, None)
    assert money(acme) == (208_600_000, 0)


def test_what_stripe_refuses_is_undone_once(
    acme: Organization,
    purchase: Purchase,
    operator: User,
    stripe_account: StripeAccount,
    run_queue: Run,
) -> None:
    row = ask(purchase, 150_00, operator)
    stripe_account.client.v1.refunds.create(
        {"payment_intent": purchase.intent_id, "amount": 100_00}
    )

    run_queue()
    refunds.send(Reversal.objects.get(pk=row.pk))

    row.refresh_from_db()
    assert (row.state, row.stripe_id) == ("failed", "")
    assert row.failure_message.startswith("Refund amount ($150.00) is greater")
    assert money(acme) == (127_000_000, 0)  # without the other one: $100.00 and half the bonus


def test_one_that_fails_later_gives_the_credits_again(
    acme: Organization, operator: User, stripe_account: StripeAccount, run_queue: Run
) -> None:
    purchase = bought.paid(acme, stripe_account, 50_00, bought.FAILS_LATER)
    row = ask(purchase, 30_00, operator)
    run_queue()
    assert money(acme) == (45_000_000, 0)

    stripe_account.control("advance", seconds=60)
    stripe_account.deliver()
    run_queue()

    row.refresh_from_db()
    assert (row.state, row.failure_message) == ("failed", "expired_or_canceled_card")
    assert money(acme) == (75_000_000, 0)
    assert bought.came_in("cash") == 50_000_000


def test_one_that_is_on_its_way_is_withdrawn_already(
    acme: Organization, operator: User, stripe_account: StripeAccount, run_queue: Run
) -> None:
    purchase = bought.paid(acme, stripe_account, 50_00, bought.PENDING)
    row = ask(purchase, 30_00, operator)
    run_queue()
    row.refresh_from_db()
    assert row.state == "pending"
    assert money(acme) == (45_000_000, 0)

    stripe_account.control("advance", seconds=60)
    purchases.follow(purchase)

    row.refresh_from_db()
    assert (row.state, row.due_at) == ("succeeded", None)
    assert money(acme) == (45_000_000, 0)


def test_a_lost_answer_refunds_once(
    acme: Organization,
    purchase: Purchase,
    operator: User,
    stripe_account: StripeAccount,
    run_queue: Run,
) -> None:
    row = ask(purchase, 50_00, operator)
    stripe_account.control("faults", path="/v1/refunds", drop=True, after=True)

    run_queue()
    row.refresh_from_db()
    assert row.state == "requested"
    refunds.send(row)

    assert len(stripe_account.simulator.store.select("refund")) == 1
    row.refresh_from_db()
    assert row.state == "succeeded"
    assert money(acme) == (178_000_000, 0)


def test_a_second_one_that_bears_the_name_of_the_first_counts_too(
    acme: Organization,
    purchase: Purchase,
    operator: User,
    stripe_account: StripeAccount,
    run_queue: Run,
) -> None:
    row = ask(purchase, 50_00, operator)
    run_queue()
    stripe_account.client.v1.refunds.create(
        {"payment_intent": purchase.intent_id, "amount": 50_00, "metadata": {"reversal": row.id}}
    )

    stripe_account.deliver()
    run_queue()

    assert purchase.reversals.filter(state="succeeded").count() == 2
    assert money(acme) == (127_000_000, 0)


@pytest.mark.parametrize(("is_after", "state"), [(True, "succeeded"), (False, "failed")])
def test_after_a_day_it_is_looked_for_and_never_sent_again(
    acme: Organization,
    purchase: Purchase,
    operator: User,
    stripe_account: StripeAccount,
    run_queue: Run,
    is_after: bool,
    state: str,
) -> None:
    """Stripe has forgotten the key by then: a second call would be a second refund."""
    row = ask(purchase, 50_00, operator)
    stripe_account.control("faults", path="/v1/refunds", drop=True, after=is_after)
    run_queue()

    with time_machine.travel(timezone.now() + timedelta(hours=25)):
        refunds.send(Reversal.objects.get(pk=row.pk))

    row.refresh_from_db()
    assert row.state == state
    assert len(stripe_account.simulator.store.select("refund")) == is_after
    assert money(acme)[0] == (178_000_000 if is_after else 229_000_000)

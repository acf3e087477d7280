"""A refund that is asked for with a name of its own happens once, and leaves no more debt than was agreed to."""

from collections.abc import Callable
from functools import partial

import pytest

from accounts.models import AuditEntry, Organization, User
from billing import refunds
from billing.errors import MoreDebt
from billing.models import Purchase, Reversal, Transfer
from seedance_saas import ids
from seedance_saas.errors import InvalidRequest
from tests.billing.bought import bought, settle
from tests.billing.moves import used
from tests.race import race
from tests.stripe_account import StripeAccount
from tests.world import make_user, money


@pytest.fixture
def ann(db: None) -> User:
    return make_user("ann@operator.example")


@pytest.fixture
def purchase(
    make_organization: Callable[..., Organization],
    member_of: Callable[..., User],
    stripe_account: StripeAccount,
    run_queue: Callable[[], int],
) -> Purchase:
    """$50.00, and nothing else."""
    organization = make_organization("Acme", credits_usd="0")
    return bought(organization, member_of(organization), stripe_account, run_queue, cents=50_00)


def test_the_same_name_once_more_is_the_same_refund(
    purchase: Purchase, ann: User, stripe_account: StripeAccount, run_queue: Callable[[], int]
) -> None:
    id = ids.new("rev")
    first = refunds.request(purchase, amount_cents=10_00, reason="asked", actor=ann, id=id)
    again = refunds.request(purchase, amount_cents=10_00, reason="asked", actor=ann, id=id)
    settle(stripe_account, run_queue)
    refunds.request(purchase, amount_cents=10_00, reason="asked", actor=ann, id=id)
    settle(stripe_account, run_queue)

    assert (first.id, again.id) == (id, id)
    (refund,) = stripe_account.client.v1.refunds.list().data
    assert refund.amount == 10_00
    assert Reversal.objects.get().state == "succeeded"
    assert AuditEntry.objects.filter(action="purchase.refund_requested").count() == 1
    assert money(purchase.organization) == (40_000_000, 0)


def test_a_name_of_another_purchases_refund_is_refused(
    purchase: Purchase,
    ann: User,
    member_of: Callable[..., User],
    rival: Organization,
    stripe_account: StripeAccount,
    run_queue: Callable[[], int],
) -> None:
    theirs = bought(rival, member_of(rival), stripe_account, run_queue, cents=50_00)
    id = ids.new("rev")
    refunds.request(theirs, amount_cents=10_00, reason="asked", actor=ann, id=id)

    with pytest.raises(InvalidRequest, match="another purchase"):
        refunds.request(purchase, amount_cents=10_00, reason="asked", actor=ann, id=id)

    assert Reversal.objects.get().purchase_id == theirs.id
    assert money(purchase.organization) == (50_000_000, 0)


def test_more_debt_than_was_agreed_to_moves_nothing(purchase: Purchase, ann: User) -> None:
    used(purchase.organization, "work:1", 20_000_000)
    agreed = refunds.preview(purchase, 50_00).debt_microusd
    used(purchase.organization, "work:2", 5_000_000)
    count = Transfer.objects.count()

    with pytest.raises(MoreDebt) as refused:
        refunds.request(
            purchase,
            amount_cents=50_00,
            reason="asked",
            actor=ann,
            is_spent_too=True,
            debt_microusd_max=agreed,
        )

    assert agreed == 20_000_000
    assert refused.value.details == {"debt_usd": "25.0000", "agreed_usd": "20.0000"}
    assert (Transfer.objects.count(), Reversal.objects.count()) == (count, 0)
    assert money(purchase.organization) == (25_000_000, 0)


def test_less_debt_than_was_agreed_to_is_well(purchase: Purchase, ann: User) -> None:
    used(purchase.organization, "work:1", 20_000_000)

    refunds.request(
        purchase,
        amount_cents=50_00,
        reason="asked",
        actor=ann,
        is_spent_too=True,
        debt_microusd_max=21_000_000,
    )

    assert money(purchase.organization) == (0, 0)


@pytest.mark.django_db(transaction=True)
def test_many_clicks_at_once_are_one_refund(
    purchase: Purchase, ann: User, stripe_account: StripeAccount, run_queue: Callable[[], int]
) -> None:
    id = ids.new("rev")
    click = partial(refunds.request, purchase, amount_cents=10_00, reason="asked", actor=ann, id=id)

    outcomes = race([click] * 8)
    settle(stripe_account, run_queue)

    assert {row.id for row in outcomes if isinstance(row, Reversal)} == {id}
    assert len(outcomes) == 8
    assert len(stripe_account.client.v1.refunds.list().data) == 1
    assert money(purchase.organization) == (40_000_000, 0)

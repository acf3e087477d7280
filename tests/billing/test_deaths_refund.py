"""A process dies in the middle of a refund: the money goes back once, or not at all and the credits return."""

from collections.abc import Callable
from functools import partial

import pytest
import time_machine

from accounts.models import AuditEntry, Event, Organization
from billing import auto_top_ups, purchases, refunds
from billing.models import Purchase, Reversal
from tests.billing.top_ups import agree, save_card
from tests.deaths import (
    at_moments,
    at_moments_with_losses,
    compare,
    each_death,
    lose_tasks,
    newest_task,
    recover,
    work,
)
from tests.stripe_account import StripeAccount
from tests.world import money

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.thorough]


@pytest.fixture
def come(
    make_organization: Callable[..., Organization], stripe_account: StripeAccount
) -> Callable[[], Purchase]:
    """A paid purchase of $200.00 with its bonus of $4.00, beside $25.00 of others."""

    def make() -> Purchase:
        organization = make_organization()
        save_card(stripe_account, organization)
        agree(organization, amount_cents=200_00)
        purchase = auto_top_ups.consider(organization)
        assert purchase is not None
        paid = purchases.follow(purchase)
        assert (paid.state, money(organization)) == ("paid", (229_000_000, 0))
        lose_tasks()
        return paid

    return make


def ask(purchase: Purchase) -> Reversal:
    """Half of it goes back."""
    owner = purchase.organization.memberships.get().user
    return refunds.request(purchase, amount_cents=100_00, reason="Asked for it", actor=owner)


def refunded_cents(account: StripeAccount) -> list[int]:
    listed = account.client.v1.refunds.list({"limit": 100}).auto_paging_iter()
    return [refund.amount for refund in listed if refund.status == "succeeded"]


def assert_half_went_back(account: StripeAccount, paid: list[Purchase]) -> None:
    assert refunded_cents(account) == [100_00] * len(paid)
    assert list(Reversal.objects.values_list("state", "amount_cents")) == [
        ("succeeded", 100_00)
    ] * len(paid)
    assert {money(purchase.organization) for purchase in paid} == {(127_000_000, 0)}
    assert set(Purchase.objects.values_list("withdrawn_microusd", "bonus_withdrawn_microusd")) == {
        (100_000_000, 2_000_000)
    }
    assert Event.objects.filter(type="purchase.refunded").count() == len(paid)
    assert AuditEntry.objects.filter(action="purchase.refund_requested").count() == len(paid)
    assert compare() == []


@at_moments
def test_while_it_is_requested(
    come: Callable[[], Purchase],
    stripe_account: StripeAccount,
    hours: time_machine.Traveller,
    every: int,
) -> None:
    """All or nothing: the operator sees whether it is there, and asks again if it is not."""
    paid = []
    for killer in each_death(stripe_account, every=every):
        purchase = come()
        with killer:
            ask(purchase)
        if not purchase.reversals.exists():
            assert money(purchase.organization) == (229_000_000, 0)
            ask(purchase)
        paid.append(purchase)

    assert len(paid) * every > 20
    recover(hours)
    assert_half_went_back(stripe_account, paid)


@at_moments_with_losses
def test_while_it_is_sent(
    come: Callable[[], Purchase],
    stripe_account: StripeAccount,
    hours: time_machine.Traveller,
    every: int,
    lost: int,
) -> None:
    paid = []
    for killer in each_death(stripe_account, every=every):
        purchase = come()
        after = newest_task()
        ask(purchase)
        with killer:
            work(after)
        if killer.at % 2 == lost:
            lose_tasks(after)
        paid.append(purchase)

    assert len(paid) * every > 25
    recover(hours)
    assert_half_went_back(stripe_account, paid)


@at_moments
def test_while_stripe_refuses_it(
    come: Callable[[], Purchase],
    stripe_account: StripeAccount,
    hours: time_machine.Traveller,
    every: int,
) -> None:
    """All of it was refunded in Stripe's dashboard a moment before: ours is undone, that one is noted."""
    paid = []
    for killer in each_death(stripe_account, every=every):
        purchase = come()
        after = newest_task()
        ask(purchase)
        stripe_account.client.v1.refunds.create({"payment_intent": purchase.intent_id})
        with killer:
            work(after)
        if killer.at % 2:
            lose_tasks(after)
        paid.append(purchase)

    assert len(paid) * every > 35
    recover(hours)
    assert refunded_cents(stripe_account) == [200_00] * len(paid)
    for purchase in paid:
        states = purchase.reversals.order_by("amount_cents").values_list("state", "amount_cents")
        assert list(states) == [("failed", 100_00), ("succeeded", 200_00)]
    assert {money(purchase.organization) for purchase in paid} == {(25_000_000, 0)}
    assert set(Purchase.objects.values_list("withdrawn_microusd", "bonus_withdrawn_microusd")) == {
        (200_000_000, 4_000_000)
    }
    assert compare() == []


def test_while_a_refund_of_the_dashboard_is_noted(
    come: Callable[[], Purchase], stripe_account: StripeAccount, hours: time_machine.Traveller
) -> None:
    """Its webhook dies, and only the comparison comes."""
    paid = []
    for killer in each_death(stripe_account):
        purchase = come()
        after = newest_task()
        stripe_account.deliver()
        work(after)
        stripe_account.client.v1.refunds.create(
            {"payment_intent": purchase.intent_id, "amount": 100_00}
        )
        deliver = partial(stripe_account.deliver, stripe_account.waiting()[:1])
        with killer:
            deliver()
            work(after)
        lose_tasks(after)
        for delivery in stripe_account.waiting():
            stripe_account.simulator.deliveries.mark(delivery.id, 200)
        paid.append(purchase)

    assert compare() == []
    assert refunded_cents(stripe_account) == [100_00] * len(paid)
    assert {money(purchase.organization) for purchase in paid} == {(127_000_000, 0)}
    assert Event.objects.filter(type="purchase.refunded").count() == len(paid)

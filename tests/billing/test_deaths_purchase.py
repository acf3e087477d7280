"""A process dies in the middle of a purchase: whoever paid gets the credits, once; whoever did not pay gets none."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta

import pytest
import time_machine

from accounts.models import Event, Organization, User
from billing import purchases
from billing.models import Purchase, StripeEvent, Transfer
from seedance_saas.simulators.stripe.deliveries import Delivery
from tests.deaths import (
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


@dataclass
class Buyer:
    """A person who buys $200.00 with a form of their own, and comes back to it until the page is there."""

    organization: Organization
    ann: User
    account: StripeAccount
    after: int
    deliveries: list[Delivery] = field(default_factory=list)

    def click(self) -> Purchase:
        purchase = purchases.begin(
            self.organization, amount_cents=200_00, made_by=self.ann, token="form", last_paid_id=""
        )
        return purchases.open_checkout(purchase)

    def pay(self) -> None:
        seen = {delivery.id for delivery in self.account.waiting()}
        self.account.press(self.click().session_id)
        self.deliveries = [one for one in self.account.waiting() if one.id not in seen]


@pytest.fixture
def come(
    make_organization: Callable[..., Organization], stripe_account: StripeAccount
) -> Callable[[], Buyer]:
    def make() -> Buyer:
        organization = make_organization()
        ann = organization.memberships.select_related("user")[0].user
        return Buyer(organization, ann, stripe_account, newest_task())

    return make


def assert_bought_once(account: StripeAccount, buyers: list[Buyer]) -> None:
    """By our books and by Stripe's: each has paid once, and has what they paid for once."""
    intents = account.client.v1.payment_intents.list({"limit": 100}).auto_paging_iter()
    paid = [intent for intent in intents if intent.status == "succeeded"]
    sessions = account.client.v1.checkout.sessions.list({"limit": 100}).auto_paging_iter()
    customers = account.client.v1.customers.list({"limit": 100}).auto_paging_iter()
    assert len(list(sessions)) == len(list(customers)) == len(paid) == len(buyers)
    assert {intent.amount_received for intent in paid} == {200_00}
    assert {money(buyer.organization) for buyer in buyers} == {(229_000_000, 0)}
    bought = Purchase.objects.all()
    assert {purchase.state for purchase in bought} == {"paid"}
    assert sorted(purchase.intent_id for purchase in bought) == sorted(one.id for one in paid)
    assert Transfer.objects.filter(reference__startswith="purchase:pur_").count() == len(buyers)
    assert Transfer.objects.filter(reference__startswith="bonus:").count() == len(buyers)
    assert Event.objects.filter(type="purchase.succeeded").count() == len(buyers)
    assert compare() == []


def test_while_the_page_is_opened(
    come: Callable[[], Buyer], stripe_account: StripeAccount, hours: time_machine.Traveller
) -> None:
    """The person clicks again, a moment or some minutes later; then pays."""
    buyers = []
    for killer in each_death(stripe_account):
        buyer = come()
        with killer:
            buyer.click()
        if killer.at % 2:
            lose_tasks()
            recover(hours, minutes=4)
        buyer.pay()
        buyers.append(buyer)

    assert len(buyers) > 15
    recover(hours)
    assert_bought_once(stripe_account, buyers)


def test_nobody_comes_back_after_the_death(
    come: Callable[[], Buyer], stripe_account: StripeAccount, hours: time_machine.Traveller
) -> None:
    """What was begun expires, at Stripe as well, and nobody can pay it any more."""
    buyers = []
    for killer in each_death(stripe_account):
        buyer = come()
        with killer:
            buyer.click()
        buyers.append(buyer)

    recover(hours, minutes=10)
    hours.shift(timedelta(hours=3))
    recover(hours, minutes=2)
    assert set(Purchase.objects.values_list("state", flat=True)) == {"expired"}
    sessions = stripe_account.client.v1.checkout.sessions.list({"limit": 100}).auto_paging_iter()
    assert {session.status for session in sessions} == {"expired"}
    assert {money(buyer.organization) for buyer in buyers} == {(25_000_000, 0)}
    assert not Event.objects.filter(type__startswith="purchase.").exists()
    assert compare() == []


def test_while_a_webhook_is_received(
    come: Callable[[], Buyer], stripe_account: StripeAccount, hours: time_machine.Traveller
) -> None:
    """Every other one never comes again: then the sweep finds the payment."""
    buyers = []
    for killer in each_death(stripe_account):
        buyer = come()
        buyer.pay()
        [completed] = [
            one for one in buyer.deliveries if one.event_type == "checkout.session.completed"
        ]
        with killer:
            stripe_account.deliver([completed])
        if killer.at % 2:
            stripe_account.deliver([completed])
        buyers.append(buyer)

    assert len(buyers) > 5
    recover(hours)
    assert set(StripeEvent.objects.values_list("state", flat=True)) == {"handled"}
    assert_bought_once(stripe_account, buyers)


@at_moments_with_losses
def test_while_the_payment_is_followed(
    come: Callable[[], Buyer],
    stripe_account: StripeAccount,
    hours: time_machine.Traveller,
    every: int,
    lost: int,
) -> None:
    """From the webhook's task to the last mail. Of every other one the queue has lost all tasks."""
    buyers = []
    for killer in each_death(stripe_account, every=every):
        buyer = come()
        buyer.pay()
        stripe_account.deliver(
            one for one in buyer.deliveries if one.event_type == "checkout.session.completed"
        )
        with killer:
            work(buyer.after)
        if killer.at % 2 == lost:
            lose_tasks(buyer.after)
        buyers.append(buyer)

    assert len(buyers) * every > 60
    recover(hours)
    assert_bought_once(stripe_account, buyers)


def test_with_every_webhook_and_a_day_without_sweeps_the_comparison_finds_all(
    come: Callable[[], Buyer], stripe_account: StripeAccount, hours: time_machine.Traveller
) -> None:
    """All seven webhooks of a payment, and nothing but the comparison to mend what died."""
    buyers = []
    for killer in each_death(stripe_account):
        buyer = come()
        buyer.pay()
        with killer:
            stripe_account.deliver(buyer.deliveries)
            work(buyer.after)
        lose_tasks(buyer.after)
        buyers.append(buyer)

    hours.shift(timedelta(days=1))
    assert compare() == []
    assert_bought_once(stripe_account, buyers)

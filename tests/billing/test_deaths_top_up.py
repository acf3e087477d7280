"""A process dies in the middle of an auto top-up: the card is charged once, or declined once, and we know it."""

from collections.abc import Callable
from datetime import timedelta

import pytest
import time_machine

from accounts.models import Event, Organization
from billing import auto_top_ups, purchases
from billing.models import AutoTopUp, Purchase, Transfer
from tests.billing.top_ups import ASKS, DEAD, VISA, agree, charges, save_card, told
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
Come = Callable[[str], Organization]


@pytest.fixture
def come(make_organization: Callable[..., Organization], stripe_account: StripeAccount) -> Come:
    """An organization with $25.00 that wants $50.00 more below $30.00, from this card."""

    def make(token: str) -> Organization:
        organization = make_organization()
        save_card(stripe_account, organization, token)
        agree(organization)
        return organization

    return make


def charge_and_die(
    come: Come, account: StripeAccount, token: str, *, every: int, lost: int = 1
) -> list[Organization]:
    """Decided on; then its task dies, of every other one for good. Each organization has one death."""
    organizations = []
    for killer in each_death(account, every=every):
        organization = come(token)
        after = newest_task()
        assert auto_top_ups.consider(organization)
        with killer:
            work(after)
        if killer.at % 2 == lost:
            lose_tasks(after)
        organizations.append(organization)
    return organizations


def statuses(account: StripeAccount) -> set[str]:
    """Of every payment that Stripe has."""
    intents = account.client.v1.payment_intents.list({"limit": 100}).auto_paging_iter()
    return {intent.status for intent in intents}


def test_while_it_is_decided(
    come: Come, stripe_account: StripeAccount, hours: time_machine.Traveller
) -> None:
    organizations = []
    for killer in each_death(stripe_account):
        organization = come(VISA)
        with killer:
            auto_top_ups.consider(organization)
        organizations.append(organization)

    assert len(organizations) > 10
    recover(hours)
    assert charges(stripe_account) == [("succeeded", 50_00)] * len(organizations)
    assert {money(one) for one in organizations} == {(75_000_000, 0)}
    assert compare() == []


@at_moments_with_losses
def test_while_the_card_is_charged(
    come: Come,
    stripe_account: StripeAccount,
    hours: time_machine.Traveller,
    every: int,
    lost: int,
) -> None:
    organizations = charge_and_die(come, stripe_account, VISA, every=every, lost=lost)

    assert len(organizations) * every > 45
    recover(hours)
    assert charges(stripe_account) == [("succeeded", 50_00)] * len(organizations)
    assert {money(one) for one in organizations} == {(75_000_000, 0)}
    assert set(Purchase.objects.values_list("state", flat=True)) == {"paid"}
    assert Purchase.objects.count() == len(organizations)
    assert Transfer.objects.filter(reference__startswith="purchase:pur_").count() == len(
        organizations
    )
    assert len(told("auto_top_up.succeeded")) == len(organizations)
    assert compare() == []


@at_moments
def test_while_a_decline_is_noted(
    come: Come, stripe_account: StripeAccount, hours: time_machine.Traveller, every: int
) -> None:
    """Each card is charged once in this hour, whatever died; the second time comes when it is due."""
    organizations = charge_and_die(come, stripe_account, DEAD, every=every)

    assert len(organizations) * every > 25
    recover(hours)
    assert charges(stripe_account) == [("failed", 50_00)] * len(organizations)
    assert statuses(stripe_account) == {"canceled"}
    assert set(Purchase.objects.values_list("state", flat=True)) == {"failed"}
    assert len(told("auto_top_up.failed")) == len(organizations)
    assert {money(one) for one in organizations} == {(25_000_000, 0)}
    assert compare() == []

    hours.shift(timedelta(hours=1))
    recover(hours, minutes=2)
    assert charges(stripe_account) == [("failed", 50_00)] * len(organizations) * 2


@at_moments
def test_while_it_is_noted_that_the_bank_asks(
    come: Come, stripe_account: StripeAccount, hours: time_machine.Traveller, every: int
) -> None:
    organizations = charge_and_die(come, stripe_account, ASKS, every=every)

    assert len(organizations) * every > 25
    recover(hours)
    hours.shift(timedelta(hours=7))
    recover(hours, minutes=2)
    assert charges(stripe_account) == [("failed", 50_00)] * len(organizations)
    assert statuses(stripe_account) == {"canceled"}
    assert set(AutoTopUp.objects.values_list("suspension", flat=True)) == {"authentication"}
    assert Event.objects.filter(type="auto_top_up.suspended").count() == len(organizations)
    assert {money(one) for one in organizations} == {(25_000_000, 0)}
    assert compare() == []


def test_found_only_after_stripe_has_forgotten_the_key(
    come: Come, stripe_account: StripeAccount, hours: time_machine.Traveller
) -> None:
    """No process ran for a day: what was charged is found by its name, what was not is never charged."""
    organizations = charge_and_die(come, stripe_account, VISA, every=1)
    lose_tasks()

    hours.shift(timedelta(days=1, hours=1))
    first = len(charges(stripe_account))
    for purchase in Purchase.objects.filter(state="created").select_related("organization"):
        purchases.follow(purchase)

    assert len(charges(stripe_account)) == first
    assert Purchase.objects.filter(state="paid").count() == first
    paid = set(Purchase.objects.filter(state="paid").values_list("organization_id", flat=True))
    assert {money(one) for one in organizations if one.pk in paid} == {(75_000_000, 0)}
    assert {money(one) for one in organizations if one.pk not in paid} == {(25_000_000, 0)}
    assert compare() == []

"""Somebody deletes a customer, or renames an organization, at the wrong moment: it can buy all the same."""

from collections.abc import Callable

import pytest

from accounts.models import Organization, User
from billing import auto_top_up_terms, comparing, customers, purchases
from billing.auto_top_up_terms import Terms
from billing.models import CreditLine, StripeCustomer
from billing.stripe_gateway.connection import StripeUnavailable
from tests.billing import bought
from tests.billing.on_account import DAY, OnAccount
from tests.stripe_account import StripeAccount
from tests.world import money

Run = Callable[[], int]


def test_a_deleted_customer_has_a_successor_who_buys(
    acme: Organization,
    stripe_account: StripeAccount,
    member_of: Callable[..., User],
    run_queue: Run,
) -> None:
    bought.bought(acme, member_of(acme), stripe_account, run_queue, cents=50_00)
    auto_top_up_terms.set_terms(
        acme,
        Terms(
            is_on=True,
            threshold_microusd=1_000_000,
            amount_cents=25_00,
            target_microusd=None,
            ceiling_cents=100_00,
        ),
        actor=member_of(acme),
    )
    before = StripeCustomer.objects.get()
    assert before.card_last4 == "4242"

    stripe_account.client.v1.customers.delete(before.stripe_id)
    bought.settle(stripe_account, run_queue)

    after = StripeCustomer.objects.get()
    assert after.stripe_id != before.stripe_id
    assert after.payment_method_id == ""  # the card went with the other one
    bought.bought(acme, member_of(acme), stripe_account, run_queue, cents=50_00)
    assert money(acme) == (125_000_000, 0)


def test_told_twice_there_is_one_successor(
    acme: Organization, stripe_account: StripeAccount
) -> None:
    before = customers.ensure(acme).stripe_id
    stripe_account.client.v1.customers.delete(before)

    renewed = customers.renew(before)

    assert customers.renew(before) == ""
    assert customers.ensure(acme).stripe_id == renewed
    assert customers.renew(renewed) == ""  # which lives


@pytest.mark.thorough
def test_what_was_used_on_account_is_asked_of_the_successor(on_account: OnAccount) -> None:
    on_account.approve()
    on_account.use(4_000_000)
    on_account.work()

    on_account.client.v1.customers.delete(on_account.customer_id)
    on_account.work()

    assert CreditLine.objects.get().closure == "operator"  # Stripe ended the subscription
    on_account.go_on(DAY)
    comparing.compare()
    on_account.go_on(DAY)
    invoice = on_account.invoice()
    assert (invoice.state, invoice.asked_cents) == ("open", 400)
    assert on_account.invoice_there().customer == on_account.customer_id


def test_renamed_after_an_answer_was_lost_it_can_buy(
    acme: Organization, stripe_account: StripeAccount
) -> None:
    stripe_account.control("faults", method="POST", path="/v1/customers", drop=True, after=True)
    begun = bought.begin(acme, 50_00)
    with pytest.raises(StripeUnavailable):
        purchases.open_checkout(begun)
    acme.name = "Acme Film"
    acme.save()
    begun.organization = acme

    assert purchases.open_checkout(begun).state == "open"

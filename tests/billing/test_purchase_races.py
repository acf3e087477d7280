"""Many at once: one purchase, one page, one payment, and never an older answer after a newer one."""

from collections.abc import Callable
from contextlib import suppress
from functools import partial
from threading import Event as Signal
from threading import Thread

import pytest
from django.db import connection

from accounts.models import Event, Organization
from billing import auto_top_up_terms, auto_top_ups, cards, customers, purchases
from billing.auto_top_up_terms import Terms
from billing.models import Purchase, Transfer
from billing.stripe_gateway.connection import StripeUnavailable
from tests.billing import bought
from tests.race import SECONDS_MAX, race
from tests.stripe_account import StripeAccount
from tests.world import make_user, money

pytestmark = pytest.mark.django_db(transaction=True)
TABS = 12


def thread(work: Callable[[], object]) -> Thread:
    def run() -> None:
        try:
            work()
        finally:
            connection.close()

    return Thread(target=run)


def test_many_tabs_at_once_make_one_purchase_and_one_page(
    acme: Organization, stripe_account: StripeAccount
) -> None:
    person = make_user()

    def press(tab: int) -> tuple[str, str]:
        """Stripe refuses a key that is in use this moment; the person presses again."""
        while True:
            with suppress(StripeUnavailable):
                purchase = purchases.begin(
                    acme,
                    amount_cents=50_00,
                    made_by=person,
                    token=f"form{tab % 3}",
                    last_paid_id="",
                )
                purchase = purchases.open_checkout(purchase)
                return purchase.id, purchase.session_url

    outcomes = race([partial(press, tab) for tab in range(TABS)])

    assert len(set(outcomes)) == 1
    assert Purchase.objects.count() == 1
    assert len(stripe_account.simulator.store.select("checkout.session")) == 1
    assert len(stripe_account.simulator.store.select("customer")) == 1


def test_many_followers_of_a_paid_one_give_its_credits_once(
    acme: Organization, stripe_account: StripeAccount
) -> None:
    purchase = purchases.open_checkout(bought.begin(acme, 200_00))
    stripe_account.press(purchase.session_id)

    race([partial(_follow, purchase.id) for _ in range(4)])

    assert money(acme) == (229_000_000, 0)
    assert Transfer.objects.filter(kind="deposit", reference=purchase.reference).count() == 1
    assert Event.objects.filter(type="purchase.succeeded").count() == 1


def _follow(purchase_id: str) -> object:
    return purchases.follow(Purchase.objects.get(pk=purchase_id)).state


def test_an_older_answer_is_asked_for_again(
    acme: Organization, stripe_account: StripeAccount
) -> None:
    """The first one reads an open dispute, and would write it when another has written that it was won."""
    purchase = bought.paid(acme, stripe_account, 50_00)
    dispute = bought.dispute(stripe_account, purchase)
    assert _follow(purchase.id) == "paid"
    assert money(acme) == (25_000_000, 0)
    has_read, may_write = Signal(), Signal()

    def wait_once(method: str, url: str) -> None:
        """After the last thing that a look asks for; the others pass."""
        if "/v1/disputes" in url and not has_read.is_set():
            has_read.set()
            assert may_write.wait(SECONDS_MAX)

    stripe_account.after_call = wait_once
    slow = thread(partial(_follow, purchase.id))
    slow.start()
    assert has_read.wait(SECONDS_MAX)
    stripe_account.control(f"disputes/{dispute}", status="won")
    _follow(purchase.id)
    assert purchase.reversals.get().state == "won"
    may_write.set()
    slow.join(SECONDS_MAX)

    assert purchase.reversals.get().state == "won"
    assert money(acme) == (75_000_000, 0)


def test_one_that_is_paid_while_another_takes_its_place_is_paid(
    acme: Organization, stripe_account: StripeAccount, run_queue: Callable[[], int]
) -> None:
    """Whoever replaces it finds Stripe's page complete when he comes to close it."""
    person = make_user()

    def begin(cents: int) -> Purchase:
        return purchases.open_checkout(
            purchases.begin(
                acme, amount_cents=cents, made_by=person, token=f"form{cents}", last_paid_id=""
            )
        )

    first = begin(50_00)
    is_closing = Signal()

    def pay_first(method: str, url: str) -> None:
        if url.endswith("/expire") and not is_closing.is_set():
            is_closing.set()
            payer = thread(partial(stripe_account.press, first.session_id))
            payer.start()
            payer.join(SECONDS_MAX)

    stripe_account.before_call = pay_first
    second = begin(60_00)
    run_queue()

    assert is_closing.is_set()
    first.refresh_from_db()
    second.refresh_from_db()
    assert (first.state, second.state) == ("paid", "open")
    assert money(acme) == (75_000_000, 0)


def test_fifty_that_look_at_once_make_one_charge(
    acme: Organization, stripe_account: StripeAccount, run_queue: Callable[[], int]
) -> None:
    bought.paid(acme, stripe_account, 50_00)
    cards.follow(customers.ensure(acme).stripe_id)
    terms = Terms(
        is_on=True,
        threshold_microusd=90_000_000,
        amount_cents=25_00,
        target_microusd=None,
        ceiling_cents=25_00,
    )
    auto_top_up_terms.set_terms(acme, terms, actor=make_user())

    outcomes = race([partial(auto_top_ups.consider, acme) for _ in range(50)], threads=16)
    run_queue()

    assert sum(outcome is not None for outcome in outcomes) == 1
    assert money(acme) == (100_000_000, 0)
    assert Purchase.objects.filter(origin="auto_top_up").count() == 1

"""Every state that can wait for Stripe has an owner, and gets unstuck though no webhook ever comes."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

import pytest
import time_machine
from django.utils import timezone
from django_q.models import OrmQ

from accounts.models import Organization, User
from billing import (
    auto_top_up_terms,
    cards,
    credit_lines,
    customers,
    purchases,
    refunds,
    sweeps,
    tasks,
)
from billing.auto_top_up_terms import Terms
from billing.models import CreditLine, Invoice, MeterEvent, Purchase, Reversal, StripeEvent
from tests.billing import bought, moves
from tests.stripe_account import StripeAccount, send
from tests.world import make_user, money

Sweep = Callable[[], None]


@pytest.fixture
def sweep(stripe_account: StripeAccount, run_queue: Callable[[], int]) -> Sweep:
    """What waited in the queue was lost; the clock strikes, and what it enqueues runs."""

    def strike() -> None:
        OrmQ.objects.all().delete()
        bought.lose_webhooks(stripe_account)
        sweeps.unstick()
        run_queue()

    return strike


@contextmanager
def later(account: StripeAccount, **time: float) -> Iterator[None]:
    """Here, and at Stripe, whose clock stays there."""
    with time_machine.travel(timezone.now() + timedelta(**time)):
        account.simulator.catch_up()
        yield


def top_up(acme: Organization, actor: User) -> None:
    terms = Terms(
        is_on=True,
        threshold_microusd=500_000_000,
        amount_cents=25_00,
        target_microusd=None,
        ceiling_cents=100_00,
    )
    auto_top_up_terms.set_terms(acme, terms, actor=actor)


def test_a_purchase_that_stripe_was_not_asked_for_gets_its_page(
    acme: Organization, stripe_account: StripeAccount, sweep: Sweep
) -> None:
    purchase = bought.begin(acme, 50_00)
    with later(stripe_account, minutes=2):
        sweep()

    purchase.refresh_from_db()
    assert purchase.state == "open"
    assert purchase.session_url


def test_one_that_stripe_could_not_be_asked_for_is_given_up_in_time(
    acme: Organization, stripe_account: StripeAccount, sweep: Sweep
) -> None:
    """There is no page then, so that the same amount is not kept from being bought."""
    purchase = bought.begin(acme, 50_00)
    stripe_account.control("faults", path="/v1/checkout/sessions", status=503)
    with later(stripe_account, minutes=2):
        sweep()
    assert Purchase.objects.get().state == "created"

    with later(stripe_account, minutes=90):
        sweep()

    purchase.refresh_from_db()
    assert (purchase.state, purchase.session_id) == ("expired", "")
    assert stripe_account.simulator.store.select("checkout.session") == []


def test_an_open_page_that_was_paid_gives_its_credits(
    acme: Organization, stripe_account: StripeAccount, sweep: Sweep
) -> None:
    purchase = purchases.open_checkout(bought.begin(acme, 50_00))
    stripe_account.press(purchase.session_id)
    with later(stripe_account, minutes=6):
        sweep()

    assert money(acme) == (75_000_000, 0)


def test_an_open_page_that_was_left_expires(
    acme: Organization, stripe_account: StripeAccount, sweep: Sweep
) -> None:
    purchase = purchases.open_checkout(bought.begin(acme, 50_00))
    with later(stripe_account, hours=3):
        sweep()

    purchase.refresh_from_db()
    assert purchase.state == "expired"


def test_a_page_that_another_replaced_is_closed_at_stripe(
    acme: Organization, stripe_account: StripeAccount, sweep: Sweep
) -> None:
    person = make_user()
    first, _ = (
        purchases.open_checkout(
            purchases.begin(
                acme, amount_cents=cents, made_by=person, token=f"form{cents}", last_paid_id=""
            )
        )
        for cents in (50_00, 60_00)
    )
    sweep()

    first.refresh_from_db()
    assert first.state == "expired"
    page = stripe_account.simulator.store.get(first.session_id) or {}
    assert page["status"] == "expired"


@pytest.mark.parametrize(("bank", "state"), [("", "paid"), ("insufficient_funds", "failed")])
def test_a_debit_that_took_days_is_followed(
    acme: Organization, stripe_account: StripeAccount, sweep: Sweep, bank: str, state: str
) -> None:
    purchase = purchases.open_checkout(bought.begin(acme, 50_00))
    stripe_account.press(purchase.session_id, "", method="us_bank_account", bank=bank)
    purchase = purchases.follow(purchase)
    assert (purchase.state, purchase.card_brand) == ("processing", "us_bank_account")

    with later(stripe_account, days=4):
        sweep()

    purchase.refresh_from_db()
    assert (purchase.state, purchase.failure_code) == (state, bank)
    assert money(acme)[0] == (75_000_000 if state == "paid" else 25_000_000)


def test_credits_below_the_threshold_are_topped_up(
    acme: Organization, stripe_account: StripeAccount, sweep: Sweep
) -> None:
    bought.paid(acme, stripe_account, 50_00)
    cards.follow(customers.ensure(acme).stripe_id)
    top_up(acme, make_user())

    sweep()

    assert money(acme) == (100_000_000, 0)


def test_a_charge_whose_answer_was_lost_is_the_same_charge(
    acme: Organization, stripe_account: StripeAccount, sweep: Sweep
) -> None:
    bought.paid(acme, stripe_account, 50_00)
    cards.follow(customers.ensure(acme).stripe_id)
    top_up(acme, make_user())
    stripe_account.control("faults", path="/v1/payment_intents", drop=True, after=True)
    sweep()
    assert Purchase.objects.get(origin="auto_top_up").state == "created"

    with later(stripe_account, minutes=2):
        sweep()

    assert money(acme) == (100_000_000, 0)
    assert Purchase.objects.get(origin="auto_top_up").state == "paid"
    assert len(stripe_account.simulator.store.select("payment_intent")) == 2


def test_a_refund_that_was_not_sent_is_sent(
    acme: Organization, stripe_account: StripeAccount, sweep: Sweep
) -> None:
    purchase = bought.paid(acme, stripe_account, 50_00)
    row = refunds.request(purchase, amount_cents=5_00, reason="late", actor=make_user())
    with later(stripe_account, minutes=2):
        sweep()

    row.refresh_from_db()
    assert row.state == "succeeded"


def test_a_refund_on_its_way_is_looked_at_once_a_day(
    acme: Organization, stripe_account: StripeAccount, sweep: Sweep, run_queue: Callable[[], int]
) -> None:
    purchase = bought.paid(acme, stripe_account, 50_00, bought.PENDING)
    row = refunds.request(purchase, amount_cents=5_00, reason="late", actor=make_user())
    run_queue()
    row.refresh_from_db()
    assert row.state == "pending"

    with later(stripe_account, hours=25):
        sweep()

    row.refresh_from_db()
    assert (row.state, row.due_at) == ("succeeded", None)


def test_a_dispute_is_looked_at_once_a_day(
    acme: Organization, stripe_account: StripeAccount, sweep: Sweep
) -> None:
    purchase = bought.paid(acme, stripe_account, 50_00)
    dispute = bought.dispute(stripe_account, purchase)
    purchases.follow(purchase)
    stripe_account.control(f"disputes/{dispute}", status="won")

    with later(stripe_account, hours=25):
        sweep()

    assert Reversal.objects.get().state == "won"
    assert money(acme) == (75_000_000, 0)


def test_a_line_that_is_opening_is_opened(
    acme: Organization, stripe_account: StripeAccount, sweep: Sweep
) -> None:
    credit_lines.approve(acme, limit_cents=100_00, net_days=14, actor=make_user())
    with later(stripe_account, minutes=2):
        sweep()

    assert CreditLine.objects.get().state == "open"
    assert money(acme) == (125_000_000, 0)


def test_an_invoice_is_completed_when_its_hour_has_come(
    acme: Organization, stripe_account: StripeAccount, sweep: Sweep
) -> None:
    with time_machine.travel(datetime.fromisoformat("2046-01-20T12:00:00+00:00")):
        credit_lines.approve(acme, limit_cents=100_00, net_days=14, actor=make_user())
    with time_machine.travel(datetime.fromisoformat("2046-01-20T12:02:00+00:00")):
        sweep()
        moves.used(acme, "work:1", 40_000_000)  # the $25.00 are burned first
        tasks.send_meter_events()
    with time_machine.travel(datetime.fromisoformat("2046-02-01T00:10:00+00:00")):
        stripe_account.simulator.catch_up()
        (made,) = stripe_account.simulator.store.select("invoice")
        tasks.follow_invoice(made["id"])
        assert Invoice.objects.get().state == "draft"
    with time_machine.travel(datetime.fromisoformat("2046-02-01T02:00:00+00:00")):
        sweep()

    invoice = Invoice.objects.get()
    assert (invoice.state, invoice.amount_cents) == ("open", 15_00)


def test_a_webhook_that_nobody_handled_is_handled(
    acme: Organization, stripe_account: StripeAccount, sweep: Sweep
) -> None:
    purchase = purchases.open_checkout(bought.begin(acme, 50_00))
    stripe_account.press(purchase.session_id)
    for delivery in stripe_account.waiting():
        send(delivery)
    Purchase.objects.update(due_at=timezone.now() + timedelta(days=1))  # its own owner is asleep

    with later(stripe_account, minutes=1):
        sweep()

    assert not StripeEvent.objects.exclude(state="handled").exists()
    assert money(acme) == (75_000_000, 0)


def test_a_meter_event_whose_sender_died_is_sent_once(
    acme: Organization, stripe_account: StripeAccount
) -> None:
    moves.used(acme, "work:1", 1_000_000)
    stripe_account.control("faults", path="/v1/billing/meter_events", drop=True, after=True)
    tasks.send_meter_events()
    assert MeterEvent.objects.get().state == "pending"

    with later(stripe_account, minutes=3):
        tasks.send_meter_events()

    assert MeterEvent.objects.get().state == "sent"
    (counted,) = stripe_account.web("GET", "/control/meter_events").json()["data"]
    assert counted["payload"]["value"] == "1000000"


def test_an_owner_that_fails_stops_no_other(
    acme: Organization, stripe_account: StripeAccount, sweep: Sweep, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail() -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(sweeps, "OWNERS", (fail, *sweeps.OWNERS))
    purchase = bought.begin(acme, 50_00)
    with later(stripe_account, minutes=2):
        sweep()

    purchase.refresh_from_db()
    assert purchase.state == "open"


def test_what_is_due_is_handed_out_once(acme: Organization, stripe_account: StripeAccount) -> None:
    bought.begin(acme, 50_00)
    with later(stripe_account, minutes=2):
        sweeps.unstick()
        sweeps.unstick()

    assert OrmQ.objects.count() == 1

"""A card that is declined: it is left alone for longer each time, then given up, and everybody is told why."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.core.mail import EmailMultiAlternatives
from django.utils import timezone

from accounts.models import Organization, User
from billing import auto_top_ups, purchases, sweeps
from billing.models import AutoTopUp, Purchase, StripeCustomer
from tests.billing.top_ups import (
    ASKS,
    DEAD,
    MASTERCARD,
    VISA,
    agree,
    charges,
    choose_card,
    save_card,
    told,
    top_ups,
)
from tests.stripe_account import ASKS as ASKING_NUMBER
from tests.stripe_account import StripeAccount
from tests.world import money

pytestmark = pytest.mark.thorough

RunQueue = Callable[[], int]
HOUR = timedelta(hours=1)
DEAD_IN_ANOTHER_WALLET = "pm_card_chargeCustomerFail"  # the same number, saved a second time


@pytest.fixture
def clock() -> Iterator[time_machine.Traveller]:
    with time_machine.travel(datetime(2026, 5, 11, 12, tzinfo=UTC)) as clock:
        yield clock


@pytest.fixture
def sweep(run_queue: RunQueue) -> Callable[[], None]:
    """What the clock does every few seconds, and the work that comes of it."""

    def run() -> None:
        sweeps.unstick()
        run_queue()

    return run


Sweep = Callable[[], None]


def pass_hours(clock: time_machine.Traveller, sweep: Sweep, hours: int) -> None:
    for _ in range(hours):
        clock.shift(HOUR)
        sweep()


def suspension() -> tuple[str, str]:
    top_up = AutoTopUp.objects.get()
    return top_up.suspension, top_up.suspended_fingerprint


def fingerprint() -> str:
    return StripeCustomer.objects.get().card_fingerprint


def test_a_declined_card_rests_an_hour_then_six_and_is_given_up_after_the_third(
    acme: Organization,
    stripe_account: StripeAccount,
    clock: time_machine.Traveller,
    sweep: Sweep,
    mailoutbox: list[EmailMultiAlternatives],
) -> None:
    save_card(stripe_account, acme, DEAD)
    agree(acme)

    counts = []
    for _ in range(12):
        sweep()
        sweep()
        counts.append(len(charges(stripe_account)))
        clock.shift(HOUR)

    assert counts == [1, 2, 2, 2, 2, 2, 2, 3, 3, 3, 3, 3]
    assert charges(stripe_account) == [("failed", 50_00)] * 3
    assert top_ups(acme) == [("failed", 50_00)] * 3
    assert money(acme) == (25_000_000, 0)
    assert suspension() == ("declined", fingerprint())
    assert told("auto_top_up.succeeded") == []


def test_each_decline_is_told_with_its_reason_and_the_next_attempt(
    acme: Organization,
    stripe_account: StripeAccount,
    clock: time_machine.Traveller,
    sweep: Sweep,
    mailoutbox: list[EmailMultiAlternatives],
) -> None:
    save_card(stripe_account, acme, DEAD)
    agree(acme)

    before = timezone.now()
    sweep()
    pass_hours(clock, sweep, 8)

    failed = Purchase.objects.order_by("id")
    first, second = told("auto_top_up.failed")
    assert [first["code"], second["code"]] == ["generic_decline"] * 2
    assert first["message"] == "Your card was declined."
    assert first["amount_usd"] == "50.0000"
    assert (first["purchase"], second["purchase"]) == (failed[0].id, failed[1].id)
    waits = [
        datetime.fromisoformat(said["next_attempt_at"]) - before - at * HOUR
        for said, at in ((first, 0), (second, 1))
    ]
    for wait, hours in zip(waits, (1, 6), strict=True):
        assert timedelta(0) <= wait - hours * HOUR < timedelta(minutes=1)
    [last] = told("auto_top_up.suspended")
    assert (last["code"], last["purchase"]) == ("declined", failed[2].id)

    assert [mail.subject for mail in mailoutbox] == [
        "Auto top-up: the card was declined (Acme)",
        "Auto top-up: the card was declined (Acme)",
        "Auto top-up is suspended (Acme)",
    ]
    assert "Your card was declined. You were not charged." in mailoutbox[0].body
    assert "Tried again after" in mailoutbox[0].body
    assert "The card was declined 3 times. It is not charged again" in mailoutbox[2].body


def test_what_was_declined_cannot_be_paid_any_more(
    acme: Organization, stripe_account: StripeAccount, sweep: Sweep
) -> None:
    save_card(stripe_account, acme, DEAD)
    agree(acme)

    sweep()

    [intent] = stripe_account.client.v1.payment_intents.list().data
    assert intent.status == "canceled"
    assert intent.id == Purchase.objects.get().intent_id


def test_another_number_resumes_and_pays(
    acme: Organization, stripe_account: StripeAccount, clock: time_machine.Traveller, sweep: Sweep
) -> None:
    save_card(stripe_account, acme, DEAD)
    agree(acme)
    sweep()
    pass_hours(clock, sweep, 8)
    assert suspension()[0] == "declined"

    save_card(stripe_account, acme, DEAD_IN_ANOTHER_WALLET)
    sweep()
    assert suspension()[0] == "declined"
    assert len(charges(stripe_account)) == 3

    save_card(stripe_account, acme, VISA)
    sweep()
    assert suspension() == ("", "")
    assert charges(stripe_account) == [*[("failed", 50_00)] * 3, ("succeeded", 50_00)]
    assert money(acme) == (75_000_000, 0)


def test_saving_the_terms_again_charges_no_card_that_was_given_up(
    acme: Organization, stripe_account: StripeAccount, clock: time_machine.Traveller, sweep: Sweep
) -> None:
    save_card(stripe_account, acme, DEAD)
    agree(acme)
    sweep()
    pass_hours(clock, sweep, 8)

    agree(acme, is_on=False)
    agree(acme, amount_cents=25_00)
    pass_hours(clock, sweep, 24)

    assert suspension()[0] == "declined"
    assert len(charges(stripe_account)) == 3


def test_a_dead_card_is_charged_three_times_ever_however_cards_are_swapped(
    acme: Organization, stripe_account: StripeAccount, clock: time_machine.Traveller, sweep: Sweep
) -> None:
    """A living card lets it go on; swapped back, the dead one is given up again before it is charged."""
    dead = save_card(stripe_account, acme, DEAD)
    agree(acme)
    sweep()
    pass_hours(clock, sweep, 8)
    assert len(charges(stripe_account)) == 3

    for number in range(4):
        alive = save_card(stripe_account, acme, (VISA, MASTERCARD)[number % 2])
        choose_card(stripe_account, acme, alive)
        assert suspension()[0] == ""
        choose_card(stripe_account, acme, dead)
        sweep()
        assert suspension() == ("declined", fingerprint())
        pass_hours(clock, sweep, 7)
    assert charges(stripe_account) == [("failed", 50_00)] * 3
    assert len(told("auto_top_up.suspended")) == 5

    choose_card(stripe_account, acme, alive)
    sweep()
    assert charges(stripe_account)[3:] == [("succeeded", 50_00)]


def test_two_dead_cards_in_turns_are_charged_three_times_each(
    acme: Organization, stripe_account: StripeAccount, clock: time_machine.Traveller, sweep: Sweep
) -> None:
    """Swapped before either is given up: each number's declines are its own."""
    dead = save_card(stripe_account, acme, DEAD)
    asks = save_card(stripe_account, acme, ASKS)
    agree(acme)

    for number in range(20):
        choose_card(stripe_account, acme, (dead, asks)[number % 2])
        sweep()
        clock.shift(7 * HOUR)

    by_number: dict[str, int] = {}
    for charge in stripe_account.client.v1.charges.list({"limit": 100}).auto_paging_iter():
        card = charge.payment_method_details.card  # type: ignore[union-attr]  # they are of cards
        by_number[str(card.last4)] = by_number.get(str(card.last4), 0) + 1  # type: ignore[union-attr]
    assert by_number == {"0341": 3, "3184": 3}
    assert money(acme) == (25_000_000, 0)


def test_a_payment_in_between_gives_a_card_its_three_chances_again(
    acme: Organization, stripe_account: StripeAccount
) -> None:
    """Counted from when it last paid, even if that purchase was begun before the declines."""
    save_card(stripe_account, acme)
    card, now = fingerprint(), timezone.now()

    def purchase(state: str, minutes: int, origin: str = "auto_top_up") -> Purchase:
        at = now + timedelta(minutes=minutes)
        return Purchase.objects.create(
            organization=acme,
            origin=origin,
            state=state,
            amount_cents=50_00,
            card_fingerprint=card,
            created_at=at,
            due_at=at,
        )

    opened = purchase("open", 0, "checkout")
    for minutes in (1, 2, 3):
        purchase("failed", minutes)
    assert auto_top_ups.declines_of(acme, card) == 3

    with time_machine.travel(now + timedelta(minutes=4)):
        opened = pay(stripe_account, opened, acme)
    assert opened.card_fingerprint == card
    assert auto_top_ups.declines_of(acme, card) == 0
    purchase("failed", 5)
    assert auto_top_ups.declines_of(acme, card) == 1


def pay(account: StripeAccount, purchase: Purchase, organization: Organization) -> Purchase:
    """A person pays it on Stripe's page with the card 4242."""
    Purchase.objects.filter(pk=purchase.pk).update(state="created")
    purchase.refresh_from_db()
    opened = purchases.open_checkout(purchase)
    account.press(opened.session_id)
    return purchases.follow(opened)


# -- The bank wants the person -------------------------------------------------------------------------


def test_a_bank_that_asks_suspends_at_once_and_mails_the_way_out(
    acme: Organization,
    stripe_account: StripeAccount,
    clock: time_machine.Traveller,
    sweep: Sweep,
    mailoutbox: list[EmailMultiAlternatives],
) -> None:
    save_card(stripe_account, acme, ASKS)
    agree(acme)

    sweep()
    pass_hours(clock, sweep, 24)

    assert len(charges(stripe_account)) == 1
    assert top_ups(acme) == [("failed", 50_00)]
    purchase = Purchase.objects.get()
    assert purchase.failure_code == "authentication_required"
    assert suspension() == ("authentication", fingerprint())
    assert told("auto_top_up.failed") == []
    [event] = told("auto_top_up.suspended")
    assert (event["code"], event["purchase"]) == ("authentication", purchase.id)
    [mail] = mailoutbox
    assert mail.subject == "Auto top-up is suspended (Acme)"
    assert "Your bank wants you to confirm the payment." in mail.body
    assert f"/billing/purchases/{purchase.id}" in mail.body
    assert money(acme) == (25_000_000, 0)


def buy(account: StripeAccount, organization: Organization, ann: User, number: str) -> Purchase:
    purchase = purchases.begin(
        organization, amount_cents=25_00, made_by=ann, token=f"form {number}", last_paid_id=""
    )
    purchase = purchases.open_checkout(purchase)
    account.press(purchase.session_id, number)
    if number == ASKING_NUMBER:
        page = f"/c/pay/{purchase.session_id}/authenticate"
        account.web("POST", page, data={"answer": "complete"})
    account.deliver()
    return purchase


def test_a_payment_by_the_person_with_that_card_resumes(
    acme: Organization,
    member_of: Callable[..., User],
    stripe_account: StripeAccount,
    clock: time_machine.Traveller,
    sweep: Sweep,
) -> None:
    save_card(stripe_account, acme, ASKS)
    agree(acme, threshold_usd=51)
    sweep()
    assert suspension()[0] == "authentication"

    buy(stripe_account, acme, member_of(acme), ASKING_NUMBER)
    sweep()
    assert Purchase.objects.filter(origin="checkout").get().state == "paid"
    assert money(acme) == (50_000_000, 0)

    # It is charged again, its bank asks again, and again nobody is there.
    sweep()
    assert len([status for status, cents in charges(stripe_account) if cents == 50_00]) == 2
    assert suspension()[0] == "authentication"
    assert len(told("auto_top_up.suspended")) == 2


def test_a_payment_with_another_card_makes_that_the_one_that_is_charged(
    acme: Organization,
    member_of: Callable[..., User],
    stripe_account: StripeAccount,
    sweep: Sweep,
) -> None:
    save_card(stripe_account, acme, ASKS)
    agree(acme, threshold_usd=51)
    sweep()
    assert suspension()[0] == "authentication"

    buy(stripe_account, acme, member_of(acme), "5555555555554444")
    sweep()
    sweep()

    assert suspension() == ("", "")
    assert top_ups(acme) == [("failed", 50_00), ("paid", 50_00)]
    assert money(acme) == (100_000_000, 0)


def test_a_person_who_pays_does_not_revive_a_card_that_was_declined(
    acme: Organization,
    member_of: Callable[..., User],
    stripe_account: StripeAccount,
    clock: time_machine.Traveller,
    sweep: Sweep,
) -> None:
    save_card(stripe_account, acme, DEAD)
    agree(acme)
    sweep()
    pass_hours(clock, sweep, 8)

    bought = buy(stripe_account, acme, member_of(acme), "4000000000000341")
    sweep()
    pass_hours(clock, sweep, 8)

    bought.refresh_from_db()
    assert (bought.state, bought.card_fingerprint) == ("paid", fingerprint())
    assert suspension()[0] == "declined"
    assert [status for status, cents in charges(stripe_account) if cents == 50_00] == ["failed"] * 3


# -- What is no decline -------------------------------------------------------------------------------


def test_a_debit_that_fails_days_later_ends_the_purchase_and_is_told(
    acme: Organization, stripe_account: StripeAccount, clock: time_machine.Traveller, sweep: Sweep
) -> None:
    """Nobody is there to pay it in another way: it does not stay in flight for ever."""
    save_card(stripe_account, acme)
    account_id = stripe_account.client.v1.payment_methods.attach(
        "pm_usBankAccount_insufficientFunds", {"customer": StripeCustomer.objects.get().stripe_id}
    ).id
    StripeCustomer.objects.update(payment_method_id=account_id)
    agree(acme)

    sweep()
    assert top_ups(acme) == [("processing", 50_00)]
    assert auto_top_ups.consider(acme) is None
    clock.shift(HOUR)
    sweep()

    assert top_ups(acme) == [("failed", 50_00)]
    [intent] = stripe_account.client.v1.payment_intents.list().data
    assert intent.status == "canceled"
    assert [event["code"] for event in told("auto_top_up.failed")] == ["insufficient_funds"]

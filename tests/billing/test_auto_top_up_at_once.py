"""Many at the same moment: settlements, sweeps, other terms. One top-up, within its ceiling."""

import threading
from collections.abc import Callable
from functools import partial

import pytest
from django.utils import timezone

from accounts.models import AuditEntry, Organization
from billing import auto_top_ups, purchases, sweeps, tasks
from billing.models import AutoTopUp, Purchase
from tests.billing.moves import used
from tests.billing.top_ups import agree, charges, save_card, top_ups
from tests.race import race
from tests.stripe_account import StripeAccount
from tests.world import money

pytestmark = pytest.mark.django_db(transaction=True)
RunQueue = Callable[[], int]


def test_fifty_settlements_near_the_threshold_make_one_top_up(
    acme: Organization, stripe_account: StripeAccount, run_queue: RunQueue
) -> None:
    """$25.00 falls to $15.00 past the threshold of $20.00, while everybody who may decide looks."""
    save_card(stripe_account, acme)
    agree(acme, threshold_usd=20, amount_cents=50_00)
    decided: list[Purchase] = []

    def consider() -> None:
        if purchase := auto_top_ups.consider(acme):
            decided.append(purchase)

    settle = [partial(used, acme, f"work:{number}", 200_000) for number in range(50)]
    beside = [consider, auto_top_ups.due, sweeps.charge_saved_cards] * 17
    mixed = [job for pair in zip(settle, beside, strict=False) for job in pair]
    race([*mixed, consider], threads=16)

    sweeps.charge_saved_cards()  # if all who looked had looked before it fell below

    assert money(acme) == (15_000_000, 0)
    assert Purchase.objects.count() == 1
    assert len(decided) <= 1  # else a sweep was quicker
    assert auto_top_ups.due() == []
    run_queue()
    assert charges(stripe_account) == [("succeeded", 50_00)]
    assert top_ups(acme) == [("paid", 50_00)]
    assert money(acme) == (65_000_000, 0)
    assert auto_top_ups.consider(acme) is None


def test_everybody_who_charges_it_at_once_charges_once(
    acme: Organization, stripe_account: StripeAccount, run_queue: RunQueue
) -> None:
    save_card(stripe_account, acme)
    agree(acme)
    purchase = auto_top_ups.consider(acme)
    assert purchase is not None

    race([partial(tasks.follow_purchase, purchase.id) for _ in range(8)])

    assert charges(stripe_account) == [("succeeded", 50_00)]
    assert money(acme) == (75_000_000, 0)


def test_a_decline_that_everybody_sees_at_once_is_one_decline(
    acme: Organization, stripe_account: StripeAccount, run_queue: RunQueue
) -> None:
    save_card(stripe_account, acme, "pm_card_chargeCustomerFail")
    agree(acme)
    purchase = auto_top_ups.consider(acme)
    assert purchase is not None

    race([partial(tasks.follow_purchase, purchase.id) for _ in range(8)])
    tasks.follow_purchase(purchase.id)

    assert charges(stripe_account) == [("failed", 50_00)]
    assert top_ups(acme) == [("failed", 50_00)]
    assert auto_top_ups.declines_of(acme, purchase.card_fingerprint) == 1


@pytest.mark.thorough
def test_terms_that_change_meanwhile_hold_whole_or_not_at_all(
    acme: Organization, stripe_account: StripeAccount, run_queue: RunQueue
) -> None:
    """A purchase has the amount of one of the terms, and with it that pack's bonus; once off, there is no other."""
    save_card(stripe_account, acme)
    bonus_of = {50_00: 0, 200_00: 4_000_000, 500_00: 20_000_000}

    for number in range(10):
        agree(acme, threshold_usd=10_000, amount_cents=50_00, ceiling_cents=1_000_000_00)
        consider = partial(auto_top_ups.consider, acme)
        terms = partial(agree, acme, threshold_usd=10_000, ceiling_cents=1_000_000_00)
        race(
            [
                *(consider, consider, partial(terms, amount_cents=200_00), consider),
                *(partial(terms, amount_cents=500_00), consider),
                *(partial(terms, amount_cents=200_00, is_on=False), consider),
            ]
        )
        last = AuditEntry.objects.filter(action="auto_top_up.set").latest("id")
        is_on = AutoTopUp.objects.get().is_on
        assert last.after["is_on"] == is_on
        before = Purchase.objects.count()
        auto_top_ups.consider(acme)
        assert Purchase.objects.count() <= before + is_on
        run_queue()
        assert Purchase.objects.filter(state="paid").count() <= number + 1

    bought = Purchase.objects.values_list("amount_cents", "bonus_microusd")
    assert 0 < len(bought) <= 10
    assert all(bonus_of[cents] == bonus for cents, bonus in bought)
    assert charges(stripe_account) == [("succeeded", cents) for cents, _ in bought.order_by("id")]


@pytest.mark.thorough
def test_two_hundred_rounds_at_the_ceiling_never_pass_it_by_a_cent(
    acme: Organization, stripe_account: StripeAccount, run_queue: RunQueue
) -> None:
    """Always below the threshold: whoever comes wants to charge, and pays at once what it has decided."""
    save_card(stripe_account, acme)
    ceiling_cents = 259_99
    agree(acme, threshold_usd=10_000, amount_cents=25_00, ceiling_cents=ceiling_cents)
    seen, lock = [0, 0], threading.Lock()

    def come() -> None:
        purchase = auto_top_ups.consider(acme)
        if purchase:
            purchases.follow(purchase)
        with lock:
            seen[0] += purchase is not None
            seen[1] = max(seen[1], auto_top_ups.charged_cents(acme, timezone.now()))

    race([come] * 200, threads=8)
    while purchase := auto_top_ups.consider(acme):
        purchases.follow(purchase)
        seen[0] += 1

    assert seen[0] == 10
    assert seen[1] <= 250_00
    assert charges(stripe_account) == [("succeeded", 25_00)] * 10
    assert money(acme) == (275_000_000, 0)


@pytest.mark.thorough
def test_rounds_in_which_the_ceiling_itself_moves_obey_the_one_that_stood(
    acme: Organization, stripe_account: StripeAccount, run_queue: RunQueue
) -> None:
    """It is raised and lowered while others decide: the sum is never above the highest that ever stood."""
    save_card(stripe_account, acme)
    terms = partial(agree, acme, threshold_usd=10_000, amount_cents=25_00)
    terms(ceiling_cents=25_00)

    come = partial(auto_top_ups.consider, acme)
    for number in range(1, 9):
        race([come, come, partial(terms, ceiling_cents=number * 25_00 + 24_99), come, come])
        come()
        run_queue()
        assert charges(stripe_account) == [("succeeded", 25_00)] * number
        race([come, partial(terms, ceiling_cents=25_00), come])
        run_queue()
        assert len(charges(stripe_account)) == number

"""The daily comparison: what lost webhooks left behind is mended, what cannot be is shown to a person."""

from collections.abc import Callable
from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone

from accounts.models import Organization
from billing import comparing, purchases, usage_reports
from billing.models import MeterEvent, Purchase, Reversal, StripeCheck
from billing.stripe_gateway.connection import StripeUnavailable
from tests.billing import bought, moves
from tests.stripe_account import StripeAccount
from tests.world import money

Run = Callable[[], int]


def test_equal_books_have_nothing_to_say(acme: Organization, stripe_account: StripeAccount) -> None:
    bought.paid(acme, stripe_account, 50_00)

    check = comparing.compare()

    assert (check.healed, check.differences) == ([], [])
    assert check.objects_count == 2  # the payment, and its line in the balance
    assert check.finished_at is not None


def test_a_day_without_webhooks_loses_nothing(
    acme: Organization, stripe_account: StripeAccount
) -> None:
    """One is paid, of another a part goes back, and a third is disputed: nobody told us."""
    new = purchases.open_checkout(bought.begin(acme, 100_00))
    refunded = bought.paid(acme, stripe_account, 60_00, form="form2")
    disputed = bought.paid(acme, stripe_account, 40_00, form="form3")
    stripe_account.press(new.session_id)
    stripe_account.client.v1.refunds.create({"payment_intent": refunded.intent_id, "amount": 10_00})
    bought.dispute(stripe_account, disputed)
    bought.lose_webhooks(stripe_account)

    check = comparing.compare()

    new.refresh_from_db()
    assert new.state == "paid"
    assert money(acme) == (175_000_000, 0)
    assert check.differences == []
    assert [line.partition(" ")[0] for line in check.healed] == [new.id, "refund", "dispute"]
    again = comparing.compare()
    assert (again.healed, again.differences) == ([], [])


def test_a_refund_that_fails_long_after_it_was_made_is_found(
    acme: Organization, stripe_account: StripeAccount
) -> None:
    """Only its new line in Stripe's balance is of today."""
    purchase = bought.paid(acme, stripe_account, 50_00)
    refund = stripe_account.client.v1.refunds.create(
        {"payment_intent": purchase.intent_id, "amount": 20_00}
    )
    purchases.follow(purchase)
    assert money(acme) == (55_000_000, 0)
    stripe_account.control("advance", seconds=20 * 86_400)
    stripe_account.control(f"refunds/{refund.id}", status="failed")

    with time_machine.travel(timezone.now() + timedelta(days=20)):
        check = comparing.compare(since=timezone.now() - timedelta(days=2))

    assert check.healed == [f"the refund of {refund.id} is in {purchase.id}"]
    assert check.differences == []
    assert money(acme) == (75_000_000, 0)


def test_a_payment_for_an_unknown_purchase_is_shown(
    acme: Organization, stripe_account: StripeAccount
) -> None:
    made = stripe_account.client.v1.payment_intents.create(
        {
            "amount": 50_00,
            "currency": "usd",
            "payment_method": "pm_card_visa",
            "allowed_payment_method_types": ["card"],
            "confirm": True,
            "metadata": {"purchase": "pur_nobody"},
        }
    )

    check = comparing.compare()

    assert check.differences == [f"{made.id} is for a purchase that is unknown here"]
    assert check.healed == []


def test_a_second_payment_for_the_same_purchase_is_shown_and_gives_nothing(
    acme: Organization, stripe_account: StripeAccount
) -> None:
    purchase = bought.paid(acme, stripe_account, 50_00)
    made = stripe_account.client.v1.payment_intents.create(
        {
            "amount": 50_00,
            "currency": "usd",
            "payment_method": "pm_card_visa",
            "allowed_payment_method_types": ["card"],
            "confirm": True,
            "metadata": {"purchase": purchase.id},
        }
    )

    check = comparing.compare()

    assert check.differences == [
        f"{made.id} has 5000 cents, and {purchase.id} is paid with 5000 by {purchase.intent_id}"
    ]
    assert money(acme) == (75_000_000, 0)


def test_one_that_cannot_be_followed_does_not_hide_the_others(
    acme: Organization, rival: Organization, stripe_account: StripeAccount
) -> None:
    """Somebody raised the first one's price in our database; the second is paid as usual."""
    odd = purchases.open_checkout(bought.begin(acme, 50_00))
    good = purchases.open_checkout(bought.begin(rival, 50_00))
    for purchase in (odd, good):
        stripe_account.press(purchase.session_id)
    Purchase.objects.filter(pk=odd.pk).update(amount_cents=60_00)

    check = comparing.compare()

    assert len(check.differences) == 1
    assert odd.id in check.differences[0]
    assert check.healed == [f"{good.id} is paid"]
    assert (money(acme), money(rival)) == ((25_000_000, 0), (55_000_000, 0))


def test_one_that_broke_off_is_made_up_for(
    acme: Organization, stripe_account: StripeAccount
) -> None:
    first = comparing.compare()
    stripe_account.control("faults", path="/v1/balance_transactions", status=503)
    with pytest.raises(StripeUnavailable):
        comparing.compare()

    third = comparing.compare()

    assert third.since == first.started_at - comparing.OVERLAP
    assert StripeCheck.objects.filter(finished_at=None).count() == 1


# -- usage ------------------------------------------------------------------------------------------


def later(hours: int) -> time_machine.travel:
    return time_machine.travel(timezone.now() + timedelta(hours=hours))


def test_usage_that_stripe_does_not_count_is_sent_again(
    acme: Organization, stripe_account: StripeAccount, run_queue: Run
) -> None:
    moves.used(acme, "work:1", 1_000_000)
    moves.used(acme, "work:2", 2_000_000)
    usage_reports.send_due(seconds_max=5)
    stripe_account.simulator.store.connection.execute(
        "DELETE FROM meter_events WHERE value = '2000000'"
    )

    with later(3):
        stripe_account.control("advance", seconds=3 * 3600)
        comparing.compare()
        run_queue()
        (check,) = StripeCheck.objects.filter(subject="usage")
        assert "counts 1000000 and was told 3000000; 2 are sent again" in check.differences[0]
        usage_reports.send_due(seconds_max=5)
        comparing.compare()
        run_queue()

    assert StripeCheck.objects.filter(subject="usage").count() == 1
    assert set(MeterEvent.objects.values_list("state", flat=True)) == {"sent"}


def test_usage_whose_answer_was_lost_is_no_difference(
    acme: Organization, stripe_account: StripeAccount, run_queue: Run
) -> None:
    moves.used(acme, "work:1", 1_000_000)
    usage_reports.send_due(seconds_max=5)
    moves.used(acme, "work:2", 2_000_000)
    stripe_account.control("faults", path="/v1/billing/meter_events", drop=True, after=True)
    usage_reports.send_due(seconds_max=5)
    assert MeterEvent.objects.filter(state="pending").count() == 1

    with later(3):
        stripe_account.control("advance", seconds=3 * 3600)
        comparing.compare()
        run_queue()

    assert not StripeCheck.objects.filter(subject="usage").exists()


def test_usage_is_compared_as_far_back_as_money_is(
    acme: Organization, stripe_account: StripeAccount, run_queue: Run
) -> None:
    """No comparison ran for five days: what was used in the first of them is looked at all the same."""
    comparing.compare()
    moves.used(acme, "work:1", 1_000_000)
    usage_reports.send_due(seconds_max=5)
    stripe_account.simulator.store.connection.execute("DELETE FROM meter_events")

    with later(5 * 24):
        stripe_account.control("advance", seconds=5 * 86_400)
        comparing.compare()
        run_queue()

    (check,) = StripeCheck.objects.filter(subject="usage")
    assert "counts 0 and was told 1000000; 0 are sent again" in check.differences[0]


def test_refunds_of_ours_that_wait_are_not_the_comparison_s_to_send(
    acme: Organization, stripe_account: StripeAccount
) -> None:
    purchase = bought.paid(acme, stripe_account, 50_00)
    Reversal.objects.create(
        purchase=purchase, kind="refund", state="failed", amount_cents=1, reason="undone"
    )

    assert comparing.compare().healed == []
    assert stripe_account.simulator.store.select("refund") == []

"""A line that the operator closes, or Stripe ends: all that was used is still asked for, once."""

from datetime import timedelta

import pytest

from billing import comparing, credit_lines, invoice_sums, tasks
from billing.models import CreditLine, StripeCheck
from billing.stripe_gateway.connection import StripeUnavailable
from tests.billing.on_account import DAY, FEBRUARY, MARCH, OnAccount

pytestmark = pytest.mark.thorough


def test_closed_by_the_operator_the_last_invoice_still_comes(on_account: OnAccount) -> None:
    on_account.approve(limit_usd=100)
    on_account.use(4_000_000)
    running = on_account.hold(6_000_000)
    on_account.work()

    on_account.close()
    on_account.work()

    assert on_account.available() == (0, 6_000_000)
    assert on_account.subscriptions() == [("active", True)]
    on_account.settle(running, 5_000_000)
    assert on_account.available() == (0, 0)
    on_account.work()
    invoice = on_account.end_month()
    assert (invoice.state, invoice.asked_cents) == ("open", 900)
    assert on_account.subscriptions() == [("canceled", True)]
    on_account.pay()
    assert (on_account.invoice().state, on_account.line.state) == ("paid", "closed")
    assert on_account.available() == (0, 0)
    assert on_account.receivable() == 0


def test_what_ends_after_the_last_month_has_an_invoice_of_its_own(on_account: OnAccount) -> None:
    on_account.approve(limit_usd=100)
    running = on_account.hold(6_000_000)
    on_account.close()
    on_account.work()
    assert on_account.end_month().asked_cents == 0
    comparing.compare()
    assert on_account.organization.invoices.count() == 1  # it may still come to nothing

    on_account.settle(running, 5_000_000)
    on_account.go_on(DAY)
    comparing.compare()
    comparing.compare()
    on_account.go_on(timedelta(hours=2))

    invoice = on_account.invoice()
    assert (invoice.state, invoice.asked_cents) == ("open", 500)
    assert on_account.lines_there() == [500]
    assert on_account.organization.invoices.count() == 2
    on_account.pay()
    on_account.go_on(DAY)
    comparing.compare()
    assert on_account.organization.invoices.count() == 2
    assert on_account.receivable() == 0


def test_a_lost_end_is_made_good_within_a_day(on_account: OnAccount) -> None:
    on_account.approve()
    on_account.account.control(
        "faults", calls=[{"path": "/v1/subscriptions/*", "times": 1, "status": 503}]
    )
    on_account.close()
    with pytest.raises(StripeUnavailable):
        on_account.run_queue()
    assert on_account.subscriptions() == [("active", False)]

    comparing.compare()

    assert on_account.subscriptions() == [("active", True)]


def test_opened_again_in_the_same_month_the_subscription_goes_on(on_account: OnAccount) -> None:
    on_account.approve(limit_usd=100)
    on_account.use(4_000_000)
    on_account.close()
    on_account.work()

    on_account.approve(limit_usd=50)
    on_account.work()

    assert on_account.subscriptions() == [("active", False)]
    assert on_account.available() == (46_000_000, 0)
    assert on_account.end_month().asked_cents == 400
    assert on_account.line.state == "open"


def test_an_end_that_comes_late_does_not_end_what_was_opened_again(
    on_account: OnAccount,
) -> None:
    subscription_id = on_account.approve().subscription_id
    credit_lines.close(on_account.organization, CreditLine.Closure.OPERATOR)
    on_account.approve()

    tasks.end_line(subscription_id)

    assert on_account.subscriptions() == [("active", False)]
    assert on_account.line.state == "open"


def test_opened_again_later_it_has_another_subscription_and_all_is_asked_for(
    on_account: OnAccount,
) -> None:
    on_account.approve(limit_usd=100)
    running = on_account.hold(7_000_000)
    on_account.use(4_000_000)
    on_account.close()
    on_account.work()
    on_account.go_to(FEBRUARY + timedelta(minutes=1))
    on_account.settle(running, 6_000_000)

    on_account.approve(limit_usd=50)
    on_account.use(1_000_000)
    on_account.work()

    assert on_account.subscriptions() == [("canceled", True), ("active", False)]
    assert on_account.available() == (39_000_000, 0)
    on_account.go_to(FEBRUARY + timedelta(minutes=70))
    assert on_account.invoice().asked_cents == 400
    assert on_account.end_month(MARCH).asked_cents == 700


def test_usage_seconds_before_a_subscription_begins_is_asked_for_with_its_first_invoice(
    on_account: OnAccount,
) -> None:
    """Stripe bills from the second in which it began, and adds up whole minutes only."""
    on_account.approve(limit_usd=100)
    running = on_account.hold(7_000_000)
    on_account.close()
    on_account.work()
    on_account.go_to(FEBRUARY + timedelta(minutes=1))
    on_account.settle(running, 6_000_000)

    on_account.clock.shift(timedelta(seconds=20))
    on_account.approve(limit_usd=50)
    on_account.use(1_000_000)
    on_account.work()

    assert on_account.end_month(MARCH).asked_cents == 700


def test_ended_at_stripe_the_line_is_closed_and_the_rest_is_asked_for(
    on_account: OnAccount,
) -> None:
    line = on_account.approve(limit_usd=100)
    on_account.use(4_000_000)
    on_account.work()

    on_account.client.v1.subscriptions.cancel(line.subscription_id)
    on_account.work()

    assert (on_account.line.state, on_account.line.closure) == ("closed", "operator")
    assert on_account.available() == (0, 0)
    on_account.go_on(DAY)
    comparing.compare()
    on_account.go_on(timedelta(hours=2))
    assert (on_account.invoice().state, on_account.invoice().asked_cents) == ("open", 400)


def test_ended_at_stripe_with_an_invoice_nothing_is_asked_for_twice(
    on_account: OnAccount,
) -> None:
    line = on_account.approve(limit_usd=100)
    on_account.use(4_000_000)
    on_account.work()
    on_account.go_on(timedelta(hours=3))

    on_account.client.v1.subscriptions.cancel(line.subscription_id, {"invoice_now": True})
    for _ in range(3):
        on_account.work()
        on_account.go_on(DAY)
        comparing.compare()

    assert [row.asked_cents for row in on_account.organization.invoices.all()] == [400]
    assert on_account.lines_there() == [400]


def test_ended_at_stripe_without_a_webhook_it_is_found_within_a_day(
    on_account: OnAccount,
) -> None:
    line = on_account.approve()
    on_account.account.control("faults", webhooks={"off": True})
    on_account.client.v1.subscriptions.cancel(line.subscription_id)

    comparing.compare()

    assert on_account.line.state == "closed"
    assert StripeCheck.objects.latest("id").healed == [
        f"the line of {line.pk} is closed: its subscription has ended"
    ]
    assert comparing.compare().differences == []


def test_opened_again_with_an_overdue_invoice_it_waits_for_that(on_account: OnAccount) -> None:
    on_account.approve(limit_usd=100, net_days=0)
    on_account.use(4_000_000)
    on_account.work()
    on_account.end_month()
    on_account.go_on(timedelta(hours=3))
    assert on_account.line.closure == "unpaid"
    on_account.close()
    on_account.approve(limit_usd=50)
    on_account.work()
    assert (on_account.line.state, on_account.line.closure) == ("closed", "unpaid")

    on_account.pay()

    assert on_account.line.state == "open"
    assert on_account.available() == (50_000_000, 0)


def test_a_last_draft_that_somebody_deletes_is_made_again(on_account: OnAccount) -> None:
    """Counted already when our process died; the next comparison asks for the same again, once."""
    line = on_account.approve(limit_usd=100)
    on_account.use(4_000_000)
    on_account.work()
    on_account.client.v1.subscriptions.cancel(line.subscription_id)
    on_account.work()
    on_account.go_on(DAY)
    comparing.compare()
    draft = on_account.invoice()
    assert draft.state == "draft"
    invoice_sums.count(draft)
    on_account.client.v1.invoices.delete(draft.stripe_id)

    on_account.go_on(timedelta(hours=2))
    assert on_account.organization.invoices.count() == 0
    on_account.go_on(DAY)
    comparing.compare()
    on_account.go_on(timedelta(hours=2))

    assert [row.asked_cents for row in on_account.organization.invoices.all()] == [400]
    assert on_account.lines_there() == [400]

"""A line: opened, raised, lowered, closed. What is available follows from what is held, used and paid."""

from datetime import timedelta

import pytest

from accounts.models import AuditEntry
from billing import comparing, credit_lines, tasks
from billing.errors import InsufficientCredits, SandboxPaysNothing
from billing.models import CreditLine, Grant, StripeCheck, Transfer
from billing.stripe_gateway.connection import StripeUnavailable
from seedance_saas.errors import InvalidRequest
from tests.billing.on_account import DAY, FEBRUARY, MARCH, OnAccount
from tests.world import deposit, money


def subscriptions(on_account: OnAccount) -> list[tuple[str, bool]]:
    """(status, whether it ends with the month), the oldest first."""
    found = on_account.client.v1.subscriptions.list(
        {"customer": on_account.customer_id, "status": "all"}
    )
    return [(one.status, one.cancel_at_period_end) for one in reversed(found.data)]


def available(on_account: OnAccount) -> tuple[int, int]:
    """(available, held) of the line, in micro-dollars; and the books agree."""
    on_account.agrees()
    now = on_account.standing
    assert money(on_account.organization) == (now.available_microusd, now.held_microusd)
    return now.available_microusd, now.held_microusd


# -- opened -------------------------------------------------------------------------------------------


def test_an_approved_line_can_be_used_when_its_subscription_is_there(
    on_account: OnAccount,
) -> None:
    line = credit_lines.approve(
        on_account.organization, limit_cents=100_00, net_days=30, actor=on_account.operator
    )
    assert line.state == "opening"
    assert not Grant.objects.exists()

    on_account.run_queue()

    assert on_account.line.state == "open"
    assert available(on_account) == (100_000_000, 0)
    (found,) = on_account.client.v1.subscriptions.list({"customer": on_account.customer_id}).data
    assert (found.collection_method, found.days_until_due) == ("send_invoice", 30)
    assert found["items"].data[0].current_period_end == FEBRUARY.timestamp()
    audit = AuditEntry.objects.get(action="credit_line.approved")
    assert (audit.before, audit.after["limit_usd"]) == ({}, "100.0000")


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"limit_cents": 0}, "limit_usd"),
        ({"limit_cents": -1}, "limit_usd"),
        ({"limit_cents": credit_lines.LIMIT_CENTS_MAX + 1}, "limit_usd"),
        ({"net_days": -1}, "net_days"),
        ({"net_days": 91}, "net_days"),
    ],
)
def test_terms_out_of_limits_leave_nothing_behind(
    on_account: OnAccount, fields: dict[str, int], param: str
) -> None:
    with pytest.raises(InvalidRequest) as refused:
        credit_lines.approve(
            on_account.organization,
            actor=on_account.operator,
            **{"limit_cents": 100_00, "net_days": 30, **fields},
        )

    assert refused.value.param == param
    assert not CreditLine.objects.exists()


def test_a_sandbox_has_no_line(on_account: OnAccount) -> None:
    on_account.organization.is_sandbox = True

    with pytest.raises(SandboxPaysNothing):
        on_account.approve()

    assert not CreditLine.objects.exists()


def test_a_lost_task_and_a_lost_answer_make_one_subscription(on_account: OnAccount) -> None:
    on_account.account.control(
        "faults",
        calls=[
            {"method": "POST", "path": "/v1/subscriptions", "times": 1, "drop": True, "after": True}
        ],
    )
    assert on_account.approve().state == "opening"

    on_account.go_on(timedelta(minutes=2))

    assert on_account.line.state == "open"
    assert subscriptions(on_account) == [("active", False)]


def test_two_tasks_at_once_make_one_subscription(on_account: OnAccount) -> None:
    """The second one asks before the first has its answer, and after a sweep has touched the row."""
    credit_lines.approve(
        on_account.organization, limit_cents=100_00, net_days=30, actor=on_account.operator
    )
    line = on_account.line
    on_account.account.before_call = lambda method, url: (
        second() if method == "post" and url.endswith("/v1/subscriptions") else None
    )

    def second() -> None:
        on_account.account.before_call = lambda method, url: None
        CreditLine.objects.update(due_at=line.due_at and line.due_at + DAY)
        tasks.open_line(on_account.organization.pk)

    credit_lines.open(line)

    assert subscriptions(on_account) == [("active", False)]
    assert on_account.line.state == "open"
    assert available(on_account) == (100_000_000, 0)


def test_closed_while_it_opens_it_leaves_no_living_subscription(on_account: OnAccount) -> None:
    credit_lines.approve(
        on_account.organization, limit_cents=100_00, net_days=30, actor=on_account.operator
    )
    on_account.account.after_call = lambda method, url: (
        on_account.close() if method == "post" and url.endswith("/v1/subscriptions") else None
    )

    on_account.run_queue()

    assert on_account.line.state == "closed"
    assert subscriptions(on_account) == [("active", True)]
    assert not Grant.objects.exists()


# -- used ---------------------------------------------------------------------------------------------


def test_credits_of_ones_own_are_used_first_and_never_invoiced(on_account: OnAccount) -> None:
    on_account.approve(limit_usd=100)
    deposit(on_account.organization, "1.00", kind=Grant.Kind.PROMOTIONAL)
    deposit(on_account.organization, "2.00")

    reference = on_account.use(4_500_000, held=6_000_000)

    captures = Transfer.objects.filter(reference=reference, kind="capture").order_by("number")
    assert [(row.grant.kind, row.amount_microusd) for row in captures if row.grant] == [
        ("promotional", 1_000_000),
        ("purchased", 2_000_000),
        ("invoice", 1_500_000),
    ]
    assert {event.meter: event.value_microusd for event in on_account.events()} == {
        "usage": 4_500_000,
        "invoiced": 1_500_000,
    }
    assert on_account.left == 98_500_000


def test_not_a_micro_dollar_more_than_the_limit_is_held(on_account: OnAccount) -> None:
    on_account.approve(limit_usd=10)
    on_account.use(3_000_000)
    on_account.hold(7_000_000)

    with pytest.raises(InsufficientCredits):
        on_account.hold(1)

    assert available(on_account) == (0, 7_000_000)


# -- raised and lowered -------------------------------------------------------------------------------


def test_a_raised_limit_gives_the_difference(on_account: OnAccount) -> None:
    on_account.approve(limit_usd=10)
    on_account.use(4_000_000)

    on_account.approve(limit_usd=25)

    assert available(on_account) == (21_000_000, 0)
    assert subscriptions(on_account) == [("active", False)]


def test_a_limit_lowered_above_what_is_open_takes_the_difference(on_account: OnAccount) -> None:
    on_account.approve(limit_usd=100)
    on_account.use(4_000_000)
    on_account.hold(5_000_000)

    on_account.approve(limit_usd=10)

    assert available(on_account) == (1_000_000, 5_000_000)


def test_a_limit_lowered_below_what_is_held_touches_nothing_that_runs(
    on_account: OnAccount,
) -> None:
    on_account.approve(limit_usd=100)
    on_account.use(4_000_000)
    first, second = on_account.hold(6_000_000), on_account.hold(8_000_000)

    on_account.approve(limit_usd=10)  # 18 are open or held

    assert available(on_account) == (0, 14_000_000)
    on_account.settle(first, 1_000_000)  # 13 then
    assert available(on_account) == (0, 8_000_000)
    on_account.settle(second, 2_000_000)  # 7 then
    assert available(on_account) == (3_000_000, 0)
    with pytest.raises(InsufficientCredits):
        on_account.hold(3_000_001)


def test_a_limit_that_is_lowered_and_raised_again_ends_where_it_began(
    on_account: OnAccount,
) -> None:
    on_account.approve(limit_usd=100)
    running = on_account.hold(50_000_000)
    on_account.approve(limit_usd=10)
    on_account.approve(limit_usd=100)
    assert available(on_account) == (50_000_000, 50_000_000)

    on_account.settle(running, 20_000_000)

    assert available(on_account) == (80_000_000, 0)


def test_adjusting_again_moves_nothing(on_account: OnAccount) -> None:
    on_account.approve(limit_usd=100)
    on_account.use(4_000_000)
    count = Transfer.objects.count()

    credit_lines.follow_invoices(on_account.organization)

    assert Transfer.objects.count() == count


# -- closed -------------------------------------------------------------------------------------------


def test_closed_by_the_operator_the_last_invoice_still_comes(on_account: OnAccount) -> None:
    on_account.approve(limit_usd=100)
    on_account.use(4_000_000)
    running = on_account.hold(6_000_000)
    on_account.work()

    on_account.close()
    on_account.work()

    assert available(on_account) == (0, 6_000_000)
    assert subscriptions(on_account) == [("active", True)]
    on_account.settle(running, 5_000_000)
    assert available(on_account) == (0, 0)
    on_account.work()
    invoice = on_account.end_month()
    assert (invoice.state, invoice.asked_cents) == ("open", 900)
    assert subscriptions(on_account) == [("canceled", True)]
    on_account.pay()
    assert (on_account.invoice().state, on_account.line.state) == ("paid", "closed")
    assert available(on_account) == (0, 0)
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
    assert subscriptions(on_account) == [("active", False)]

    comparing.compare()

    assert subscriptions(on_account) == [("active", True)]


def test_opened_again_in_the_same_month_the_subscription_goes_on(on_account: OnAccount) -> None:
    on_account.approve(limit_usd=100)
    on_account.use(4_000_000)
    on_account.close()
    on_account.work()

    on_account.approve(limit_usd=50)
    on_account.work()

    assert subscriptions(on_account) == [("active", False)]
    assert available(on_account) == (46_000_000, 0)
    assert on_account.end_month().asked_cents == 400
    assert on_account.line.state == "open"


def test_an_end_that_comes_late_does_not_end_what_was_opened_again(
    on_account: OnAccount,
) -> None:
    subscription_id = on_account.approve().subscription_id
    credit_lines.close(on_account.organization, CreditLine.Closure.OPERATOR)
    on_account.approve()

    tasks.end_line(subscription_id)

    assert subscriptions(on_account) == [("active", False)]
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

    assert subscriptions(on_account) == [("canceled", True), ("active", False)]
    assert available(on_account) == (39_000_000, 0)
    on_account.go_to(FEBRUARY + timedelta(minutes=70))
    assert on_account.invoice().asked_cents == 400
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
    assert available(on_account) == (0, 0)
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
    assert available(on_account) == (50_000_000, 0)

"""A line: opened, raised, lowered. What is available follows from what is held, used and paid."""

from datetime import timedelta

import pytest

from accounts.models import AuditEntry
from billing import credit_lines, tasks
from billing.errors import InsufficientCredits, SandboxPaysNothing
from billing.models import CreditLine, Grant, Transfer
from seedance_saas.errors import InvalidRequest
from tests.billing.on_account import DAY, FEBRUARY, OnAccount
from tests.world import deposit

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
    assert on_account.available() == (100_000_000, 0)
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
            limit_cents=fields.get("limit_cents", 100_00),
            net_days=fields.get("net_days", 30),
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
    assert on_account.subscriptions() == [("active", False)]


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

    assert on_account.subscriptions() == [("active", False)]
    assert on_account.line.state == "open"
    assert on_account.available() == (100_000_000, 0)


def test_closed_while_it_opens_it_leaves_no_living_subscription(on_account: OnAccount) -> None:
    credit_lines.approve(
        on_account.organization, limit_cents=100_00, net_days=30, actor=on_account.operator
    )
    on_account.account.after_call = lambda method, url: (
        on_account.close() if method == "post" and url.endswith("/v1/subscriptions") else None
    )

    on_account.run_queue()

    assert on_account.line.state == "closed"
    assert on_account.subscriptions() == [("active", True)]
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

    assert on_account.available() == (0, 7_000_000)


# -- raised and lowered -------------------------------------------------------------------------------


def test_a_raised_limit_gives_the_difference(on_account: OnAccount) -> None:
    on_account.approve(limit_usd=10)
    on_account.use(4_000_000)

    on_account.approve(limit_usd=25)

    assert on_account.available() == (21_000_000, 0)
    assert on_account.subscriptions() == [("active", False)]


def test_a_limit_lowered_above_what_is_open_takes_the_difference(on_account: OnAccount) -> None:
    on_account.approve(limit_usd=100)
    on_account.use(4_000_000)
    on_account.hold(5_000_000)

    on_account.approve(limit_usd=10)

    assert on_account.available() == (1_000_000, 5_000_000)


def test_a_limit_lowered_below_what_is_held_touches_nothing_that_runs(
    on_account: OnAccount,
) -> None:
    on_account.approve(limit_usd=100)
    on_account.use(4_000_000)
    first, second = on_account.hold(6_000_000), on_account.hold(8_000_000)

    on_account.approve(limit_usd=10)  # 18 are open or held

    assert on_account.available() == (0, 14_000_000)
    on_account.settle(first, 1_000_000)  # 13 then
    assert on_account.available() == (0, 8_000_000)
    on_account.settle(second, 2_000_000)  # 7 then
    assert on_account.available() == (3_000_000, 0)
    with pytest.raises(InsufficientCredits):
        on_account.hold(3_000_001)


def test_a_limit_that_is_lowered_and_raised_again_ends_where_it_began(
    on_account: OnAccount,
) -> None:
    on_account.approve(limit_usd=100)
    running = on_account.hold(50_000_000)
    on_account.approve(limit_usd=10)
    on_account.approve(limit_usd=100)
    assert on_account.available() == (50_000_000, 50_000_000)

    on_account.settle(running, 20_000_000)

    assert on_account.available() == (80_000_000, 0)


def test_adjusting_again_moves_nothing(on_account: OnAccount) -> None:
    on_account.approve(limit_usd=100)
    on_account.use(4_000_000)
    count = Transfer.objects.count()

    credit_lines.follow_invoices(on_account.organization)

    assert Transfer.objects.count() == count

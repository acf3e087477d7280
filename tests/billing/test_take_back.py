"""What an operator does not charge: the line is as if it had never been used."""

from collections.abc import Callable

import pytest

from accounts.models import Organization, User
from billing import credit_lines, usage_reports
from billing.models import CreditLine, MeterEvent, Transfer
from tests.billing.moves import used
from tests.stripe_account import StripeAccount
from tests.world import make_user, money


@pytest.fixture
def ann(db: None) -> User:
    return make_user("ann@operator.example")


@pytest.fixture
def customer(
    make_organization: Callable[..., Organization],
    ann: User,
    stripe_account: StripeAccount,
    run_queue: Callable[[], int],
) -> Organization:
    """Has a line of $100.00, and has used $10.00 and $5.00 of it."""
    organization = make_organization("Acme", credits_usd="0")
    credit_lines.approve(organization, limit_cents=100_00, net_days=30, actor=ann)
    run_queue()
    used(organization, "work:1", 10_000_000)
    used(organization, "work:2", 5_000_000)
    return organization


def standing() -> credit_lines.Standing:
    return credit_lines.standing(CreditLine.objects.select_related("organization").get())


def test_it_is_neither_open_nor_missing_from_the_line(customer: Organization, ann: User) -> None:
    assert (standing().available_microusd, standing().open_microusd) == (85_000_000, 15_000_000)

    (event,) = usage_reports.take_back(customer, "work:1", reason="out of focus", actor=ann)
    credit_lines.adjust(customer)

    assert (event.reference, event.value_microusd) == ("work:1", 10_000_000)
    assert (standing().available_microusd, standing().open_microusd) == (95_000_000, 5_000_000)
    assert money(customer) == (95_000_000, 0)


def test_a_repeat_takes_nothing_back(customer: Organization, ann: User) -> None:
    usage_reports.take_back(customer, "work:1", reason="out of focus", actor=ann)
    count = Transfer.objects.count()

    assert usage_reports.take_back(customer, "work:1", reason="again", actor=ann) == []
    assert Transfer.objects.count() == count


def test_a_closed_line_gets_nothing_to_spend(customer: Organization, ann: User) -> None:
    credit_lines.close(customer, CreditLine.Closure.OPERATOR, actor=ann)

    usage_reports.take_back(customer, "work:1", reason="out of focus", actor=ann)

    assert money(customer) == (0, 0)
    assert standing().open_microusd == 5_000_000
    states = MeterEvent.objects.filter(meter="invoiced").order_by("reference")
    assert [event.state for event in states] == ["canceled", "pending"]

"""A line that an operator closed and approved again: one subscription, whatever ran when."""

from collections.abc import Callable

import pytest

from accounts.models import AuditEntry, Organization, User
from billing import credit_lines
from billing.models import CreditLine
from tests.stripe_account import StripeAccount
from tests.world import make_user, money

CLOSED = CreditLine.Closure.OPERATOR


@pytest.fixture
def customer(make_organization: Callable[..., Organization]) -> Organization:
    """Has nothing but what a line gives."""
    return make_organization("Acme", credits_usd="0")


@pytest.fixture
def ann(db: None) -> User:
    return make_user("ann@operator.example")


def approve(organization: Organization, actor: User, cents: int = 100_00) -> None:
    credit_lines.approve(organization, limit_cents=cents, net_days=30, actor=actor)


def test_its_subscription_lives_on(
    customer: Organization,
    ann: User,
    stripe_account: StripeAccount,
    run_queue: Callable[[], int],
) -> None:
    approve(customer, ann)
    run_queue()
    credit_lines.close(customer, CLOSED, reason="moved to prepaid", actor=ann)
    run_queue()
    (ending,) = stripe_account.client.v1.subscriptions.list().data
    assert ending.cancel_at_period_end

    approve(customer, ann)
    run_queue()

    (kept,) = stripe_account.client.v1.subscriptions.list().data
    assert (kept.id, kept.cancel_at_period_end) == (ending.id, False)
    line = CreditLine.objects.get()
    assert (line.state, line.subscription_id) == ("open", kept.id)
    assert money(customer) == (100_000_000, 0)


def test_an_end_that_was_queued_before_ends_nothing(
    customer: Organization,
    ann: User,
    stripe_account: StripeAccount,
    run_queue: Callable[[], int],
) -> None:
    approve(customer, ann)
    run_queue()
    credit_lines.close(customer, CLOSED, actor=ann)
    approve(customer, ann)
    run_queue()

    (kept,) = stripe_account.client.v1.subscriptions.list().data
    assert not kept.cancel_at_period_end
    assert CreditLine.objects.get().state == "open"


def test_two_that_open_it_at_once_make_one_subscription(
    customer: Organization, ann: User, stripe_account: StripeAccount
) -> None:
    approve(customer, ann)
    line = CreditLine.objects.select_related("organization").get()
    late = CreditLine.objects.select_related("organization").get()

    def overtake(method: str, url: str) -> None:
        """Another worker opens it between our look and our wish."""
        if method == "post" and url.endswith("/subscriptions"):
            stripe_account.before_call = lambda method, url: None
            CreditLine.objects.update(due_at="2026-01-01T00:00:00Z")  # as a sweep does
            late.refresh_from_db()
            credit_lines.open(late)

    stripe_account.before_call = overtake
    credit_lines.open(line)

    assert len(stripe_account.client.v1.subscriptions.list().data) == 1
    assert money(customer) == (100_000_000, 0)


def test_a_line_closed_while_it_opens_leaves_no_subscription_behind(
    customer: Organization,
    ann: User,
    stripe_account: StripeAccount,
    run_queue: Callable[[], int],
) -> None:
    approve(customer, ann)
    line = CreditLine.objects.select_related("organization").get()

    def overtake(method: str, url: str) -> None:
        if method == "post" and url.endswith("/subscriptions"):
            credit_lines.close(customer, CLOSED, actor=ann)

    stripe_account.before_call = overtake
    credit_lines.open(line)
    run_queue()

    (ending,) = stripe_account.client.v1.subscriptions.list().data
    assert ending.cancel_at_period_end
    assert CreditLine.objects.get().state == "closed"
    assert money(customer) == (0, 0)


def test_the_same_terms_once_more_leave_no_audit_row(
    customer: Organization,
    ann: User,
    stripe_account: StripeAccount,
    run_queue: Callable[[], int],
) -> None:
    approve(customer, ann)
    run_queue()
    approve(customer, ann)
    approve(customer, ann, 200_00)
    approve(customer, ann, 200_00)

    approved = AuditEntry.objects.filter(action="credit_line.approved").order_by("id")
    assert [entry.after["limit_usd"] for entry in approved] == ["100.0000", "200.0000"]

"""A line that has ended, or an invoice that cannot be followed, keeps nothing else from being compared."""

from collections.abc import Callable

import pytest

from accounts.models import Organization
from billing import comparing, credit_lines, invoices
from billing.models import CreditLine, Invoice
from tests.billing.bought import settle
from tests.stripe_account import StripeAccount
from tests.world import make_user


@pytest.fixture
def line(
    acme: Organization, stripe_account: StripeAccount, run_queue: Callable[[], int]
) -> CreditLine:
    ann = make_user("ann@operator.example")
    credit_lines.approve(acme, limit_cents=100_00, net_days=30, actor=ann)
    run_queue()
    return CreditLine.objects.select_related("organization").get()


def test_a_line_whose_subscription_has_ended(
    line: CreditLine, stripe_account: StripeAccount, run_queue: Callable[[], int]
) -> None:
    credit_lines.close(line.organization, CreditLine.Closure.OPERATOR)
    settle(stripe_account, run_queue)
    stripe_account.control("advance", seconds=40 * 86_400)
    settle(stripe_account, run_queue)
    ended = stripe_account.client.v1.subscriptions.retrieve(line.subscription_id)
    assert ended.status == "canceled"

    check = comparing.compare()

    assert check.finished_at is not None
    assert check.differences == []


def test_an_invoice_that_cannot_be_followed_is_a_difference(
    line: CreditLine,
    stripe_account: StripeAccount,
    run_queue: Callable[[], int],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stripe_account.control("advance", seconds=40 * 86_400)
    settle(stripe_account, run_queue)
    known = Invoice.objects.order_by("stripe_id")
    expected = [f"invoice {one.stripe_id} cannot be followed" for one in known]

    def fail(stripe_id: str) -> None:
        raise ValueError(stripe_id)

    monkeypatch.setattr(invoices, "follow", fail)
    check = comparing.compare()

    assert check.finished_at is not None
    assert expected
    assert sorted(check.differences) == expected

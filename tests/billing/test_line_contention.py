"""Holds, captures, adjustments and payments of one line at once: the limit is never passed by a micro-dollar."""

import itertools
import random
from collections.abc import Callable
from dataclasses import replace

import pytest
from django.db import DatabaseError
from django.db.models import Sum

from billing import credit_lines, invoices
from billing.errors import InsufficientCredits
from billing.models import CreditLine, Hold, Invoice, MeterEvent, Transfer
from billing.stripe_gateway import invoicing
from tests.billing.on_account import OnAccount
from tests.race import race

pytestmark = [pytest.mark.thorough, pytest.mark.django_db(transaction=True)]
LIMIT, USED = 10_000_000, 4_000_000
Job = Callable[[], object]


@pytest.fixture
def owing(on_account: OnAccount) -> OnAccount:
    """$10.00, of which $4.00 are on an invoice that waits to be paid."""
    on_account.approve(limit_usd=10)
    on_account.use(USED, held=USED)
    on_account.work()
    assert on_account.end_month().state == "open"
    return on_account


def is_paid(on_account: OnAccount, monkeypatch: pytest.MonkeyPatch) -> Job:
    """Somebody follows the invoice, and from now on Stripe says that it is paid."""
    invoice = on_account.invoice()
    now = invoicing.read_invoice(invoice.stripe_id)
    now = replace(now, status="paid", paid_cents=now.net_cents)
    monkeypatch.setattr("billing.invoices.invoicing.read_invoice", lambda stripe_id: now)
    return lambda: invoices.follow(invoice.stripe_id)


def works(on_account: OnAccount, count: int) -> list[Job]:
    """Each holds something, and charges a part of it, all of it, or nothing."""
    dice = random.Random(7)  # noqa: S311  # the same every time

    def work(held: int, charged: int) -> Job:
        def run() -> None:
            on_account.settle(on_account.hold(held), charged)

        return run

    jobs = []
    for _ in range(count):
        held = dice.randint(100_000, 1_500_000)
        jobs.append(work(held, dice.choice([0, held, dice.randint(1, held)])))
    return jobs


def highest(on_account: OnAccount) -> int:
    """The most that acme ever had of the line: usable, held or owed, after each single transfer."""
    exposures = itertools.accumulate(
        row.amount_microusd
        * ((row.from_account_id == "receivable") - (row.to_account_id == "receivable"))
        for row in Transfer.objects.filter(organization=on_account.organization).order_by("number")
    )
    return max(exposures)


def none_failed(outcomes: list[object]) -> None:
    assert not [one for one in outcomes if isinstance(one, DatabaseError)]
    assert all(one is None or isinstance(one, InsufficientCredits | Invoice) for one in outcomes)


def test_the_limit_is_never_passed(owing: OnAccount, monkeypatch: pytest.MonkeyPatch) -> None:
    pay = is_paid(owing, monkeypatch)
    jobs = works(owing, 60)
    for place in (5, 25, 45):
        jobs.insert(place, pay)
        jobs.insert(place, lambda: credit_lines.follow_invoices(owing.organization))

    outcomes = race(jobs, threads=8)

    none_failed(outcomes)
    assert highest(owing) == LIMIT
    assert owing.invoice().state == "paid"
    since = Hold.objects.exclude(reference="generation:gen_1")
    captured = since.aggregate(total=Sum("captured_microusd"))["total"]
    assert owing.standing.open_microusd == captured
    assert owing.left == LIMIT - captured
    assert owing.receivable() == LIMIT
    owing.agrees()


def test_paid_ten_times_at_once_it_is_paid_once(
    owing: OnAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    none_failed(race([is_paid(owing, monkeypatch)] * 10, threads=5))

    assert Transfer.objects.filter(kind="payment").count() == 1
    assert owing.left == LIMIT
    assert highest(owing) == LIMIT


def test_lowered_while_it_is_used_it_ends_below_the_new_limit(owing: OnAccount) -> None:
    jobs = works(owing, 40)
    jobs.insert(12, lambda: lower(owing))

    none_failed(race(jobs, threads=8))

    now = owing.standing
    assert now.held_microusd == 0
    assert now.available_microusd == max(0, 5_000_000 - now.open_microusd)
    assert highest(owing) == LIMIT
    owing.agrees()


def lower(on_account: OnAccount) -> None:
    credit_lines.approve(
        on_account.organization, limit_cents=5_00, net_days=30, actor=on_account.operator
    )


def test_closed_while_it_is_used_nothing_is_left(owing: OnAccount) -> None:
    jobs = works(owing, 40)
    jobs.insert(12, owing.close)

    outcomes = race(jobs, threads=8)

    none_failed(outcomes)
    assert CreditLine.objects.get().state == "closed"
    assert (owing.left, owing.standing.held_microusd) == (0, 0)
    assert owing.receivable() == owing.standing.open_microusd
    owing.agrees()
    with pytest.raises(InsufficientCredits):
        owing.hold(1)


def test_taken_back_ten_times_at_once_it_is_taken_back_once(owing: OnAccount) -> None:
    reference = owing.use(1_000_000)

    none_failed(race([lambda: owing.take_back(reference)] * 10, threads=5))

    assert MeterEvent.objects.filter(state="canceled").count() == 1
    assert owing.left == LIMIT - USED
    owing.agrees()

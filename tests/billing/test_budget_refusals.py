"""Who hit a budget is kept for those who set it: a row a minute, the latest few, and no name that was forgotten."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import transaction

from accounts.models import Organization
from billing import budget_refusals, budgets, end_users, ledger
from billing.errors import BudgetExceeded
from billing.models import Budget, BudgetRefusal

NOON = datetime(2026, 11, 18, 12, 0, 30, tzinfo=UTC)


def hit(
    acme: Organization, now: datetime = NOON, *, end_user_id: str = "ann", name: str = "1"
) -> None:
    """A request of $0.50 that the budget refuses, and what is noted of it."""
    wanted = ledger.Wanted(f"work:{name}", 500_000, end_user_id=end_user_id)
    with pytest.raises(BudgetExceeded) as refusal, transaction.atomic():
        ledger.hold(acme, [wanted], now=now)
    budget_refusals.note(acme, refusal.value, api_key_id="key_1", now=now)


def each(acme: Organization, limit: int = 100_000) -> Budget:
    return budgets.set_limit(acme, "end_user", "*", limit_microusd=limit, period="day")


def test_a_refusal_is_kept_with_how_it_stood(acme: Organization) -> None:
    budget = each(acme)
    hit(acme)

    (row,) = BudgetRefusal.objects.all()
    assert (row.budget, row.subject_id, row.api_key_id, row.member_id) == (
        budget,
        "ann",
        "key_1",
        "",
    )
    assert (row.limit_microusd, row.spent_microusd, row.held_microusd) == (100_000, 0, 0)
    assert (row.needed_microusd, row.refused_at) == (500_000, NOON)


def test_one_row_a_minute_and_budget(acme: Organization) -> None:
    each(acme)
    budgets.set_limit(acme, "end_user", "bob", limit_microusd=0, period="day")
    for seconds in (0, 10, 29.9, 30, 89):
        hit(acme, NOON + timedelta(seconds=seconds))
        hit(acme, NOON + timedelta(seconds=seconds), end_user_id="bob")

    rows = BudgetRefusal.objects.order_by("refused_at", "subject_id")
    assert [(row.subject_id, (row.refused_at - NOON).total_seconds()) for row in rows] == [
        ("ann", 0), ("bob", 0), ("ann", 30), ("bob", 30),
    ]  # fmt: skip


def test_only_the_latest_are_kept(acme: Organization) -> None:
    budget = each(acme)
    for minute in range(budget_refusals.KEPT + 5):
        hit(acme, NOON + timedelta(minutes=minute))

    kept = budget_refusals.of(budget)
    assert len(kept) == budget_refusals.KEPT
    assert kept[0].refused_at == NOON + timedelta(minutes=budget_refusals.KEPT + 4)
    assert kept[-1].refused_at == NOON + timedelta(minutes=5)


def test_the_latest_is_told_by_whom_it_counted_for(acme: Organization, rival: Organization) -> None:
    budget = each(acme)
    for minute, name in enumerate(("ann", "bob", "ann")):
        hit(acme, NOON + timedelta(minutes=minute), end_user_id=name)

    latest = budget_refusals.latest(acme, [budget])

    assert {key: row.refused_at - NOON for key, row in latest.items()} == {
        (budget.pk, "ann"): timedelta(minutes=2),
        (budget.pk, "bob"): timedelta(minutes=1),
        (budget.pk, ""): timedelta(minutes=2),
    }
    assert budget_refusals.latest(rival, [budget]) == {}


def test_a_budget_that_is_gone_has_no_refusals_and_takes_none(acme: Organization) -> None:
    budget = each(acme)
    hit(acme)
    with pytest.raises(BudgetExceeded) as refusal, transaction.atomic():
        ledger.hold(acme, [ledger.Wanted("work:2", 500_000, end_user_id="ann")], now=NOON)
    budgets.remove(budget)

    budget_refusals.note(acme, refusal.value, now=NOON + timedelta(minutes=5))

    assert not BudgetRefusal.objects.exists()


def test_a_forgotten_end_user_is_in_none(acme: Organization) -> None:
    budget = each(acme, 600_000)
    with transaction.atomic():
        ledger.hold(acme, [ledger.Wanted("work:0", 500_000, end_user_id="ann")], now=NOON)
    hit(acme)
    hit(acme, NOON + timedelta(minutes=1), end_user_id="ann", name="2")
    end_users.forget(acme, "ann")
    assert budget_refusals.of(budget) == []

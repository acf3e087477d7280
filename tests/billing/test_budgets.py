"""A budget admits a hold or refuses it, exactly, in the period in which the hold is made."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest
from django.db import transaction
from django.utils import timezone

from accounts.models import AuditEntry, Organization
from billing import budgets, ledger
from billing.errors import BudgetExceeded, InDebt, InsufficientCredits
from billing.models import Hold, SpendingDay
from tests.billing.moves import owe
from tests.race import race
from tests.world import make_user, money

WHOSE = {"member_id": "mem_1", "api_key_id": "key_1", "end_user_id": "ann"}
SCOPES = [("organization", ""), ("member", "mem_1"), ("api_key", "key_1"), ("end_user", "ann")]
NOON = datetime(2026, 11, 18, 12, tzinfo=UTC)  # a Wednesday


def limit(
    acme: Organization, scope: str, id: str, microusd: int | None, period: str = "day"
) -> None:
    budgets.set_limit(acme, scope, id or acme.pk, limit_microusd=microusd, period=period)


def hold(acme: Organization, name: str, *microusd: int, now: datetime = NOON, **whose: str) -> None:
    """One call: `name`.0, `name`.1, …"""
    wanted = [
        ledger.Wanted(f"{name}.{part}", amount, **{**WHOSE, **whose})
        for part, amount in enumerate(microusd)
    ]
    with transaction.atomic():
        ledger.hold(acme, wanted, now=now)


def refused(acme: Organization, name: str, *microusd: int, **fields: Any) -> BudgetExceeded:
    """The refusal, after which nothing has moved."""
    before = money(acme), Hold.objects.count(), list(SpendingDay.objects.order_by("id").values())
    with pytest.raises(BudgetExceeded) as refusal:
        hold(acme, name, *microusd, **fields)
    after = money(acme), Hold.objects.count(), list(SpendingDay.objects.order_by("id").values())
    assert after == before
    return refusal.value


@pytest.mark.parametrize(("scope", "id"), SCOPES)
def test_each_scope_admits_up_to_its_limit_and_not_a_micro_dollar_more(
    acme: Organization, scope: str, id: str
) -> None:
    limit(acme, scope, id, 1_000_000)
    hold(acme, "work:1", 600_000)
    ledger.capture(acme, "work:1.0", amount_microusd=250_000)
    hold(acme, "work:2", 100_000)

    refusal = refused(acme, "work:3", 650_001)

    assert refusal.code == "budget_exceeded"
    assert refusal.status == 402
    assert refusal.details == {
        "scope": scope,
        "id": id or acme.pk,
        "period": "day",
        "limit_usd": "1.0000",
        "spent_usd": "0.2500",
        "held_usd": "0.1000",
        "needed_usd": "0.650001",
        "resets_at": "2026-11-19T00:00:00.000Z",
    }
    assert refusal.retryable
    assert refusal.message == (
        f"The budget of this {scope.replace('_', ' ')} is $1.0000 per day: $0.2500 is spent, "
        "$0.1000 is held, and this needs up to $0.650001."
    )
    hold(acme, "work:3", 650_000)
    assert money(acme) == (24_000_000, 750_000)


@pytest.mark.parametrize(("scope", "id"), SCOPES[1:])
def test_others_are_not_limited_by_it(acme: Organization, scope: str, id: str) -> None:
    limit(acme, scope, id, 0)
    hold(acme, "work:1", 500_000, member_id="", api_key_id="", end_user_id="")
    hold(acme, "work:2", 500_000, member_id="mem_2", api_key_id="key_2", end_user_id="bob")
    refused(acme, "work:3", 1)
    assert money(acme) == (24_000_000, 1_000_000)


def test_a_strangers_budget_does_not_count(acme: Organization, rival: Organization) -> None:
    for scope, id in SCOPES:
        limit(rival, scope, id, 0)
    hold(acme, "work:1", 1_000_000)
    assert money(acme) == (24_000_000, 1_000_000)


@pytest.mark.parametrize(
    ("period", "made_at", "same", "next_one", "resets_at"),
    [
        (
            "day",
            "2026-11-18T00:00:00+00:00",
            "2026-11-18T23:59:59.999999+00:00",
            "2026-11-19T00:00:00+00:00",
            "2026-11-19T00:00:00.000Z",
        ),
        (  # from a Monday to a Sunday, over the year's end: ISO week 2026-W53
            "week",
            "2026-12-28T00:00:00+00:00",
            "2027-01-03T23:59:59.999999+00:00",
            "2027-01-04T00:00:00+00:00",
            "2027-01-04T00:00:00.000Z",
        ),
        (
            "month",
            "2028-02-01T00:00:00+00:00",
            "2028-02-29T23:59:59.999999+00:00",
            "2028-03-01T00:00:00+00:00",
            "2028-03-01T00:00:00.000Z",
        ),
        (
            "month",
            "2026-12-31T23:59:59.999999+00:00",
            "2026-12-31T23:59:59.999999+00:00",
            "2027-01-01T00:00:00+00:00",
            "2027-01-01T00:00:00.000Z",
        ),
        (  # the period is of UTC, wherever the clock that says it hangs
            "day",
            "2026-11-18T20:00:00-05:00",
            "2026-11-19T18:59:59.999999-05:00",
            "2026-11-20T01:00:00+01:00",
            "2026-11-20T00:00:00.000Z",
        ),
    ],
)
def test_a_period_ends_to_the_microsecond(
    acme: Organization, period: str, made_at: str, same: str, next_one: str, resets_at: str
) -> None:
    limit(acme, "member", "mem_1", 1_000_000, period)
    hold(acme, "work:1", 1_000_000, now=datetime.fromisoformat(made_at))

    refusal = refused(acme, "work:2", 1, now=datetime.fromisoformat(same))
    hold(acme, "work:2", 1_000_000, now=datetime.fromisoformat(next_one))

    assert refusal.details["resets_at"] == resets_at
    assert money(acme) == (23_000_000, 2_000_000)


def test_a_lifetime_never_ends(acme: Organization) -> None:
    limit(acme, "end_user", "ann", 1_000_000, "lifetime")
    hold(acme, "work:1", 400_000, now=NOON - timedelta(days=4_000))
    hold(acme, "work:2", 400_000)

    refusal = refused(acme, "work:3", 200_001, now=NOON + timedelta(days=4_000))

    assert refusal.details["resets_at"] is None
    assert "is $1.0000 in all: $0.0000 is spent, $0.8000 is held" in refusal.message


@pytest.mark.parametrize("period", ["week", "month", "lifetime"])
def test_who_read_the_clock_before_midnight_counts_what_others_held_after_it(
    acme: Organization, period: str
) -> None:
    """Both days are of one period, and the wallet was won in the other order."""
    limit(acme, "member", "mem_1", 1_000_000, period)
    midnight = datetime(2026, 11, 19, tzinfo=UTC)
    hold(acme, "work:1", 1_000_000, now=midnight)

    refusal = refused(acme, "work:2", 1, now=midnight - timedelta(microseconds=1))

    assert refusal.verdict["held_microusd"] == 1_000_000
    before = midnight - timedelta(seconds=1)
    (stands,) = budgets.read(acme, [("member", "mem_1")], now=before).values()
    assert (stands.standing.held_microusd, stands.standing.left_microusd) == (1_000_000, 0)
    assert stands.budget
    assert stands.standing == budgets.standing(acme, "member", "mem_1", stands.budget, now=before)


def test_a_day_is_over_for_who_read_the_clock_before_midnight(acme: Organization) -> None:
    limit(acme, "member", "mem_1", 1_000_000)
    midnight = datetime(2026, 11, 19, tzinfo=UTC)
    hold(acme, "work:1", 1_000_000, now=midnight)

    hold(acme, "work:2", 1_000_000, now=midnight - timedelta(microseconds=1))

    before = midnight - timedelta(seconds=1)
    (stands,) = budgets.read(acme, [("member", "mem_1")], now=before).values()
    assert stands.standing.held_microusd == 1_000_000
    assert stands.month_held_microusd == 2_000_000


def test_a_hold_counts_where_it_was_made_and_so_does_its_capture(acme: Organization) -> None:
    limit(acme, "member", "mem_1", 1_000_000)
    hold(acme, "work:1", 1_000_000, now=NOON)
    tomorrow = NOON + timedelta(days=1)
    hold(acme, "work:2", 700_000, now=tomorrow)

    ledger.capture(acme, "work:1.0", amount_microusd=400_000)  # whatever the day is by then

    budget = budgets.find(acme, "member", "mem_1")
    assert budget
    stands = [
        budgets.standing(acme, "member", "mem_1", budget, now=now) for now in (NOON, tomorrow)
    ]
    assert [(one.spent_microusd, one.held_microusd, one.left_microusd) for one in stands] == [
        (400_000, 0, 600_000),
        (0, 700_000, 300_000),
    ]


def test_a_release_gives_the_budget_back(acme: Organization) -> None:
    limit(acme, "member", "mem_1", 1_000_000)
    hold(acme, "work:1", 1_000_000)
    ledger.release(acme, "work:1.0")
    hold(acme, "work:2", 1_000_000)
    assert money(acme) == (24_000_000, 1_000_000)


def test_zero_denies_and_none_lifts(acme: Organization) -> None:
    limit(acme, "end_user", "*", 0)
    refusal = refused(acme, "work:1", 1)
    assert not refusal.retryable

    limit(acme, "end_user", "*", None)
    hold(acme, "work:1", 25_000_000)

    assert money(acme) == (0, 25_000_000)


def test_a_default_holds_for_each_end_user_apart_and_an_own_budget_overrides_it(
    acme: Organization,
) -> None:
    limit(acme, "end_user", "*", 1_000_000)
    limit(acme, "end_user", "bob", 2_000_000)
    limit(acme, "end_user", "eve", None)
    hold(acme, "work:1", 1_000_000)
    hold(acme, "work:2", 2_000_000, end_user_id="bob")
    hold(acme, "work:3", 3_000_000, end_user_id="eve")
    hold(acme, "work:4", 1_000_000, end_user_id="new")

    refusals = [refused(acme, "work:5", 1, end_user_id=name) for name in ("ann", "bob", "new")]

    assert [(one.details["id"], one.details["limit_usd"]) for one in refusals] == [
        ("ann", "1.0000"),
        ("bob", "2.0000"),
        ("new", "1.0000"),
    ]
    hold(acme, "work:5", 4_000_000, end_user_id="")  # of nobody
    assert money(acme) == (14_000_000, 11_000_000)


@pytest.mark.parametrize(("scope", "whose"), [("member", "member_id"), ("api_key", "api_key_id")])
def test_a_default_holds_for_each_member_and_each_key_apart(
    acme: Organization, scope: str, whose: str
) -> None:
    limit(acme, scope, "*", 1_000_000)
    limit(acme, scope, "own", 2_000_000)
    limit(acme, scope, "free", None)
    for name, microusd in (("one", 1_000_000), ("two", 1_000_000), ("own", 2_000_000)):
        hold(acme, f"work:{name}", microusd, now=NOON, **{whose: name})
    hold(acme, "work:free", 3_000_000, now=NOON, **{whose: "free"})
    hold(acme, "work:nobody", 3_000_000, now=NOON, **{whose: ""})

    refusals = [refused(acme, "work:more", 1, **{whose: id}) for id in ("one", "two", "own")]

    assert [(one.details["scope"], one.details["limit_usd"]) for one in refusals] == [
        (scope, "1.0000"),
        (scope, "1.0000"),
        (scope, "2.0000"),
    ]
    found = budgets.read(acme, [(scope, "own"), (scope, "two"), (scope, "new")], now=NOON)
    stands = [(one.is_inherited, one.standing.left_microusd) for one in found.values()]
    assert stands == [(False, 0), (True, 0), (True, 1_000_000)]
    assert money(acme) == (15_000_000, 10_000_000)


@pytest.mark.django_db(transaction=True)
def test_a_first_ever_end_user_from_sixteen_threads_stays_within_the_default(
    make_organization: Callable[..., Organization],
) -> None:
    acme = make_organization()
    limit(acme, "end_user", "*", 1_000_000)

    outcomes = race([partial(hold, acme, f"work:{n}", 300_000) for n in range(16)])

    assert [type(one) for one in outcomes if one] == [BudgetExceeded] * 13
    assert money(acme) == (24_100_000, 900_000)


def test_holds_of_one_call_see_one_another(acme: Organization) -> None:
    limit(acme, "api_key", "key_1", 1_000_000)

    refusal = refused(acme, "work:1", 400_000, 400_000, 400_000)

    assert (refusal.details["held_usd"], refusal.details["needed_usd"]) == ("0.8000", "0.4000")
    assert not refusal.retryable  # nobody else is in the way: it would never be admitted
    hold(acme, "work:1", 400_000, 400_000, 200_000)
    assert money(acme) == (24_000_000, 1_000_000)


def test_it_is_retryable_only_while_open_holds_of_others_are_in_the_way(
    acme: Organization,
) -> None:
    limit(acme, "api_key", "key_1", 1_000_000)
    hold(acme, "work:1", 500_000)

    assert refused(acme, "work:2", 300_000, 300_000).retryable
    assert not refused(acme, "work:3", 1_000_001).retryable
    ledger.capture(acme, "work:1.0", amount_microusd=500_000)
    assert not refused(acme, "work:2", 300_000, 300_000).retryable


def test_what_is_held_already_is_not_counted_twice(acme: Organization) -> None:
    limit(acme, "api_key", "key_1", 1_000_000)
    hold(acme, "work:1", 1_000_000)
    hold(acme, "work:1", 1_000_000)
    assert money(acme) == (24_000_000, 1_000_000)


def test_the_widest_scope_in_the_way_is_named(acme: Organization) -> None:
    for scope, id in SCOPES:
        limit(acme, scope, id, 0)
    named = []
    for scope, id in SCOPES:
        named.append(refused(acme, "work:1", 1).details["scope"])
        limit(acme, scope, id, None)
    assert named == ["organization", "member", "api_key", "end_user"]


def test_a_debt_is_named_before_a_budget_and_a_budget_before_the_credits(
    acme: Organization,
) -> None:
    limit(acme, "member", "mem_1", 30_000_000)
    with pytest.raises(InsufficientCredits):
        hold(acme, "work:1", 26_000_000)
    refused(acme, "work:1", 30_000_001)
    owe(acme, "dispute:1", 1)
    with pytest.raises(InDebt):
        hold(acme, "work:1", 30_000_001)
    assert SpendingDay.objects.count() == 0


def test_a_budget_below_what_is_spent_and_held_touches_nothing_that_runs(
    acme: Organization,
) -> None:
    hold(acme, "work:1", 1_000_000)
    hold(acme, "work:2", 1_000_000)
    limit(acme, "member", "mem_1", 500_000)

    refusal = refused(acme, "work:3", 1)
    captured = ledger.capture(acme, "work:1.0", amount_microusd=1_000_000)
    released = ledger.release(acme, "work:2.0")

    assert (refusal.details["limit_usd"], refusal.details["held_usd"]) == ("0.5000", "2.0000")
    assert (captured.captured_microusd, released.captured_microusd) == (1_000_000, 0)
    stands = budgets.that_apply(acme, member_id="mem_1")[0]
    assert stands.left_microusd in (0, 500_000)  # by whether today is that day


def test_setting_and_removing_leave_audit_rows(acme: Organization) -> None:
    actor = make_user()
    budget = budgets.set_limit(
        acme, "member", "mem_1", limit_microusd=1_500_000, period="week", actor=actor
    )
    budgets.set_limit(acme, "member", "mem_1", limit_microusd=None, period="day", actor=actor)
    budgets.remove(budget, actor=actor)
    budgets.remove(budget, actor=actor)

    subject = {"scope": "member", "subject": "mem_1"}
    first, second = {"limit_usd": "1.5000", "period": "week"}, {"limit_usd": None, "period": "day"}
    rows = AuditEntry.objects.filter(organization=acme, action__startswith="budget.").order_by("id")
    assert [(row.action, row.actor, row.before, row.after) for row in rows[:2]] == [
        ("budget.set", actor, {}, subject | first),
        ("budget.set", actor, first, subject | second),
    ]
    assert [row.action for row in rows[2:]] == ["budget.removed"]
    hold(acme, "work:1", 25_000_000, now=timezone.now())

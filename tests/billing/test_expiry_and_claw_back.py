"""Credits that run out, money that is taken back, and the operator's corrections."""

from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.db import IntegrityError, transaction

from accounts.models import AuditEntry, Organization
from billing import balances, ledger
from billing.errors import InDebt
from billing.models import Grant, Hold, Transfer
from tests.billing.moves import hold, left, lines
from tests.world import deposit, make_user, money

NOON = datetime(2026, 11, 18, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.fixture
def clock() -> object:
    with time_machine.travel(NOON, tick=False) as clock:
        yield clock


@pytest.fixture
def acme(clock: time_machine.Traveller, db: None) -> Organization:
    return Organization.objects.create(name="Acme")


@pytest.fixture
def gift(acme: Organization) -> Grant:
    """$2.00 that expire in an hour."""
    return deposit(acme, "2.00", kind=Grant.Kind.PROMOTIONAL, expires_at=NOON + HOUR)


def test_what_is_left_of_a_grant_expires_once(
    acme: Organization, gift: Grant, clock: time_machine.Traveller
) -> None:
    clock.shift(HOUR)

    assert ledger.expire(gift) == 2_000_000
    assert ledger.expire(gift) == 0

    assert left(gift) == 0
    assert lines(f"expiry:{gift.id}:2") == [("expire", "grant", "breakage", 2_000_000)]
    assert Transfer.objects.count() == 2


def test_a_grant_that_lives_does_not_expire(
    acme: Organization, gift: Grant, clock: time_machine.Traveller
) -> None:
    clock.move_to(NOON + HOUR - timedelta(microseconds=1))
    with pytest.raises(AssertionError):
        ledger.expire(gift)
    with pytest.raises(AssertionError):
        ledger.expire(deposit(acme, "1.00"))
    assert money(acme) == (3_000_000, 0)


def test_a_hold_keeps_its_slice_past_the_expiry_and_may_capture_it(
    acme: Organization, gift: Grant, clock: time_machine.Traveller
) -> None:
    hold(acme, "work:1", 1_500_000)
    clock.shift(HOUR)

    assert ledger.expire(gift) == 500_000
    ledger.capture(acme, "work:1", amount_microusd=1_500_000)

    assert lines("work:1")[1:] == [("capture", "held", "revenue", 1_500_000)]
    assert left(gift) == 0
    assert money(acme) == (0, 0)


def test_what_is_released_after_the_expiry_is_posted_back_and_expires_at_once(
    acme: Organization, gift: Grant, clock: time_machine.Traveller
) -> None:
    bought = deposit(acme, "1.00")
    hold(acme, "work:1", 2_500_000)
    clock.shift(HOUR)
    assert ledger.expire(gift) == 0

    ledger.capture(acme, "work:1", amount_microusd=400_000)

    written = Transfer.objects.order_by("number").values_list("kind", "grant", "amount_microusd")
    assert list(written)[4:] == [
        ("capture", gift.id, 400_000),
        ("release", gift.id, 1_600_000),
        ("release", bought.id, 500_000),
        ("expire", gift.id, 1_600_000),
    ]
    assert money(acme) == (1_000_000, 0)


def test_a_claw_back_takes_from_the_grants_in_their_order_and_the_rest_becomes_debt(
    acme: Organization, clock: time_machine.Traveller
) -> None:
    bought = deposit(acme, "5.00")
    clock.shift(HOUR)  # the oldest burns first, and a hold takes from it
    bonus, other = deposit(acme, "1.00"), deposit(acme, "3.00")
    hold(acme, "work:1", 2_000_000)

    owed = ledger.claw_back(
        acme, amount_microusd=5_000_000, grants=[bought, bonus], reference="refund:1"
    )

    assert owed == 1_000_000
    assert lines("refund:1") == [
        ("claw_back", "grant", "cash", 3_000_000),
        ("claw_back", "grant", "cash", 1_000_000),
        ("claw_back", "debt", "cash", 1_000_000),
    ]
    assert [left(grant) for grant in (bought, bonus, other)] == [0, 0, 3_000_000]
    balance = balances.of(acme)
    assert (balance.held_microusd, balance.debt_microusd) == (2_000_000, 1_000_000)


def test_a_claw_back_happens_once_and_says_the_same_again(acme: Organization) -> None:
    bought = deposit(acme, "5.00")
    fields = {"amount_microusd": 6_000_000, "grants": [bought], "reference": "dispute:1"}

    said = [ledger.claw_back(acme, to_account="disputes", **fields) for _ in range(3)]  # type: ignore[arg-type]

    assert said == [1_000_000] * 3
    assert lines("dispute:1") == [
        ("claw_back", "grant", "disputes", 5_000_000),
        ("claw_back", "debt", "disputes", 1_000_000),
    ]


@pytest.mark.parametrize(
    ("expires_in_days", "good_for_days"), [(1, 40), (39, 40), (41, 41), (None, None)]
)
def test_what_comes_again_is_good_for_thirty_days_at_least(
    acme: Organization,
    clock: time_machine.Traveller,
    expires_in_days: int | None,
    good_for_days: int | None,
) -> None:
    day = timedelta(days=1)
    expires_at = expires_in_days and NOON + expires_in_days * day
    bought = deposit(acme, "5.00", expires_at=expires_at)
    ledger.claw_back(acme, amount_microusd=5_000_000, grants=[bought], reference="dispute:1")
    clock.shift(10 * day)

    for _ in range(2):
        ledger.reinstate(bought, amount_microusd=5_000_000, reference="dispute:1:won")

    bought.refresh_from_db()
    assert bought.expires_at == (good_for_days and NOON + good_for_days * day)
    assert money(acme) == (5_000_000, 0)
    assert lines("dispute:1:won") == [("reinstate", "cash", "grant", 5_000_000)]


def test_in_debt_nothing_new_is_held_what_runs_ends_and_deposits_repay_first(
    acme: Organization,
) -> None:
    bought = deposit(acme, "5.00")
    hold(acme, "work:1", 4_000_000)
    ledger.claw_back(acme, amount_microusd=5_000_000, grants=[bought], reference="dispute:1")

    with pytest.raises(InDebt) as refusal:
        hold(acme, "work:2", 1)
    ledger.capture(acme, "work:1", amount_microusd=4_000_000)
    deposit(acme, "1.00", reference="purchase:small")
    assert refusal.value.details == {"debt_usd": "4.0000"}
    assert (money(acme), balances.of(acme).debt_microusd) == ((0, 0), 3_000_000)

    deposit(acme, "10.00", reference="purchase:large")

    assert lines("purchase:large") == [
        ("deposit", "cash", "grant", 10_000_000),
        ("repay", "grant", "debt", 3_000_000),
    ]
    assert (money(acme), balances.of(acme).debt_microusd) == ((7_000_000, 0), 0)
    hold(acme, "work:2", 7_000_000)
    assert Hold.objects.count() == 2


def test_a_correction_gives_or_takes_once_with_a_reason_and_an_audit_row(
    acme: Organization,
) -> None:
    bought, operator = deposit(acme, "5.00"), make_user()

    for change, name in ((250_000, "up"), (-1_250_000, "down"), (250_000, "up")):
        ledger.correct(
            bought, change_microusd=change, reference=name, reason="counted twice", actor=operator
        )

    assert lines("up") == [("correction", "write_off", "grant", 250_000)]
    assert lines("down") == [("correction", "grant", "write_off", 1_250_000)]
    assert money(acme) == (4_000_000, 0)
    rows = AuditEntry.objects.filter(organization=acme, action="ledger.corrected")
    assert [(row.target, row.actor, row.after) for row in rows.order_by("-after__reference")] == [
        (
            bought.id,
            operator,
            {"change_usd": usd, "reference": reference, "reason": "counted twice"},
        )
        for usd, reference in (("0.2500", "up"), ("-1.2500", "down"))
    ]


def test_a_correction_that_takes_more_than_is_left_or_has_no_reason_is_refused(
    acme: Organization,
) -> None:
    bought, operator = deposit(acme, "5.00"), make_user()
    hold(acme, "work:1", 1_000_000)

    with pytest.raises(IntegrityError), transaction.atomic():
        ledger.correct(
            bought, change_microusd=-4_000_001, reference="c:1", reason="why", actor=operator
        )
    with pytest.raises(AssertionError):
        ledger.correct(bought, change_microusd=1, reference="c:1", reason=" ", actor=operator)

    assert money(acme) == (4_000_000, 1_000_000)
    assert not AuditEntry.objects.filter(action="ledger.corrected").exists()

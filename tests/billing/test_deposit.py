"""Credits come in as a grant, once per reference; a debt is paid from them first."""

from datetime import UTC, datetime

import pytest

from accounts.models import Organization
from billing import balances, ledger
from billing.errors import InDebt
from billing.models import Grant, Hold, Transfer, Wallet
from tests.billing.moves import hold, left, lines, owe
from tests.world import deposit, money


@pytest.mark.parametrize(
    ("kind", "source", "priority"),
    [
        (Grant.Kind.PURCHASED, "cash", 50),
        (Grant.Kind.PROMOTIONAL, "promotions", 10),
        (Grant.Kind.INVOICE, "receivable", 90),
    ],
)
def test_a_deposit_comes_from_the_account_of_its_kind(
    acme: Organization, kind: Grant.Kind, source: str, priority: int
) -> None:
    grant = deposit(acme, "12.50", kind=kind, reference="purchase:a")

    assert lines("purchase:a") == [("deposit", source, "grant", 12_500_000)]
    assert (grant.kind, grant.priority, grant.amount_microusd) == (kind, priority, 12_500_000)
    assert left(grant) == 12_500_000
    assert money(acme) == (37_500_000, 0)


def test_a_repeated_deposit_is_the_first_one(acme: Organization) -> None:
    first = deposit(acme, "12.50", reference="purchase:a")
    again = deposit(acme, "12.50", reference="purchase:a")

    assert again.pk == first.pk
    assert money(acme) == (37_500_000, 0)
    assert Transfer.objects.filter(reference="purchase:a").count() == 1
    assert Wallet.objects.get(organization=acme).transfers_count == 2


def test_deposits_are_numbered_and_say_what_is_available_after_them(
    acme: Organization, rival: Organization
) -> None:
    deposit(acme, "1.00")
    deposit(rival, "1.00")
    deposit(acme, "0.000001")

    numbered = Transfer.objects.filter(organization=acme).order_by("number")
    assert list(numbered.values_list("number", "available_after_microusd")) == [
        (1, 25_000_000),
        (2, 26_000_000),
        (3, 26_000_001),
    ]


def test_a_grant_keeps_its_expiry(acme: Organization) -> None:
    at = datetime(2031, 5, 6, tzinfo=UTC)

    assert Grant.objects.get(pk=deposit(acme, "1.00", expires_at=at).pk).expires_at == at


def test_a_deposit_of_nothing_is_a_bug(acme: Organization) -> None:
    with pytest.raises(AssertionError):
        deposit(acme, "0.00")

    assert money(acme) == (25_000_000, 0)
    assert Grant.objects.count() == 1


def test_a_reference_of_another_organization_is_a_bug(
    acme: Organization, rival: Organization
) -> None:
    deposit(acme, "1.00", reference="purchase:a")

    with pytest.raises(AssertionError, match="purchase:a"):
        deposit(rival, "1.00", reference="purchase:a")

    assert money(rival) == (5_000_000, 0)


def test_a_deposit_that_covers_the_debt_pays_it_and_leaves_the_rest(acme: Organization) -> None:
    owe(acme, "dispute:1", 3_000_000)

    grant = deposit(acme, "10.00", reference="purchase:a")

    assert lines("purchase:a") == [
        ("deposit", "cash", "grant", 10_000_000),
        ("repay", "grant", "debt", 3_000_000),
    ]
    assert left(grant) == 7_000_000
    assert balances.of(acme).debt_microusd == 0
    assert money(acme) == (32_000_000, 0)
    newest = Transfer.objects.filter(organization=acme).latest("number")
    assert newest.available_after_microusd == 32_000_000


def test_a_deposit_smaller_than_the_debt_goes_into_it_whole(acme: Organization) -> None:
    owe(acme, "dispute:1", 3_000_000)

    grant = deposit(acme, "2.00", reference="purchase:a")

    assert lines("purchase:a") == [
        ("deposit", "cash", "grant", 2_000_000),
        ("repay", "grant", "debt", 2_000_000),
    ]
    assert left(grant) == 0
    assert balances.of(acme).debt_microusd == 1_000_000


def test_a_line_pays_no_debt_for_nobody_would_invoice_it(acme: Organization) -> None:
    owe(acme, "dispute:1", 3_000_000)

    grant = deposit(acme, "10.00", kind=Grant.Kind.INVOICE, reference="line:a")

    assert lines("line:a") == [("deposit", "receivable", "grant", 10_000_000)]
    assert left(grant) == 10_000_000
    assert balances.of(acme).debt_microusd == 3_000_000


def test_a_repeated_deposit_repays_once(acme: Organization) -> None:
    owe(acme, "dispute:1", 3_000_000)
    deposit(acme, "2.00", reference="purchase:a")
    deposit(acme, "2.00", reference="purchase:a")

    assert balances.of(acme).debt_microusd == 1_000_000


def test_who_is_in_debt_holds_nothing_new_until_it_is_paid(acme: Organization) -> None:
    hold(acme, "work:running", 1_000_000)
    owe(acme, "dispute:1", 2_500_001)

    with pytest.raises(InDebt) as refusal:
        hold(acme, "work:new", 1)

    assert refusal.value.details == {"debt_usd": "2.500001"}
    assert money(acme) == (24_000_000, 1_000_000)
    assert Hold.objects.count() == 1

    deposit(acme, "2.500001")
    hold(acme, "work:new", 1)
    assert money(acme) == (23_999_999, 1_000_001)


def test_work_that_runs_while_the_debt_comes_ends_as_usual(acme: Organization) -> None:
    hold(acme, "work:1", 2_000_000)
    owe(acme, "dispute:1", 3_000_000)

    ledger.capture(acme, "work:1", amount_microusd=500_000)

    assert money(acme) == (24_500_000, 0)
    assert balances.of(acme).debt_microusd == 3_000_000

"""What an organization is told of its money: the same numbers in Python and in the API."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from accounts.models import Organization
from billing import balances, presentation
from billing.models import CreditLine, Grant
from tests.billing.moves import hold, owe
from tests.world import Api, deposit

MakeApi = Callable[[Organization], Api]


def test_an_organization_that_never_paid_has_nothing(
    make_organization: Callable[..., Organization], api_for: MakeApi
) -> None:
    organization = make_organization(credits_usd="0")
    response = api_for(organization).get("/balance")

    assert response.status_code == 200
    assert response.json() == {
        "organization_id": organization.id,
        "available_usd": "0.0000",
        "held_usd": "0.0000",
        "purchased_usd": "0.0000",
        "promotional_usd": "0.0000",
        "debt_usd": "0.0000",
        "expiring": [],
        "billing_mode": "prepaid",
        "suspended": None,
    }


def test_a_balance_is_told_by_kind_of_credits(
    acme: Organization, rival: Organization, api_for: MakeApi
) -> None:
    soon, later = datetime(2031, 1, 2, tzinfo=UTC), datetime(2032, 1, 2, tzinfo=UTC)
    deposit(acme, "2.00", kind=Grant.Kind.PROMOTIONAL, expires_at=later)
    deposit(acme, "0.50", kind=Grant.Kind.PROMOTIONAL, expires_at=soon)
    hold(acme, "work:1", 1_250_000)

    assert api_for(acme).get("/balance").json() == {
        "organization_id": acme.id,
        "available_usd": "26.2500",
        "held_usd": "1.2500",
        "purchased_usd": "25.0000",
        "promotional_usd": "1.2500",
        "debt_usd": "0.0000",
        "expiring": [{"usd": "1.2500", "at": "2032-01-02T00:00:00.000Z"}],
        "billing_mode": "prepaid",
        "suspended": None,
    }


def test_expired_credits_are_not_available_nor_about_to_expire(
    acme: Organization, api_for: MakeApi
) -> None:
    deposit(acme, "2.00", expires_at=timezone.now() - timedelta(seconds=1))

    told = api_for(acme).get("/balance").json()

    assert (told["available_usd"], told["purchased_usd"]) == ("25.0000", "25.0000")
    assert told["expiring"] == []


def test_an_invoice_line_makes_the_mode_invoice(acme: Organization, api_for: MakeApi) -> None:
    CreditLine.objects.create(
        organization=acme, limit_cents=10_00, net_days=0, state="open", subscription_id="sub_1"
    )
    deposit(acme, "10.00", kind=Grant.Kind.INVOICE)

    told = api_for(acme).get("/balance").json()

    assert (told["billing_mode"], told["available_usd"]) == ("invoice", "35.0000")
    assert told["purchased_usd"] == "25.0000"


def test_a_debt_suspends_and_says_so(acme: Organization, api_for: MakeApi) -> None:
    owe(acme, "dispute:1", 3_000_001)

    told = api_for(acme).get("/balance").json()

    assert told["debt_usd"] == "3.000001"
    assert told["available_usd"] == "25.0000"
    assert told["suspended"]["code"] == "billing_hold"


def test_a_balance_is_one_read_however_many_grants_there_are(
    acme: Organization, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for _ in range(5):
        deposit(acme, "1.00")

    with django_assert_num_queries(1):
        assert balances.of(acme).available_microusd == 30_000_000
    with django_assert_num_queries(2):
        presentation.balance(acme)


@pytest.mark.parametrize("path", ["/balance", "/balance/"])
def test_a_balance_needs_a_key(db: None, path: str) -> None:
    assert Api("").get(path).status_code == 401

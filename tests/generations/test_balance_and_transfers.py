"""The money of a generation as its program sees it over the API."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.models import Organization
from billing.models import Grant
from tests.generations.steps import Line, refused
from tests.world import Api, deposit


def test_the_balance_follows_the_generation(line: Line) -> None:
    expires_at = timezone.now().replace(microsecond=0) + timedelta(days=30)
    deposit(line.organization, "2.00", kind=Grant.Kind.PROMOTIONAL, expires_at=expires_at)
    line.running()

    assert line.api.get("/balance").json() == {
        "organization_id": line.organization.id,
        "available_usd": "26.5484",
        "held_usd": "0.4516",
        "purchased_usd": "25.0000",
        "promotional_usd": "1.5484",
        "debt_usd": "0.0000",
        "expiring": [
            {"usd": "1.5484", "at": expires_at.strftime("%Y-%m-%dT%H:%M:%S.000Z")},
        ],
        "billing_mode": "prepaid",
        "suspended": None,
    }
    line.upstream.finish(line.upstream.job)
    line.sweep(30)
    after = line.api.get("/balance").json()
    assert (after["available_usd"], after["held_usd"]) == ("26.5484", "0.0000")


def test_without_any_credits_everything_is_zero(
    make_organization: Callable[..., Organization], api_for: Callable[[Organization], Api]
) -> None:
    balance = api_for(make_organization(credits_usd="0")).get("/balance").json()

    assert {name: balance[name] for name in ("available_usd", "held_usd", "debt_usd")} == {
        "available_usd": "0.0000",
        "held_usd": "0.0000",
        "debt_usd": "0.0000",
    }


def test_the_transfers_add_up_to_the_balance(line: Line) -> None:
    generation = line.running(duration="auto")
    line.upstream.finish(line.upstream.job, seconds=4)
    line.sweep(30)

    body = line.api.get("/transfers").json()

    assert body["next_cursor"] is None
    rows = body["data"]
    assert [
        (row["kind"], row["amount_usd"], row["balance_after_usd"], row["reference"]) for row in rows
    ] == [
        ("release", "1.2419", "24.5484", f"generation:{generation.id}"),
        ("capture", "0.0000", "23.3065", f"generation:{generation.id}"),
        ("hold", "-1.6935", "23.3065", f"generation:{generation.id}"),
        ("deposit", "25.0000", "25.0000", rows[-1]["reference"]),
    ]
    assert all(row["id"].startswith("trf_") and row["created_at"] for row in rows)


def test_transfers_are_narrowed_by_reference_and_kind(line: Line) -> None:
    first, second = line.create(), line.create()
    line.api.post(f"/generations/{first.id}/cancel")

    of_first = line.api.get("/transfers", reference=first.reference).json()["data"]
    assert [row["kind"] for row in of_first] == ["release", "hold"]
    holds = line.api.get("/transfers", kind="hold").json()["data"]
    assert [row["reference"] for row in holds] == [second.reference, first.reference]
    refused(line.api.get("/transfers", kind="gift"), 400, "invalid_request", "kind")


def test_transfers_come_in_pages(line: Line) -> None:
    for _ in range(4):
        line.create()

    first = line.api.get("/transfers", limit=2).json()
    second = line.api.get("/transfers", limit=2, cursor=first["next_cursor"]).json()
    third = line.api.get("/transfers", limit=2, cursor=second["next_cursor"]).json()

    after = [row["balance_after_usd"] for page in (first, second, third) for row in page["data"]]
    assert after == ["23.1936", "23.6452", "24.0968", "24.5484", "25.0000"]
    assert third["next_cursor"] is None


@pytest.mark.parametrize("path", ["/balance", "/transfers"])
def test_a_stranger_sees_their_own(
    line: Line, rival: Organization, api_for: Callable[[Organization], Api], path: str
) -> None:
    line.running()

    shown = str(api_for(rival).get(path).json())

    assert "5.0000" in shown
    assert "25.0000" not in shown
    assert "generation:" not in shown

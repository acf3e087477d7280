"""The ledger as its organization sees it: signed changes that add up to the balance."""

from collections.abc import Callable
from typing import Any

import pytest

from accounts.models import Organization
from billing import ledger
from billing.models import Transfer
from tests.billing.moves import hold, owe
from tests.world import Api, deposit

MakeApi = Callable[[Organization], Api]


def rows(api: Api, **params: Any) -> list[dict[str, Any]]:
    response = api.get("/transfers", **params)
    assert response.status_code == 200
    data: list[dict[str, Any]] = response.json()["data"]
    return data


def test_the_amounts_are_what_became_available_newest_first(
    acme: Organization, rival: Organization, api_for: MakeApi
) -> None:
    hold(acme, "work:1", 3_000_000)
    hold(rival, "work:2", 1_000_000)
    ledger.capture(acme, "work:1", amount_microusd=1_000_000)

    shown = [
        (row["kind"], row["amount_usd"], row["held_change_usd"], row["balance_after_usd"])
        for row in rows(api_for(acme))
    ]

    assert shown == [
        ("release", "2.0000", "-2.0000", "24.0000"),
        ("capture", "0.0000", "-1.0000", "22.0000"),
        ("hold", "-3.0000", "3.0000", "22.0000"),
        ("deposit", "25.0000", "0.0000", "25.0000"),
    ]


def test_a_transfer_names_what_it_is_for(acme: Organization, api_for: MakeApi) -> None:
    hold(acme, "work:1", 3_000_000)
    transfer = Transfer.objects.get(reference="work:1")

    assert rows(api_for(acme), kind="hold") == [
        {
            "id": transfer.id,
            "object": "transfer",
            "kind": "hold",
            "amount_usd": "-3.0000",
            "held_change_usd": "3.0000",
            "transferred_usd": "3.0000",
            "balance_after_usd": "22.0000",
            "reference": "work:1",
            "grant": transfer.grant_id,
            "created_at": transfer.created_at.isoformat(timespec="milliseconds").replace(
                "+00:00", "Z"
            ),
        }
    ]


def test_a_debt_and_its_repayment_are_seen(acme: Organization, api_for: MakeApi) -> None:
    owe(acme, "dispute:1", 3_000_000)
    deposit(acme, "5.00")

    shown = [
        (row["kind"], row["amount_usd"], row["balance_after_usd"]) for row in rows(api_for(acme))
    ]

    assert shown[:3] == [
        ("repay", "-3.0000", "27.0000"),
        ("deposit", "5.0000", "30.0000"),
        ("claw_back", "0.0000", "25.0000"),
    ]


def test_a_reference_finds_its_own_and_no_strangers(
    acme: Organization, rival: Organization, api_for: MakeApi
) -> None:
    hold(acme, "work:1", 3_000_000)
    hold(acme, "work:2", 3_000_000)
    ledger.release(acme, "work:1")

    assert [row["kind"] for row in rows(api_for(acme), reference="work:1")] == ["release", "hold"]
    assert rows(api_for(rival), reference="work:1") == []


def test_an_unknown_kind_is_refused_with_the_known_ones(
    acme: Organization, api_for: MakeApi
) -> None:
    response = api_for(acme).get("/transfers", kind="gift")

    assert response.status_code == 400
    error = response.json()["error"]
    assert (error["code"], error["param"]) == ("invalid_request", "kind")
    assert error["details"]["allowed"] == Transfer.Kind.values


@pytest.mark.parametrize("cursor", ["bm9uZQ==", "LTE", "MS41", "٣"])
def test_a_cursor_that_no_list_gave_out_is_refused(
    acme: Organization, api_for: MakeApi, cursor: str
) -> None:
    response = api_for(acme).get("/transfers", cursor=cursor)

    assert response.status_code == 400
    assert response.json()["error"]["param"] == "cursor"

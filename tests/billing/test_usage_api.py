"""Usage as programs read it: JSON, CSV and FOCUS say the same exact amounts."""

import csv
import io
import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
import time_machine

from accounts.models import Organization
from tests.billing.moves import used
from tests.world import Api

MakeApi = Callable[[Organization], Api]
JUNE = {"from": "2026-06-01", "to": "2026-07-01"}
FAST = {"model": "seedance-2.0-fast-text-to-video", "resolution": "480p"}
STANDARD = {"model": "seedance-2.0-text-to-video", "resolution": "720p"}


@pytest.fixture
def api(acme: Organization, api_for: MakeApi) -> Api:
    return api_for(acme)


@pytest.fixture
def june(acme: Organization, rival: Organization) -> None:
    with time_machine.travel("2026-05-31T23:59:59Z", tick=False):
        used(acme, "work:0", 451_600, labels=FAST)
    with time_machine.travel("2026-06-01T00:00:00Z", tick=False):
        used(acme, "work:1", 451_600, end_user_id="u_1", labels=FAST)
        used(acme, "work:2", 564_500, seconds=5, end_user_id="u_1", labels=FAST)
        used(acme, "work:3", 1_209_600, member_id="mem_1", labels=STANDARD)
    with time_machine.travel("2026-06-30T23:59:59Z", tick=False):
        used(acme, "work:4", 451_600, end_user_id="u_2", api_key_id="key_1", labels=FAST)
        used(rival, "work:5", 451_600, end_user_id="u_1", labels=FAST)
    with time_machine.travel("2026-07-01T00:00:00Z", tick=False):
        used(acme, "work:6", 451_600, labels=FAST)


def read(api: Api, **params: Any) -> dict[str, Any]:
    response = api.get("/usage", **params)
    assert response.status_code == 200, response.content
    answer: dict[str, Any] = json.loads(response.content)
    return answer


def file(api: Api, path: str, **params: Any) -> list[dict[str, str]]:
    response = api.get(path, **params)
    assert response.status_code == 200
    assert response["Content-Type"] == "text/csv; charset=utf-8"
    assert response["Content-Disposition"].startswith('attachment; filename="')
    content = b"".join(response.streaming_content)  # type: ignore[attr-defined]
    return list(csv.DictReader(io.StringIO(content.decode())))


def test_days_are_of_utc_and_the_last_is_not_in_it(api: Api, june: None) -> None:
    assert read(api, **JUNE) == {
        "data": [
            {"day": "2026-06-01", "generations": 3, "seconds": 13, "charged_usd": "2.2257"},
            {"day": "2026-06-30", "generations": 1, "seconds": 4, "charged_usd": "0.4516"},
        ],
        "next_cursor": None,
        "from": "2026-06-01",
        "to": "2026-07-01",
        "group_by": ["day"],
        "total": {"generations": 4, "seconds": 17, "charged_usd": "2.6773"},
    }


def test_groups_are_told_apart_in_the_order_asked(api: Api, june: None) -> None:
    rows = read(api, **JUNE, group_by="model,end_user_id")["data"]

    assert rows == [
        {"model": FAST["model"], "end_user_id": "u_1", "generations": 2, "seconds": 9,
         "charged_usd": "1.0161"},
        {"model": FAST["model"], "end_user_id": "u_2", "generations": 1, "seconds": 4,
         "charged_usd": "0.4516"},
        {"model": STANDARD["model"], "end_user_id": None, "generations": 1, "seconds": 4,
         "charged_usd": "1.2096"},
    ]  # fmt: skip
    assert list(rows[0]) == ["model", "end_user_id", "generations", "seconds", "charged_usd"]


@pytest.mark.parametrize(
    ("filter", "charged_usd"),
    [
        ({"end_user_id": "u_1"}, "1.0161"),
        ({"end_user_id": ""}, "1.2096"),
        ({"member": "mem_1"}, "1.2096"),
        ({"api_key": "key_1"}, "0.4516"),
        ({"model": FAST["model"]}, "1.4677"),
        ({"resolution": "720p", "end_user_id": "u_1"}, "0.0000"),
    ],
)
def test_a_filter_leaves_only_what_fits(
    api: Api, june: None, filter: dict[str, str], charged_usd: str
) -> None:
    assert read(api, **JUNE, **filter)["total"]["charged_usd"] == charged_usd


@time_machine.travel("2026-07-02T09:00:00Z", tick=False)
def test_unasked_it_is_the_last_thirty_days_with_today(api: Api, june: None) -> None:
    answer = read(api)

    assert (answer["from"], answer["to"]) == ("2026-06-03", "2026-07-03")
    assert answer["total"]["charged_usd"] == "0.9032"


def test_a_stranger_sees_only_their_own(rival: Organization, api_for: MakeApi, june: None) -> None:
    assert read(api_for(rival), **JUNE, group_by="end_user_id")["data"] == [
        {"end_user_id": "u_1", "generations": 1, "seconds": 4, "charged_usd": "0.4516"}
    ]


@pytest.mark.parametrize("path", ["/usage", "/usage.csv", "/usage/focus.csv"])
@pytest.mark.parametrize(
    ("params", "param"),
    [
        ({"from": "yesterday"}, "from"),
        ({"from": "2026-02-30"}, "from"),
        ({"from": "20260201"}, "from"),
        ({"from": "2026-06-01T00:00:00Z"}, "from"),
        ({"from": "2026-06-01", "to": "2026-6-2"}, "to"),
        ({"from": "2026-06-01", "to": "2026-06-01"}, "to"),
        ({"from": "2026-06-02", "to": "2026-06-01"}, "to"),
        ({"from": "2025-06-01", "to": "2026-06-03"}, "from"),
        ({"from": "0001-01-01"}, "from"),
        ({"to": "9999-12-31", "from": "9999-13-01"}, "from"),
        ({"end_user_id": "x" * 256}, "end_user_id"),
        ({"user": "u_1"}, "user"),
        ({"limit": "5"}, "limit"),
    ],
)
def test_each_fault_names_its_field(
    api: Api, path: str, params: dict[str, str], param: str
) -> None:
    response = api.get(path, **params)

    assert response.status_code == 400
    assert json.loads(response.content)["error"]["param"] == param


@pytest.mark.parametrize("group_by", ["", "hour", "day,day", "day,", "day, model", "amount"])
def test_a_group_that_is_not_one_is_refused_with_those_there_are(api: Api, group_by: str) -> None:
    response = api.get("/usage", group_by=group_by)

    assert response.status_code == 400
    error = json.loads(response.content)["error"]
    assert (error["param"], error["details"]["allowed"]) == (
        "group_by",
        ["day", "model", "resolution", "end_user_id", "member", "api_key"],
    )


def test_a_whole_leap_year_is_a_report(api: Api) -> None:
    assert read(api, **{"from": "2027-03-01", "to": "2028-03-01"})["data"] == []
    assert api.get("/usage", **{"from": "2027-03-01", "to": "2028-03-02"}).status_code == 400


def test_more_rows_than_an_answer_holds_are_for_the_file(
    api: Api, june: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("billing.usage_api.ROWS_MAX", 1)

    response = api.get("/usage", **JUNE)

    assert response.status_code == 400
    error = json.loads(response.content)["error"]
    assert (error["param"], error["details"]) == ("group_by", {"rows_max": 1})
    assert len(file(api, "/usage.csv", **JUNE)) == 2


@pytest.mark.parametrize("group_by", ["day", "model,end_user_id", "end_user_id,day", "api_key"])
def test_the_file_has_the_rows_of_the_answer(api: Api, june: None, group_by: str) -> None:
    answer = read(api, **JUNE, group_by=group_by)["data"]

    rows = file(api, "/usage.csv", **JUNE, group_by=group_by)

    as_text = [
        {name: "" if value is None else str(value) for name, value in row.items()} for row in answer
    ]
    assert sorted(rows, key=str) == sorted(as_text, key=str)
    assert list(rows[0]) == list(as_text[0])


def test_focus_has_a_line_for_each_day_and_kind_with_exact_amounts(
    acme: Organization, api: Api, june: None
) -> None:
    rows = file(api, "/usage/focus.csv", **JUNE)

    assert sum(Decimal(row["BilledCost"]) for row in rows) == Decimal("2.6773")
    assert len(rows) == 3
    first = next(row for row in rows if "u_1" in row["Tags"])
    assert {name: value for name, value in first.items() if value} == {
        "BilledCost": "1.0161",
        "BillingAccountId": acme.id,
        "BillingAccountName": "Acme",
        "BillingAccountType": "Organization",
        "BillingCurrency": "USD",
        "BillingPeriodEnd": "2026-07-01T00:00:00Z",
        "BillingPeriodStart": "2026-06-01T00:00:00Z",
        "ChargeCategory": "Usage",
        "ChargeDescription": "seedance-2.0-fast-text-to-video/480p: 9 seconds, 2 generations",
        "ChargeFrequency": "Usage-Based",
        "ChargePeriodEnd": "2026-06-02T00:00:00Z",
        "ChargePeriodStart": "2026-06-01T00:00:00Z",
        "ConsumedQuantity": "9",
        "ConsumedUnit": "Seconds",
        "ContractedCost": "1.0161",
        "ContractedUnitPrice": "0.1129",
        "EffectiveCost": "1.0161",
        "InvoiceIssuerName": "Seedance SaaS",
        "ListCost": "1.0161",
        "ListUnitPrice": "0.1129",
        "PricingCategory": "Standard",
        "PricingCurrency": "USD",
        "PricingQuantity": "9",
        "PricingUnit": "Seconds",
        "ProviderName": "Seedance SaaS",
        "PublisherName": "Seedance SaaS",
        "ServiceCategory": "AI and Machine Learning",
        "ServiceName": "Seedance 2.0",
        "ServiceSubcategory": "Generative AI",
        "SkuId": "seedance-2.0-fast-text-to-video/480p",
        "SkuMeter": "Seconds",
        "SkuPriceId": "seedance-2.0-fast-text-to-video/480p",
        "Tags": '{"end_user_id": "u_1", "model": "seedance-2.0-fast-text-to-video",'
        ' "resolution": "480p"}',
    }
    of_key = next(row for row in rows if "u_2" in row["Tags"])
    assert (of_key["ResourceId"], of_key["ResourceType"], of_key["SubAccountId"]) == (
        "key_1",
        "API key",
        "key_1",
    )
    assert json.loads(of_key["Tags"])["api_key"] == "key_1"


def test_focus_has_no_unit_price_where_there_is_no_single_one(acme: Organization, api: Api) -> None:
    with time_machine.travel("2026-06-01T12:00:00Z", tick=False):
        used(acme, "work:1", 451_600, labels=FAST)
        used(acme, "work:2", 500_001, labels=FAST)

    (row,) = file(api, "/usage/focus.csv", **JUNE)

    assert (row["BilledCost"], row["ListUnitPrice"]) == ("0.951601", "")


def test_focus_has_groups_of_its_own(api: Api) -> None:
    response = api.get("/usage/focus.csv", group_by="day")
    assert json.loads(response.content)["error"]["param"] == "group_by"


def test_files_are_read_in_pieces(
    acme: Organization, api: Api, june: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("billing.usage_files.PIECE", 1)
    assert len(file(api, "/usage/focus.csv", **JUNE)) == 3

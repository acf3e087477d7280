"""What every endpoint shares: bodies, pages of lists, and money as text."""

import base64
import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accounts.models import Organization
from generations.models import Generation
from seedance_saas.api import microusd, moment, usd
from seedance_saas.errors import InvalidRequest
from tests.world import Api, deposit

MakeApi = Callable[[Organization], Api]
QUOTED = '{"model": "seedance-2.0-fast-text-to-video", "prompt": "a kite", "duration": 4}'


# -- bodies ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"{'model': 1}",
        b'{"seed": NaN}',
        b'{"seed": -Infinity}',
        b'{"seed": 1e400}',
        b'{"max_cost_usd": "1", "max_cost_usd": "9"}',
        b'{"metadata": {"order": "1", "order": "2"}}',
        b'{"seed": ' + b"1" * 5000 + b"}",
        b'{"prompt": "\\u0000"}',
        b'{"a\\u0000b": 1}',
        b'{"metadata": {"k": ["\\u0000"]}}',
        b'{"prompt": "\\ud800"}',
        b'{"\\udfff": 1}',
        b'{"prompt": "\xff"}',
        b"\xef\xbb\xbf{}",
        b'{"metadata": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        b'{"metadata": ' + b'{"a":' * 50_000 + b"1" + b"}" * 50_000 + b"}",
        b"[]",
        b"null",
        b'"text"',
        b"1",
        b"a=1&b=2",
    ],
    ids=lambda body: body[:30].decode(errors="replace"),
)
def test_a_body_that_is_no_storable_json_object_is_refused(
    acme: Organization, api_for: MakeApi, body: bytes
) -> None:
    response = api_for(acme).post("/generations", body)

    assert response.status_code == 400
    error = response.json()["error"]
    assert error["code"] == "invalid_json"
    assert len(error["message"]) < 250
    assert not Generation.objects.exists()


def test_a_paired_surrogate_is_a_character(acme: Organization, api_for: MakeApi) -> None:
    body = (
        b'{"model": "seedance-2.0-fast-text-to-video", "duration": 4, "prompt": "\\ud83e\\ude81"}'
    )

    response = api_for(acme).post("/generations", body)

    assert response.status_code == 201
    assert response.json()["input"]["prompt"] == "🪁"


@pytest.mark.parametrize(("extra_bytes", "code"), [(0, "unknown_field"), (1, "payload_too_large")])
def test_a_body_of_a_million_bytes_is_read_and_one_more_is_not(
    acme: Organization, api_for: MakeApi, extra_bytes: int, code: str
) -> None:
    body = b'{"x": "' + b"a" * (1_000_000 - 9 + extra_bytes) + b'"}'

    response = api_for(acme).post("/generations", body)

    error = response.json()["error"]
    assert error["code"] == code
    if extra_bytes:
        assert response.status_code == 413
        assert error["details"] == {"bytes_max": 1_000_000}
    assert not Generation.objects.exists()


@pytest.mark.parametrize(
    "kind",
    ["application/json; charset=utf-8", "Application/JSON", "application/x-www-form-urlencoded"],
)
def test_json_is_read_under_each_of_its_names(
    acme: Organization, api_for: MakeApi, kind: str
) -> None:
    api = api_for(acme)

    response = api.client.generic("POST", "/api/v1/quotes", QUOTED, kind, headers=api.headers)

    assert response.status_code == 201


def test_an_empty_body_is_an_empty_object(acme: Organization, api_for: MakeApi) -> None:
    response = api_for(acme).post("/generations", b"")

    assert response.status_code == 400
    assert response.json()["error"]["param"] == "model"


# -- lists ----------------------------------------------------------------------------------------


@pytest.fixture
def api(acme: Organization, api_for: MakeApi) -> Api:
    """Of acme, whose transfers are deposits of $25.00 and then of 1, 2, 3 … 24 micro-dollars."""
    for number in range(1, 25):
        deposit(acme, f"0.{number:06d}")
    return api_for(acme)


def names(body: dict[str, Any]) -> list[str]:
    return [row["amount_usd"] for row in body["data"]]


@pytest.mark.parametrize(("limit", "count"), [(None, 20), ("1", 1), ("20", 20), ("100", 25)])
def test_a_page_has_as_many_rows_as_asked_for(api: Api, limit: str | None, count: int) -> None:
    body = api.get("/transfers", **({"limit": limit} if limit else {})).json()

    assert len(body["data"]) == count
    assert (body["next_cursor"] is None) == (count == 25)


@pytest.mark.parametrize("limit", ["0", "101", "-1", "1.5", "", "ten", "٣", "1 ", "1" * 5000])
def test_another_limit_is_refused_with_the_bounds(
    acme: Organization, api_for: MakeApi, limit: str
) -> None:
    response = api_for(acme).get("/transfers", limit=limit)

    assert response.status_code == 400
    error = response.json()["error"]
    assert (error["code"], error["param"]) == ("invalid_request", "limit")
    assert error["details"] == {"at_least": 1, "at_most": 100}


def test_a_filter_that_is_misspelled_does_not_show_all(api: Api) -> None:
    response = api.get("/transfers", knid="deposit")

    assert response.status_code == 400
    error = response.json()["error"]
    assert (error["code"], error["param"]) == ("invalid_request", "knid")
    assert error["details"] == {"allowed": ["reference", "kind", "limit", "cursor"]}


def test_the_last_page_is_known_to_be_the_last(api: Api) -> None:
    first = api.get("/transfers", limit=24).json()
    second = api.get("/transfers", limit=24, cursor=first["next_cursor"]).json()

    assert names(second) == ["25.0000"]
    assert second["next_cursor"] is None
    assert api.get("/transfers", limit=25).json()["next_cursor"] is None


def test_pages_neither_repeat_nor_miss_a_row_while_rows_are_added(
    api: Api, acme: Organization
) -> None:
    seen: list[str] = []
    cursor: str | None = ""
    while cursor is not None:
        body = api.get("/transfers", limit=7, **({"cursor": cursor} if cursor else {})).json()
        seen += names(body)
        cursor = body["next_cursor"]
        deposit(acme, "1.00")

    assert seen == [*[usd(number) for number in range(24, 0, -1)], "25.0000"]


@pytest.mark.parametrize("path", ["/transfers", "/generations"])
@pytest.mark.parametrize(
    "cursor",
    [
        "x",
        "%%%",
        "é",
        base64.urlsafe_b64encode(b"\xff").decode(),
        "=" * 3,
    ],
)
def test_a_broken_cursor_is_refused(
    acme: Organization, api_for: MakeApi, path: str, cursor: str
) -> None:
    response = api_for(acme).get(path, cursor=cursor)

    assert response.status_code == 400
    error = response.json()["error"]
    assert (error["code"], error["param"]) == ("invalid_request", "cursor")


def test_a_cursor_that_hides_a_nul_is_refused(acme: Organization, api_for: MakeApi) -> None:
    cursor = base64.urlsafe_b64encode(b"gen_\x00").decode()

    response = api_for(acme).get("/generations", cursor=cursor)

    assert response.status_code == 400
    assert response.json()["error"]["param"] == "cursor"


@pytest.mark.parametrize("number", [2**63, -(2**63) - 1, pytest.param(10**4000, id="huge")])
def test_a_cursor_beyond_any_number_finds_all_or_nothing(
    acme: Organization, api_for: MakeApi, number: int
) -> None:
    cursor = base64.urlsafe_b64encode(str(number).encode()).decode()

    response = api_for(acme).get("/transfers", cursor=cursor)

    assert response.status_code == 200
    assert names(response.json()) == (["25.0000"] if number > 0 else [])


# -- money and time -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("amount_microusd", "text"),
    [
        (0, "0.0000"),
        (1, "0.000001"),
        (10, "0.00001"),
        (100, "0.0001"),
        (1_000_000, "1.0000"),
        (1_451_400, "1.4514"),
        (1_451_410, "1.45141"),
        (-451_600, "-0.4516"),
        (-1, "-0.000001"),
        (9_223_372_036_854_775_807, "9223372036854.775807"),
    ],
)
def test_money_is_shown_with_four_to_six_places(amount_microusd: int, text: str) -> None:
    assert usd(amount_microusd) == text


@given(st.integers(0, 2**63 - 1))
@settings(database=None)
def test_money_survives_being_written_and_read(amount_microusd: int) -> None:
    text = usd(amount_microusd)

    assert microusd(text, param="x") == amount_microusd
    assert re.fullmatch(r"[0-9]+\.[0-9]{4,6}", text)


@pytest.mark.parametrize(
    ("text", "amount_microusd"),
    [
        ("0", 0),
        ("1", 1_000_000),
        ("007.5", 7_500_000),
        ("0.000001", 1),
        ("99999999999999999999", 99_999_999_999_999_999_999_000_000),
    ],
)
def test_money_is_read_exactly(text: str, amount_microusd: int) -> None:
    assert microusd(text, param="x") == amount_microusd


@pytest.mark.parametrize(
    "text",
    [
        "", " 1", "1 ", "1\n", "+1", "-1", ".5", "1.", "1.0000001", "1e3", "1,5", "$1", "NaN",
        "Infinity", "0x1", "1_000", "١", "１", "9" * 21, 1, 1.5, None, True, ["1"],
    ],
)  # fmt: skip
def test_money_that_is_not_an_exact_decimal_is_refused(text: Any) -> None:
    with pytest.raises(InvalidRequest) as refusal:
        microusd(text, param="max_cost_usd")

    assert refusal.value.param == "max_cost_usd"


@pytest.mark.parametrize(
    ("at", "text"),
    [
        (None, None),
        (datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC), "2026-03-01T12:00:00.000Z"),
        (datetime(2026, 3, 1, 12, 0, 0, 123_999, tzinfo=UTC), "2026-03-01T12:00:00.123Z"),
    ],
)
def test_a_moment_is_utc_with_milliseconds(at: datetime | None, text: str | None) -> None:
    assert moment(at) == text

"""An organization sees what each of its end users spends, and under which budget."""

import json
from collections.abc import Callable
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import Organization
from billing import budgets, ledger
from tests.billing.moves import hold_for
from tests.world import Api

MakeApi = Callable[[Organization], Api]


@pytest.fixture
def api(acme: Organization, api_for: MakeApi) -> Api:
    return api_for(acme)


def read(api: Api, path: str, **params: Any) -> dict[str, Any]:
    response = api.get(path, **params)
    assert response.status_code == 200, response.content
    answer: dict[str, Any] = json.loads(response.content)
    return answer


def test_this_months_spending_and_the_budget_stand_beside_each_end_user(
    acme: Organization, rival: Organization, api: Api
) -> None:
    with time_machine.travel("2026-05-31T23:59:59Z", tick=False):
        hold_for(acme, "work:1", 1_000_000, end_user_id="u_1")
    with time_machine.travel("2026-06-10T12:00:00Z", tick=False):
        ledger.capture(acme, "work:1", amount_microusd=900_000)  # May's: it was held then
        hold_for(acme, "work:2", 2_000_000, end_user_id="u_1")
        ledger.capture(acme, "work:2", amount_microusd=1_500_000)
        hold_for(acme, "work:3", 500_000, end_user_id="u_1")
        hold_for(acme, "work:4", 250_000, end_user_id="u_2")
        hold_for(rival, "work:5", 250_000, end_user_id="u_3")
        hold_for(acme, "work:6", 250_000)
        budgets.set_limit(acme, "end_user", "u_1", limit_microusd=12_000_000, period="lifetime")
        budgets.set_limit(acme, "end_user", "*", limit_microusd=1_000_000, period="day")
        budgets.set_limit(acme, "end_user", "u_0", limit_microusd=0, period="day")

        rows = read(api, "/end-users")["data"]
        one = read(api, "/end-users/u_1")

    assert [(row["id"], row["spent_usd"], row["held_usd"]) for row in rows] == [
        ("u_0", "0.0000", "0.0000"),
        ("u_1", "1.5000", "0.5000"),
        ("u_2", "0.0000", "0.2500"),
    ]
    assert one == rows[1]
    assert one["since"] == "2026-06-01T00:00:00.000Z"
    assert one["budget"] == {
        "object": "budget",
        "scope": "end_user",
        "id": "u_1",
        "limit_usd": "12.0000",
        "period": "lifetime",
        "spent_usd": "2.4000",
        "held_usd": "0.5000",
        "left_usd": "9.1000",
        "resets_at": None,
        "inherited": False,
    }
    assert (rows[2]["budget"]["limit_usd"], rows[2]["budget"]["inherited"]) == ("1.0000", True)


def test_pages_leave_nobody_out_and_show_nobody_twice(acme: Organization, api: Api) -> None:
    names = ["u_1", "u_10", "u_2", "ü", "Z", "a b", "%", "🪁"]
    for number, name in enumerate(names):
        hold_for(acme, f"work:{number}", 1_000, end_user_id=name)
    budgets.set_limit(acme, "end_user", "waits", limit_microusd=1, period="day")
    seen: list[str] = []
    cursor: str | None = ""
    while cursor is not None:
        page = read(api, "/end-users", limit=2, **({"cursor": cursor} if cursor else {}))
        seen += [row["id"] for row in page["data"]]
        assert len(page["data"]) <= 2
        cursor = page["next_cursor"]

    assert sorted(seen) == sorted([*names, "waits"])


def test_a_page_costs_as_much_however_many_it_shows(acme: Organization, api: Api) -> None:
    for number in range(12):
        hold_for(acme, f"work:{number}", 1_000, end_user_id=f"u_{number}")
    counts = []
    for limit in (1, 12):
        with CaptureQueriesContext(connection) as queries:
            read(api, "/end-users", limit=limit)
        counts.append(len(queries))

    assert counts == [4, 4]  # the key, the ids, the budgets, the days


def test_nobody_and_a_strangers_end_user_are_not_there(
    acme: Organization, rival: Organization, api: Api
) -> None:
    hold_for(rival, "work:1", 1_000, end_user_id="u_1")

    assert api.get("/end-users/u_1").status_code == 404
    assert read(api, "/end-users") == {"data": [], "next_cursor": None}


@pytest.mark.parametrize("cursor", ["!", "/w==", "AA=="])
def test_a_cursor_that_no_list_gave_is_refused(api: Api, cursor: str) -> None:
    response = api.get("/end-users", cursor=cursor)

    assert response.status_code == 400
    assert json.loads(response.content)["error"]["param"] == "cursor"

"""Programs read and set budgets: who, how much, in which period; strangers' members and keys are not there."""

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest
import time_machine

from accounts import api_keys
from accounts.models import ApiKey, AuditEntry, Membership, Organization
from billing import ledger
from billing.models import Budget
from tests.billing.moves import hold_for
from tests.world import Api, money

if TYPE_CHECKING:
    from tests.world import Answer

MakeApi = Callable[[Organization], Api]


def send(api: Api, method: str, path: str, body: Any = None) -> "Answer":
    data = b"" if body is None else json.dumps(body)
    return api.client.generic(
        method, f"/api/v1{path}", data, content_type="application/json", headers=api.headers
    )


def put(api: Api, path: str, body: Any) -> dict[str, Any]:
    response = send(api, "PUT", path, body)
    assert response.status_code == 200, response.content
    answer: dict[str, Any] = json.loads(response.content)
    return answer


def refusal(response: "Answer") -> tuple[int, str, str | None]:
    error = json.loads(response.content)["error"]
    return response.status_code, error["code"], error["param"]


def read(api: Api, path: str) -> dict[str, Any]:
    response = api.get(path)
    assert response.status_code == 200, response.content
    answer: dict[str, Any] = json.loads(response.content)
    return answer


@pytest.fixture
def api(acme: Organization, api_for: MakeApi) -> Api:
    return api_for(acme)


@time_machine.travel("2026-06-17T14:32:00Z", tick=False)
def test_a_budget_shows_what_is_spent_and_held_and_when_it_resets(
    acme: Organization, api: Api
) -> None:
    hold_for(acme, "work:1", 1_000_000, end_user_id="u_9f2c")
    hold_for(acme, "work:2", 2_000_000, end_user_id="u_9f2c")
    ledger.capture(acme, "work:2", amount_microusd=1_500_000)

    shown = put(api, "/budgets/end_user/u_9f2c", {"limit_usd": "12.00", "period": "week"})

    assert shown == {
        "object": "budget",
        "scope": "end_user",
        "id": "u_9f2c",
        "limit_usd": "12.0000",
        "period": "week",
        "spent_usd": "1.5000",
        "held_usd": "1.0000",
        "left_usd": "9.5000",
        "resets_at": "2026-06-22T00:00:00.000Z",
        "inherited": False,
    }
    assert read(api, "/budgets/end_user/u_9f2c") == shown
    assert read(api, "/budgets/end_user/u_9f2c/") == shown


def test_a_new_amount_keeps_the_period_and_the_first_one_is_a_month(
    acme: Organization, api: Api
) -> None:
    path = f"/budgets/organization/{acme.id}"
    assert put(api, path, {"limit_usd": "10"})["period"] == "month"
    assert put(api, path, {"limit_usd": "5", "period": "day"})["period"] == "day"

    changed = put(api, path, {"limit_usd": "7.5"})

    assert (changed["limit_usd"], changed["period"]) == ("7.5000", "day")
    assert Budget.objects.count() == 1


@pytest.mark.parametrize("scope", ["organization", "member", "api_key", "end_user"])
def test_every_change_counts_for_the_next_hold(acme: Organization, api: Api, scope: str) -> None:
    member = acme.memberships.get()
    key = acme.api_keys.get()
    id = {"organization": acme.id, "member": member.id, "api_key": key.id, "end_user": "u_1"}[scope]
    whose = {"member_id": member.id, "api_key_id": key.id, "end_user_id": "u_1"}
    path = f"/budgets/{scope}/{id}"

    put(api, path, {"limit_usd": "0"})
    assert hold_for(acme, "work:1", 1_000_000, **whose) == "budget_exceeded"
    put(api, path, {"limit_usd": "1"})
    assert hold_for(acme, "work:2", 1_000_000, **whose) == "held"
    assert hold_for(acme, "work:3", 1_000_000, **whose) == "budget_exceeded"
    put(api, path, {"limit_usd": None})
    assert hold_for(acme, "work:4", 1_000_000, **whose) == "held"
    put(api, path, {"limit_usd": "1"})
    assert send(api, "DELETE", path).status_code == 200
    assert hold_for(acme, "work:5", 1_000_000, **whose) == "held"

    assert money(acme) == (22_000_000, 3_000_000)


def test_the_default_for_every_end_user_holds_until_one_has_their_own(
    acme: Organization, api: Api
) -> None:
    put(api, "/budgets/end_user/*", {"limit_usd": "2", "period": "lifetime"})
    assert hold_for(acme, "work:1", 2_000_000, end_user_id="u_1") == "held"

    inherited = read(api, "/budgets/end_user/u_1")
    assert (inherited["limit_usd"], inherited["held_usd"], inherited["inherited"]) == (
        "2.0000",
        "2.0000",
        True,
    )
    assert inherited["resets_at"] is None
    default = read(api, "/budgets/end_user/*")
    assert (default["limit_usd"], default["spent_usd"], default["held_usd"]) == (
        "2.0000",
        None,
        None,
    )

    put(api, "/budgets/end_user/u_1", {"limit_usd": None})
    own = read(api, "/budgets/end_user/u_1")
    assert (own["limit_usd"], own["left_usd"], own["inherited"]) == (None, None, False)
    send(api, "DELETE", "/budgets/end_user/u_1")
    assert read(api, "/budgets/end_user/u_1")["limit_usd"] == "2.0000"


def test_without_a_budget_nothing_is_limited_and_what_was_spent_is_shown(
    acme: Organization, api: Api
) -> None:
    hold_for(acme, "work:1", 1_000_000)

    shown = read(api, f"/budgets/organization/{acme.id}")

    assert (shown["limit_usd"], shown["period"], shown["held_usd"]) == (None, "month", "1.0000")


def test_removing_twice_is_like_once(acme: Organization, api: Api) -> None:
    path = f"/budgets/organization/{acme.id}"
    put(api, path, {"limit_usd": "10"})

    first, second = (send(api, "DELETE", path) for _ in range(2))

    assert (first.status_code, second.status_code) == (200, 200)
    assert json.loads(second.content)["limit_usd"] is None
    assert not Budget.objects.exists()
    assert AuditEntry.objects.filter(action="budget.removed").count() == 1


@pytest.mark.parametrize(
    "id", ["u/with/slashes", "ü", "a b", "%25", "u?x=1#y", "'; DROP", "x" * 255]
)
def test_any_end_user_id_can_have_a_budget(api: Api, id: str) -> None:
    path = f"/budgets/end_user/{quote(id, safe='')}"

    assert put(api, path, {"limit_usd": "1"})["id"] == id

    assert read(api, path)["limit_usd"] == "1.0000"
    assert Budget.objects.get().subject_id == id


@pytest.mark.parametrize(
    ("body", "code", "param"),
    [
        ({}, "invalid_request", "limit_usd"),
        ({"period": "day"}, "invalid_request", "limit_usd"),
        ({"limit_usd": 5}, "invalid_request", "limit_usd"),
        ({"limit_usd": "-1"}, "invalid_request", "limit_usd"),
        ({"limit_usd": "0.0000001"}, "invalid_request", "limit_usd"),
        ({"limit_usd": "1e3"}, "invalid_request", "limit_usd"),
        ({"limit_usd": ""}, "invalid_request", "limit_usd"),
        ({"limit_usd": True}, "invalid_request", "limit_usd"),
        ({"limit_usd": "1000000000.000001"}, "invalid_request", "limit_usd"),
        ({"limit_usd": "99999999999999999999"}, "invalid_request", "limit_usd"),
        ({"limit_usd": "1", "period": "year"}, "invalid_request", "period"),
        ({"limit_usd": "1", "period": ["day"]}, "invalid_request", "period"),
        ({"limit_usd": "1", "limit": "2"}, "unknown_field", "limit"),
    ],
)
def test_what_a_budget_cannot_be_is_named(
    acme: Organization, api: Api, body: Any, code: str, param: str
) -> None:
    response = send(api, "PUT", f"/budgets/organization/{acme.id}", body)

    assert refusal(response) == (400, code, param)
    assert not Budget.objects.exists()
    assert not AuditEntry.objects.filter(action="budget.set").exists()


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_unknown_and_strangers_subjects_are_the_same_nothing(
    acme: Organization, rival: Organization, api: Api, method: str
) -> None:
    theirs, _ = api_keys.issue(rival, "theirs")
    member = Membership.objects.get(organization=rival)
    paths = [
        f"organization/{rival.id}",
        "organization/org_nobody",
        f"member/{member.id}",
        "member/mem_nobody",
        f"api_key/{theirs.id}",
        "api_key/key_nobody",
        "team/t_1",
    ]

    answers = [
        send(api, method, f"/budgets/{path}", {"limit_usd": "1"} if method == "PUT" else None)
        for path in paths
    ]

    assert {refusal(answer) for answer in answers} == {(404, "not_found", None)}
    assert {json.loads(answer.content)["error"]["message"] for answer in answers} == {
        "There is nothing at this address."
    }
    assert not Budget.objects.exists()


def test_an_end_user_of_another_organization_is_another_person(
    acme: Organization, rival: Organization, api: Api, api_for: MakeApi
) -> None:
    put(api, "/budgets/end_user/u_1", {"limit_usd": "0"})

    assert read(api_for(rival), "/budgets/end_user/u_1")["limit_usd"] is None
    assert read(api_for(rival), "/budgets")["data"] == []
    assert hold_for(rival, "work:1", 1_000_000, end_user_id="u_1") == "held"


def test_an_end_user_id_has_a_longest_form(api: Api) -> None:
    response = send(api, "PUT", f"/budgets/end_user/{'x' * 256}", {"limit_usd": "1"})

    assert refusal(response) == (400, "invalid_request", "id")


def test_the_audit_trail_says_who_from_where_before_and_after(acme: Organization, api: Api) -> None:
    path = f"/budgets/organization/{acme.id}"
    put(api, path, {"limit_usd": "10"})
    put(api, path, {"limit_usd": "20", "period": "day"})

    entry = AuditEntry.objects.filter(action="budget.set").latest("id")

    assert entry.api_key == ApiKey.objects.get(organization=acme)
    assert (entry.actor, entry.address) == (None, "127.0.0.1")
    assert entry.target == Budget.objects.get().id
    assert entry.before == {"limit_usd": "10.0000", "period": "month"}
    assert entry.after == {
        "scope": "organization",
        "subject": acme.id,
        "limit_usd": "20.0000",
        "period": "day",
    }


def test_the_audit_trail_never_learns_the_name_of_an_end_user(api: Api) -> None:
    put(api, "/budgets/end_user/jane@example.com", {"limit_usd": "10"})
    send(api, "DELETE", "/budgets/end_user/jane@example.com")

    for entry in AuditEntry.objects.filter(action__startswith="budget."):
        assert "jane" not in json.dumps([entry.target, entry.before, entry.after])


def test_the_list_has_what_was_set_newest_first_in_pages(acme: Organization, api: Api) -> None:
    key = acme.api_keys.get()
    put(api, "/budgets/end_user/*", {"limit_usd": "1"})
    put(api, f"/budgets/api_key/{key.id}", {"limit_usd": "2"})
    put(api, f"/budgets/organization/{acme.id}", {"limit_usd": "3"})

    page = read(api, "/budgets?limit=2")
    rest = read(api, f"/budgets?limit=2&cursor={page['next_cursor']}")

    assert [row["scope"] for row in page["data"]] == ["organization", "api_key"]
    assert [row["limit_usd"] for row in rest["data"]] == ["1.0000"]
    assert rest["next_cursor"] is None
    only = read(api, "/budgets?scope=api_key")
    assert [row["id"] for row in only["data"]] == [key.id]
    assert refusal(api.get("/budgets", scope="team")) == (400, "invalid_request", "scope")


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_without_a_key_there_is_no_budget(acme: Organization, api: Api, method: str) -> None:
    response = api.client.generic(method, f"/api/v1/budgets/organization/{acme.id}")
    assert response.status_code == 401


@pytest.mark.parametrize("scope", ["member", "api_key"])
def test_each_member_and_each_key_have_a_default(acme: Organization, api: Api, scope: str) -> None:
    own = {"member": acme.memberships.get(), "api_key": acme.api_keys.get()}[scope]

    of_each = put(api, f"/budgets/{scope}/*", {"limit_usd": "2.00", "period": "day"})
    shown = read(api, f"/budgets/{scope}/{own.pk}")

    assert (of_each["limit_usd"], of_each["spent_usd"], of_each["left_usd"]) == (
        "2.0000",
        None,
        None,
    )
    assert (shown["limit_usd"], shown["left_usd"], shown["inherited"]) == ("2.0000", "2.0000", True)
    assert hold_for(acme, "work:1", 2_000_001, **{f"{scope}_id": own.pk}) == "budget_exceeded"
    assert send(api, "DELETE", f"/budgets/{scope}/*").status_code == 200
    assert hold_for(acme, "work:1", 2_000_001, **{f"{scope}_id": own.pk}) == "held"


def test_an_organization_is_one_and_has_no_default(acme: Organization, api: Api) -> None:
    answer = send(api, "PUT", "/budgets/organization/*", {"limit_usd": "2.00"})
    assert refusal(answer) == (404, "not_found", None)
    assert not Budget.objects.exists()

"""Programs make, list, rotate and revoke keys; a secret is told once, in the answer that made it."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from pytest_django import DjangoAssertNumQueries

from accounts import api_keys, key_terms
from accounts.key_terms import Terms
from accounts.models import ApiKey, AuditEntry, IdempotencyRecord, Organization
from billing import budgets
from billing.models import Budget
from tests.billing.moves import hold_for
from tests.generations.steps import BODY
from tests.world import Api

WHOLE = {
    "name": "Storefront",
    "scopes": ["generations:read", "generations:write"],
    "allowed_models": ["seedance-2.0-fast-text-to-video"],
    "allowed_resolutions": ["480p"],
    "allowed_addresses": ["127.0.0.0/8"],
    "concurrent_max": 2,
    "expires_at": "2126-01-01T00:00:00Z",
    "budget": {"limit_usd": "10", "period": "day"},
}


@pytest.fixture
def api(acme: Organization, api_for: Callable[[Organization], Api]) -> Api:
    return api_for(acme)


def delete(api: Api, path: str) -> int:
    return int(api.client.delete(f"/api/v1{path}", headers=api.headers).status_code)


def test_a_key_is_made_with_all_that_limits_it(acme: Organization, api: Api) -> None:
    made = api.post("/api-keys", WHOLE)

    assert made.status_code == 201
    assert "no-store" in made.headers["Cache-Control"]
    body = made.json()
    secret = body.pop("secret")
    key = ApiKey.objects.get(name="Storefront")
    assert made.headers["Location"] == f"/api/v1/api-keys/{key.id}"
    assert body["budget"].pop("resets_at")
    assert body.pop("created_at")
    assert body == {
        "id": key.id,
        "object": "api_key",
        "name": "Storefront",
        "prefix": secret[:12],
        "kind": "organization",
        "member": None,
        "scopes": ["generations:write", "generations:read"],
        "allowed_models": ["seedance-2.0-fast-text-to-video"],
        "allowed_resolutions": ["480p"],
        "allowed_addresses": ["127.0.0.0/8"],
        "concurrent_max": 2,
        "budget": {
            "object": "budget",
            "scope": "api_key",
            "id": key.id,
            "limit_usd": "10.0000",
            "period": "day",
            "spent_usd": "0.0000",
            "held_usd": "0.0000",
            "left_usd": "10.0000",
            "inherited": False,
        },
        "created_by": None,
        "last_used_at": None,
        "last_used_address": None,
        "expires_at": "2126-01-01T00:00:00.000Z",
        "revoked_at": None,
        "previous": None,
    }
    assert Api(secret).get("/generations").status_code == 200
    assert "secret" not in api.get(f"/api-keys/{key.id}").json()
    assert secret not in api.get("/api-keys").content.decode()
    assert {entry.action for entry in AuditEntry.objects.filter(api_key__name="test")} == {
        "api_key.issued",
        "budget.set",
    }


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({}, "name"),
        ({"name": " "}, "name"),
        ({"name": "x" * 101}, "name"),
        ({"name": 1}, "name"),
        ({"name": "x", "color": "red"}, "color"),
        ({"name": "x", "scopes": ["everything"]}, "scopes"),
        ({"name": "x", "scopes": "generations:read"}, "scopes"),
        ({"name": "x", "allowed_models": ["kite"]}, "allowed_models"),
        ({"name": "x", "allowed_resolutions": ["8k"]}, "allowed_resolutions"),
        ({"name": "x", "allowed_addresses": ["10.0.0.1/8"]}, "allowed_addresses"),
        ({"name": "x", "allowed_addresses": [1]}, "allowed_addresses"),
        ({"name": "x", "concurrent_max": 0}, "concurrent_max"),
        ({"name": "x", "concurrent_max": True}, "concurrent_max"),
        ({"name": "x", "expires_at": "2020-01-01T00:00:00Z"}, "expires_at"),
        ({"name": "x", "expires_at": "2126-01-01"}, "expires_at"),
        ({"name": "x", "expires_at": "9999-12-31T23:59:59-23:59"}, "expires_at"),
        ({"name": "x", "expires_at": "2126-13-01T00:00:00Z"}, "expires_at"),
        ({"name": "x", "budget": 5}, "budget"),
        ({"name": "x", "budget": {"limit": "5"}}, "budget"),
        ({"name": "x", "budget": {}}, "budget"),
        ({"name": "x", "budget": {"period": "day"}}, "budget"),
        ({"name": "x", "budget": {"limit_usd": "5", "limit": "5"}}, "budget.limit"),
        ({"name": "x", "budget": {"limit_usd": "5", "period": []}}, "budget.period"),
        ({"name": "x", "budget": {"limit_usd": "-5"}}, "budget.limit_usd"),
        ({"name": "x", "budget": {"limit_usd": "5", "period": "hour"}}, "budget.period"),
    ],
)
def test_each_fault_names_its_field_and_makes_nothing(
    api: Api, body: dict[str, Any], param: str
) -> None:
    refused = api.post("/api-keys", body)

    assert refused.status_code == 400
    assert refused.json()["error"]["param"] == param
    assert [key.name for key in ApiKey.objects.all()] == ["test"]


def test_a_repeat_under_the_same_idempotency_key_makes_one_key_and_tells_no_secret(
    acme: Organization, api: Api
) -> None:
    first = api.post("/api-keys", {"name": "once"}, key="k1")
    again = api.post("/api-keys", {"name": "once"}, key="k1")

    assert (first.status_code, again.status_code) == (201, 201)
    assert again.headers["Idempotent-Replayed"] == "true"
    assert again.json() == first.json() | {"secret": None}
    assert ApiKey.objects.filter(name="once").count() == 1
    assert first.json()["secret"] not in str(IdempotencyRecord.objects.get().body)


def test_a_list_has_every_key_in_few_queries(
    acme: Organization,
    rival: Organization,
    api: Api,
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    api_keys.issue(rival, "theirs")
    for number in range(30):
        key, _ = api_keys.issue(acme, f"key {number}")
        budgets.set_limit(
            acme, Budget.Scope.API_KEY, key.id, limit_microusd=1_000_000, period="day"
        )
    api_keys.revoke(key)
    api.get("/balance")

    with django_assert_num_queries(4):
        rows = api.get("/api-keys", limit="30").json()

    assert [row["name"] for row in rows["data"]] == [
        f"key {number}" for number in range(29, -1, -1)
    ]
    assert rows["data"][0]["revoked_at"]
    assert rows["data"][1]["budget"]["limit_usd"] == "1.0000"
    (oldest,) = api.get("/api-keys", limit="30", cursor=rows["next_cursor"]).json()["data"]
    assert oldest["name"] == "test"


def test_a_rotation_keeps_the_key_and_its_budget(acme: Organization, api: Api) -> None:
    made = api.post("/api-keys", WHOLE).json()
    hold_for(acme, "work:1", 9_800_000, api_key_id=made["id"])

    rotated = api.post(f"/api-keys/{made['id']}/rotate", {"overlap_seconds": 600})

    assert rotated.status_code == 201
    body = rotated.json()
    assert body["id"] == made["id"]
    assert body["previous"]["prefix"] == made["prefix"]
    assert body["budget"]["left_usd"] == "0.2000"
    for secret in (made["secret"], body["secret"]):
        over = Api(secret).post("/generations", BODY | {"resolution": "480p", "duration": 4})
        assert over.status_code == 402
        assert over.json()["error"]["code"] == "budget_exceeded"
    again = api.post(f"/api-keys/{made['id']}/rotate", {})
    assert (again.status_code, again.json()["error"]["code"]) == (409, "key_is_rotating")

    assert api.post(f"/api-keys/{made['id']}/end-overlap").json()["previous"] is None
    assert Api(made["secret"]).get("/generations").status_code == 401
    assert Api(body["secret"]).get("/generations").status_code == 200


@pytest.mark.parametrize("seconds", [-1, 604_801, "60", 1.5, True, None])
def test_a_bad_overlap_changes_nothing(acme: Organization, api: Api, seconds: object) -> None:
    key, secret = api_keys.issue(acme, "server")

    refused = api.post(f"/api-keys/{key.id}/rotate", {"overlap_seconds": seconds})

    assert (refused.status_code, refused.json()["error"]["param"]) == (400, "overlap_seconds")
    assert api_keys.find(secret) == key


def test_a_rotation_repeated_under_its_idempotency_key_rotates_once(
    acme: Organization, api: Api
) -> None:
    key, _ = api_keys.issue(acme, "server")
    path = f"/api-keys/{key.id}/rotate"

    first = api.post(path, {"overlap_seconds": 60}, key="k1")
    again = api.post(path, {"overlap_seconds": 60}, key="k1")

    assert again.json() == first.json() | {"secret": None}
    assert api_keys.find(first.json()["secret"]) == key
    assert AuditEntry.objects.filter(action="api_key.rotated").count() == 1


def test_a_revocation_counts_from_the_next_request_on(acme: Organization, api: Api) -> None:
    key, secret = api_keys.issue(acme, "server")
    assert Api(secret).get("/balance").status_code == 200

    assert delete(api, f"/api-keys/{key.id}") == 204
    assert delete(api, f"/api-keys/{key.id}") == 204

    assert Api(secret).get("/balance").status_code == 401
    refused = api.post(f"/api-keys/{key.id}/rotate", {})
    assert (refused.status_code, refused.json()["error"]["code"]) == (409, "key_is_over")
    entry = AuditEntry.objects.get(action="api_key.revoked")
    assert entry.api_key is not None
    assert (entry.api_key.name, entry.address) == ("test", "127.0.0.1")


def test_a_strangers_key_is_not_there(acme: Organization, rival: Organization, api: Api) -> None:
    theirs, secret = api_keys.issue(rival, "theirs")

    assert api.get(f"/api-keys/{theirs.id}").status_code == 404
    assert delete(api, f"/api-keys/{theirs.id}") == 404
    assert api.post(f"/api-keys/{theirs.id}/rotate", {}).status_code == 404
    assert api.post(f"/api-keys/{theirs.id}/end-overlap", {}).status_code == 404
    assert api_keys.find(secret) == theirs


def narrow(organization: Organization, **fields: Any) -> Api:
    terms = Terms(scopes=("keys:read", "keys:write"), **fields)
    _, secret = api_keys.issue(organization, "narrow", terms)
    return Api(secret)


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"name": "wide"}, "scopes"),
        ({"name": "wide", "scopes": ["billing:read"]}, "scopes"),
        ({"name": "wide", "scopes": ["keys:read"]}, "allowed_models"),
    ],
)
def test_a_key_makes_none_that_may_more_than_itself(
    acme: Organization, body: dict[str, Any], param: str
) -> None:
    api = narrow(acme, allowed_models=("seedance-2.0-fast-text-to-video",))

    refused = api.post("/api-keys", body)

    assert refused.status_code == 403
    assert refused.json()["error"]["code"] == "wider_than_own"
    assert refused.json()["error"]["param"] == param
    assert ApiKey.objects.count() == 1


def test_a_key_gets_no_secret_of_a_wider_one(acme: Organization) -> None:
    api = narrow(acme)
    wide, secret = api_keys.issue(acme, "wide")

    assert api.post(f"/api-keys/{wide.id}/rotate", {}).status_code == 403
    assert api_keys.find(secret) == wide


def test_a_key_with_a_budget_does_not_spend_through_another(acme: Organization) -> None:
    api = narrow(acme)
    own = ApiKey.objects.get(name="narrow")
    other, secret = api_keys.issue(acme, "other", Terms(scopes=("keys:read",)))
    budgets.set_limit(acme, Budget.Scope.API_KEY, own.id, limit_microusd=1, period="day")

    made = api.post("/api-keys", {"name": "free", "scopes": ["keys:read"]})
    taken = api.post(f"/api-keys/{other.id}/rotate", {})

    assert (made.status_code, made.json()["error"]["param"]) == (403, "budget")
    assert (taken.status_code, taken.json()["error"]["param"]) == (403, "budget")
    assert ApiKey.objects.count() == 2
    assert api_keys.find(secret) == other
    assert api.post(f"/api-keys/{own.id}/rotate", {}).status_code == 201


# -- PATCH ------------------------------------------------------------------------------------------


def test_a_change_touches_only_what_is_sent(acme: Organization, api: Api) -> None:
    made = api.post("/api-keys", WHOLE).json()

    changed = patch(
        api,
        f"/api-keys/{made['id']}",
        {"name": "Shop", "scopes": ["generations:read"], "concurrent_max": None},
    )

    assert changed.status_code == 200
    made.pop("secret")
    assert changed.json() == made | {
        "name": "Shop",
        "scopes": ["generations:read"],
        "concurrent_max": None,
    }
    entry = AuditEntry.objects.get(action="api_key.changed")
    assert entry.before == {
        "scopes": ["generations:write", "generations:read"],
        "concurrent_max": 2,
    }
    assert entry.after == {
        "scopes": ["generations:read"],
        "concurrent_max": None,
        "is_renamed": True,
    }
    assert (str(entry.api_key and entry.api_key.name), entry.address) == ("test", "127.0.0.1")


def test_a_change_counts_from_the_next_request_on_and_a_repeat_changes_nothing(
    acme: Organization, api: Api
) -> None:
    key, secret = api_keys.issue(acme, "server")
    assert Api(secret).get("/balance").status_code == 200

    for _ in range(2):
        body = {"scopes": ["generations:read"], "allowed_addresses": ["203.0.113.0/24"]}
        assert patch(api, f"/api-keys/{key.id}", body).status_code == 200

    assert Api(secret).get("/generations").json()["error"]["code"] == "address_not_allowed"
    assert AuditEntry.objects.filter(action="api_key.changed").count() == 1


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"budget": None}, "budget"),
        ({"kind": "organization"}, "kind"),
        ({"prefix": "sd_live_0000"}, "prefix"),
        ({"name": None}, "name"),
        ({"scopes": "keys:read"}, "scopes"),
        ({"allowed_models": ["none"]}, "allowed_models"),
        ({"expires_at": "2020-01-01T00:00:00Z"}, "expires_at"),
        ({"name": "y", "concurrent_max": 0}, "concurrent_max"),
    ],
)
def test_a_bad_change_names_its_field_and_changes_nothing(
    acme: Organization, api: Api, body: dict[str, Any], param: str
) -> None:
    key, _ = api_keys.issue(acme, "server")

    refused = patch(api, f"/api-keys/{key.id}", body)

    assert (refused.status_code, refused.json()["error"]["param"]) == (400, param)
    assert_unchanged(key)


@pytest.mark.parametrize("body", [{"scopes": []}, {"expires_at": None}, {"allowed_models": []}])
def test_a_key_widens_neither_itself_nor_another_one(
    acme: Organization, body: dict[str, Any]
) -> None:
    terms = Terms(
        scopes=("keys:read", "keys:write"),
        allowed_models=("seedance-2.0-fast-text-to-video",),
        expires_at=datetime(2126, 1, 1, tzinfo=UTC),
    )
    own, secret = api_keys.issue(acme, "own", terms)
    other, _ = api_keys.issue(acme, "other", terms)
    api = Api(secret)

    for key in (own, other):
        refused = patch(api, f"/api-keys/{key.id}", body)
        assert (refused.status_code, refused.json()["error"]["code"]) == (403, "wider_than_own")
        assert_unchanged(key)
    assert patch(api, f"/api-keys/{own.id}", {"scopes": ["keys:write"]}).status_code == 200


def test_a_key_changes_none_that_may_more_and_none_if_it_has_a_budget(acme: Organization) -> None:
    api = narrow(acme)
    wide, _ = api_keys.issue(acme, "wide")
    like, _ = api_keys.issue(acme, "like", Terms(scopes=("keys:read",)))

    assert patch(api, f"/api-keys/{wide.id}", {"name": "mine"}).status_code == 403
    own = ApiKey.objects.get(name="narrow")
    budgets.set_limit(acme, Budget.Scope.API_KEY, own.id, limit_microusd=1, period="day")
    refused = patch(api, f"/api-keys/{like.id}", {"scopes": ["keys:write"]})

    assert (refused.status_code, refused.json()["error"]["param"]) == (403, "budget")
    for key in (wide, like):
        assert_unchanged(key)


def test_neither_a_strangers_key_nor_one_that_is_over_is_changed(
    acme: Organization, rival: Organization, api: Api
) -> None:
    theirs, _ = api_keys.issue(rival, "theirs")
    over, _ = api_keys.issue(acme, "over")
    api_keys.revoke(over)

    assert patch(api, f"/api-keys/{theirs.id}", {"name": "mine"}).status_code == 404
    refused = patch(api, f"/api-keys/{over.id}", {"name": "mine"})

    assert (refused.status_code, refused.json()["error"]["code"]) == (409, "key_is_over")
    for key in (theirs, over):
        assert_unchanged(key)


def patch(api: Api, path: str, body: dict[str, Any]) -> Any:
    return api.client.patch(
        f"/api/v1{path}", json.dumps(body), content_type="application/json", headers=api.headers
    )


def assert_unchanged(key: ApiKey) -> None:
    now = ApiKey.objects.get(pk=key.pk)
    assert (now.name, key_terms.of(now)) == (key.name, key_terms.of(key))
    assert not AuditEntry.objects.filter(target=key.pk, action="api_key.changed").exists()

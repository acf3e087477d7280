"""Programs read and say which models and resolutions the organization and each role may use."""

import json
from typing import Any

import pytest

from accounts import api_keys
from accounts.key_terms import Terms
from accounts.models import AuditEntry, Organization, Role, RoleTerms
from tests.accounts.team import member
from tests.generations.steps import BODY, IMAGE, TEXT
from tests.world import Api

NOTHING: dict[str, Any] = {"allowed_models": [], "allowed_resolutions": [], "concurrent_max": None}


def put(api: Api, of: str, body: dict[str, Any]) -> Any:
    return api.client.put(
        f"/api/v1/terms/{of}",
        json.dumps(body),
        content_type="application/json",
        headers=api.headers,
    )


def test_all_of_them_stand_in_one_list(acme: Organization, rival: Organization, api: Api) -> None:
    RoleTerms.objects.create(organization=acme, role=Role.DEVELOPER, concurrent_max=2)
    RoleTerms.objects.create(organization=rival, role=Role.OWNER, concurrent_max=1)

    assert api.get("/terms").json() == {
        "data": [
            {"object": "terms", "of": "organization", "allowed_models": []},
            {"object": "terms", "of": "owner", **NOTHING},
            {"object": "terms", "of": "admin", **NOTHING},
            {"object": "terms", "of": "developer", **NOTHING, "concurrent_max": 2},
        ],
        "next_cursor": None,
    }
    assert api.get("/terms/developer").json()["concurrent_max"] == 2


def test_what_a_role_may_use_counts_from_the_next_request_on(acme: Organization, api: Api) -> None:
    bo = member(acme, Role.DEVELOPER)
    _, secret = api_keys.issue(acme, "scripts", member=bo, by=bo.user)
    assert Api(secret).post("/generations", BODY).status_code == 201

    said = put(api, "developer", {"allowed_resolutions": ["720p"], "concurrent_max": 3})

    assert said.json() == {
        "object": "terms", "of": "developer",
        "allowed_models": [], "allowed_resolutions": ["720p"], "concurrent_max": 3,
    }  # fmt: skip
    assert Api(secret).post("/generations", BODY).status_code == 403
    assert api.post("/generations", BODY).status_code == 201
    entry = AuditEntry.objects.get(action="role.terms_set")
    assert entry.api_key == acme.api_keys.get(name="test")
    assert (entry.actor, entry.address) == (None, "127.0.0.1")
    assert put(api, "developer", {}).json() == {"object": "terms", "of": "developer", **NOTHING}
    assert Api(secret).post("/generations", BODY).status_code == 201


def test_what_the_organization_may_use_binds_every_key(acme: Organization, api: Api) -> None:
    said = put(api, "organization", {"allowed_models": [IMAGE]})

    assert said.json() == {"object": "terms", "of": "organization", "allowed_models": [IMAGE]}
    refused = api.post("/generations", BODY)
    assert refused.json()["error"]["details"] == {"set_by": "organization", "allowed": [IMAGE]}
    assert AuditEntry.objects.get(action="organization.models_allowed").address == "127.0.0.1"


@pytest.mark.parametrize(
    ("of", "body", "param"),
    [
        ("organization", {"concurrent_max": 1}, "concurrent_max"),
        ("developer", {"models": [TEXT]}, "models"),
        ("developer", {"allowed_models": ["none"]}, "allowed_models"),
        ("developer", {"allowed_resolutions": "480p"}, "allowed_resolutions"),
        ("developer", {"concurrent_max": 0}, "concurrent_max"),
    ],
)
def test_each_fault_names_its_field_and_sets_nothing(
    acme: Organization, api: Api, of: str, body: dict[str, Any], param: str
) -> None:
    refused = put(api, of, body)

    assert (refused.status_code, refused.json()["error"]["param"]) == (400, param)
    assert_nothing_is_set(acme)


@pytest.mark.parametrize("of", ["viewer", "billing", "king", "*"])
def test_a_role_that_makes_no_videos_has_no_terms(acme: Organization, api: Api, of: str) -> None:
    assert api.get(f"/terms/{of}").status_code == 404
    assert put(api, of, {}).status_code == 404
    assert_nothing_is_set(acme)


def test_a_key_that_reads_budgets_sets_nothing(acme: Organization) -> None:
    _, secret = api_keys.issue(acme, "reader", Terms(scopes=("budgets:read",)))

    assert Api(secret).get("/terms").status_code == 200
    assert put(Api(secret), "developer", {"concurrent_max": 1}).status_code == 403
    assert_nothing_is_set(acme)


def assert_nothing_is_set(acme: Organization) -> None:
    acme.refresh_from_db()
    assert acme.allowed_models == []
    assert not RoleTerms.objects.exists()
    assert not AuditEntry.objects.filter(
        action__in=("role.terms_set", "organization.models_allowed")
    ).exists()

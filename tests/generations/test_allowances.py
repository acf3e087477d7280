"""Models and resolutions that the organization, a role or a key may not use are refused, by name and before money."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from accounts.models import ApiKey, AuditEntry, Organization, Role, RoleTerms, User
from generations import allowances, catalog
from generations.models import Generation, Quote
from tests.generations.steps import BODY, IMAGE, TEXT
from tests.pages.conftest import FORM, text
from tests.world import Api, make_user, money

STANDARD = "seedance-2.0-text-to-video"


def refused(answer: Any, code: str) -> dict[str, Any]:
    """The refusal, after which nothing has moved."""
    assert answer.status_code == 403, answer.content
    error: dict[str, Any] = answer.json()["error"]
    assert error["code"] == code
    assert not Generation.objects.exists()
    assert not Quote.objects.exists()
    assert money(Organization.objects.order_by("id")[0]) == (25_000_000, 0)
    return error


def test_what_the_organization_does_not_allow_is_refused_on_the_next_request(
    acme: Organization, api: Api
) -> None:
    allowances.set_for_organization(acme, models=[IMAGE, STANDARD], actor=make_user())

    for path in ("/generations", "/quotes"):
        error = refused(api.post(path, BODY), "model_not_allowed")

        assert error["param"] == "model"
        assert error["details"] == {"set_by": "organization", "allowed": [STANDARD, IMAGE]}
        assert error["message"] == f"Acme does not allow {TEXT}, only {STANDARD}, {IMAGE}."
    allowances.set_for_organization(acme, models=[], actor=make_user())
    assert api.post("/generations", BODY).status_code == 201


def test_a_key_says_what_it_may_use(acme: Organization, api: Api) -> None:
    key = ApiKey.objects.get(organization=acme)
    ApiKey.objects.update(allowed_resolutions=["720p"])

    for path in ("/generations", "/quotes"):
        error = refused(api.post(path, BODY), "resolution_not_allowed")
        assert error["param"] == "resolution"
        assert error["details"] == {"set_by": "api_key", "allowed": ["720p"]}
        assert error["message"] == f"The key {key.name} does not allow 480p, only 720p."
    ApiKey.objects.update(allowed_resolutions=[], allowed_models=[IMAGE])
    error = refused(api.post("/generations", BODY), "model_not_allowed")
    assert error["details"] == {"set_by": "api_key", "allowed": [IMAGE]}


def test_a_quote_that_bound_before_does_not_allow_it(acme: Organization, api: Api) -> None:
    quote = api.post("/quotes", BODY).json()["id"]
    allowances.set_for_organization(acme, models=[IMAGE], actor=make_user())

    answer = api.post("/generations", {**BODY, "quote_id": quote})

    assert answer.status_code == 403
    assert answer.json()["error"]["code"] == "model_not_allowed"
    assert not Generation.objects.exists()
    assert money(acme) == (25_000_000, 0)


def test_models_says_what_the_key_may_use(acme: Organization, api: Api) -> None:
    ApiKey.objects.update(allowed_resolutions=["480p"])
    allowances.set_for_organization(acme, models=[TEXT], actor=make_user())

    models = {row["id"]: row["allowed"] for row in api.get("/models").json()["data"]}

    assert models[TEXT] == {"model": True, "resolution": ["480p"], "because": None}
    assert models[IMAGE] == {
        "model": False,
        "resolution": [],
        "because": f"Acme does not allow {IMAGE}, only {TEXT}.",
    }
    assert api.get(f"/models/{TEXT}").json()["allowed"] == models[TEXT]


def test_a_role_limits_its_members_and_nobody_else(
    acme: Organization, api: Api, member_of: Callable[..., User], page_for: Callable[[User], Client]
) -> None:
    allowances.set_for_role(
        acme,
        Role.DEVELOPER,
        models=[],
        resolutions=["720p"],
        concurrent_max=None,
        actor=make_user(),
    )

    page = page_for(member_of(acme, Role.DEVELOPER)).post("/create", FORM)

    assert page.status_code == 403
    assert "What Acme set for the role developer does not allow 480p, only 720p." in text(page)
    assert "a red kite over a beach</textarea>" in text(page)
    assert not Generation.objects.exists()
    assert page_for(member_of(acme, Role.ADMIN)).post("/create", FORM).status_code == 302
    assert api.post("/generations", BODY).status_code == 201


def test_a_stranger_sets_nothing_for_others(
    acme: Organization, rival: Organization, api: Api
) -> None:
    allowances.set_for_organization(rival, models=[IMAGE], actor=make_user())
    assert api.post("/generations", BODY).status_code == 201


@pytest.mark.parametrize("models", [[], [TEXT]])
def test_what_is_set_leaves_one_audit_row_and_a_repeat_none(
    acme: Organization, models: list[str]
) -> None:
    actor = make_user()
    for _ in range(2):
        allowances.set_for_role(
            acme, Role.DEVELOPER, models=models, resolutions=["480p"], concurrent_max=2,
            actor=actor, address="192.0.2.7",
        )  # fmt: skip

    (row,) = AuditEntry.objects.filter(organization=acme, action="role.terms_set")
    assert (row.actor, row.address, row.target) == (actor, "192.0.2.7", "role:developer")
    assert row.before == {"models": [], "resolutions": [], "concurrent_max": None}
    assert row.after == {"models": models, "resolutions": ["480p"], "concurrent_max": 2}
    assert RoleTerms.objects.get().concurrent_max == 2


def test_all_models_is_the_same_as_none_named(acme: Organization) -> None:
    every = [model.slug for model in catalog.MODELS]
    allowances.set_for_organization(acme, models=every, actor=make_user())

    assert Organization.objects.get(pk=acme.pk).allowed_models == []
    assert not AuditEntry.objects.filter(action="organization.models_allowed").exists()

"""A key does what its scopes say; every address of the API says which one it needs."""

from collections.abc import Callable, Iterator

import pytest
from django.urls import URLPattern, URLResolver, get_resolver
from rest_framework.views import APIView

from accounts import api_keys, key_terms
from accounts.key_terms import Terms
from accounts.models import ApiKey, Organization
from generations.models import Generation
from tests.world import Api, money

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")


def views(resolver: URLResolver, prefix: str = "") -> Iterator[tuple[str, type[APIView]]]:
    for pattern in resolver.url_patterns:
        path = prefix + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from views(pattern, path)
        elif isinstance(pattern, URLPattern) and hasattr(pattern.callback, "cls"):
            yield path, pattern.callback.cls


VIEWS = [(path, view) for path, view in views(get_resolver()) if view.authentication_classes]


@pytest.mark.parametrize(("path", "view"), VIEWS, ids=[path for path, _ in VIEWS])
def test_every_method_of_the_api_names_the_scope_that_it_needs(
    path: str, view: type[APIView]
) -> None:
    methods = {method for method in METHODS if hasattr(view, method.lower())}
    scopes: dict[str, str] = getattr(view, "scopes", {})

    assert methods
    assert scopes.keys() == methods
    assert set(scopes.values()) <= key_terms.SCOPES.keys()
    for method, scope in scopes.items():
        assert scope.endswith(":read" if method == "GET" else ":write")


def key_with(organization: Organization, *scopes: str) -> Api:
    _, secret = api_keys.issue(organization, "narrow", Terms(scopes=scopes))
    return Api(secret)


def test_a_key_without_the_scope_is_told_which_one_is_needed(acme: Organization) -> None:
    reader = key_with(acme, "generations:read")
    before = money(acme)

    refused = reader.post(
        "/generations", {"model": "seedance-2.0-fast-text-to-video", "prompt": "a kite"}
    )

    assert refused.status_code == 403
    error = refused.json()["error"]
    assert (error["code"], error["details"]) == (
        "insufficient_scope",
        {"needed": "generations:write"},
    )
    assert "generations:write" in error["message"]
    assert not Generation.objects.exists()
    assert money(acme) == before
    assert reader.get("/generations").status_code == 200
    assert reader.get("/balance").status_code == 403


def test_a_key_without_any_scope_in_its_list_may_do_everything(acme: Organization) -> None:
    api = key_with(acme)

    for path in ("/generations", "/balance", "/events", f"/budgets/organization/{acme.id}"):
        assert api.get(path).status_code == 200


def test_head_needs_what_get_needs_and_an_unknown_method_no_scope(acme: Organization) -> None:
    api = key_with(acme, "events:read")

    assert api.client.head("/api/v1/balance", headers=api.headers).status_code == 403
    assert api.client.head("/api/v1/events", headers=api.headers).status_code == 200
    assert api.client.put("/api/v1/balance", headers=api.headers).status_code == 405


def test_a_view_that_names_no_scope_is_closed(
    acme: Organization, monkeypatch: pytest.MonkeyPatch
) -> None:
    from billing.api import BalanceDetail

    monkeypatch.setattr(BalanceDetail, "scopes", {})

    refused = key_with(acme).get("/balance")

    assert (refused.status_code, refused.json()["error"]["code"]) == (403, "forbidden")


def test_expired_revoked_and_unknown_are_one_and_the_same(
    acme: Organization, api_for: Callable[[Organization], Api]
) -> None:
    def said(api: Api) -> tuple[int, object]:
        answer = api.get("/balance")
        return answer.status_code, answer.json()["error"] | {"request_id": ""}

    unknown = said(Api("sd_live_" + "0" * 48))
    revoked = api_for(acme)
    expired, secret = api_keys.issue(acme, "expired")
    api_keys.revoke(ApiKey.objects.get(name="test"))
    ApiKey.objects.filter(pk=expired.pk).update(expires_at=expired.created_at)

    assert unknown[0] == 401
    assert said(revoked) == unknown
    assert said(Api(secret)) == unknown

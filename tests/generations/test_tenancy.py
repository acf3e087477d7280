"""A stranger's key finds nothing of ours: the same 404 as for what does not exist."""

from collections.abc import Callable, Iterator

import pytest
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver
from django.utils.regex_helper import normalize

from accounts.models import Organization
from generations import api_urls
from generations.models import Generation
from tests.generations.steps import Line
from tests.world import Api

UNKNOWN = "gen_" + "0" * 32
WORDS = ("id", "slug", "scope", "of")  # what may stand in an address
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")


def written(pattern: URLPattern | URLResolver) -> str:
    """`generations/%(id)s/cancel` for the pattern's expression, without a slash at its end."""
    return str(normalize(pattern.pattern.regex.pattern)[0][0])


def api_paths(resolver: URLResolver, prefix: str = "/") -> Iterator[str]:
    for pattern in resolver.url_patterns:
        path = prefix + written(pattern)
        if isinstance(pattern, URLResolver):
            yield from api_paths(pattern, path)
        elif path.startswith("/api/v1/"):
            yield path.removeprefix("/api/v1")


# Walked, so that a new address is covered without a word here.
OPEN = "/openapi.json"  # the description of all the others
PATHS = [path for path in api_paths(get_resolver()) if path != OPEN]
OBJECT_PATHS = [
    "/" + written(pattern)
    for pattern in api_urls.urlpatterns
    if written(pattern).startswith("generations/%(id)s")
]


def ask(client: Api, method: str, path: str) -> tuple[int, dict[str, object]]:
    response = client.client.generic(
        method, f"/api/v1{path}", "{}", "application/json", headers=client.headers
    )
    body = response.json()
    body["error"].pop("request_id")
    return response.status_code, body


@pytest.mark.parametrize("path", OBJECT_PATHS)
@pytest.mark.parametrize("method", METHODS)
def test_a_strangers_id_is_unknown(
    line: Line,
    rival: Organization,
    api_for: Callable[[Organization], Api],
    path: str,
    method: str,
) -> None:
    ours = line.collecting()
    stranger = api_for(rival)
    before = Generation.objects.values().get()

    of_ours = ask(stranger, method, path % {"id": ours.id})
    of_nothing = ask(stranger, method, path % {"id": UNKNOWN})

    assert of_ours == of_nothing
    assert of_ours[0] in {404, 405}
    assert line.upstream.cancels == 0
    assert Generation.objects.values().get() == before


@pytest.mark.parametrize("path", OBJECT_PATHS)
def test_every_address_finds_what_is_ours(line: Line, path: str) -> None:
    generation = line.create()

    ask = line.api.post if path.endswith("/cancel") else line.api.get
    response = ask(path % {"id": generation.id})

    assert response.status_code == 200


@pytest.mark.parametrize("path", OBJECT_PATHS)
@pytest.mark.parametrize("id", ["%F0%9F%8E%AC", "gen_" + "f" * 5000, "%FF", "'--"])
def test_an_odd_id_is_unknown(api: Api, path: str, id: str) -> None:
    response = (api.post if path.endswith("/cancel") else api.get)(path % {"id": id})

    assert response.status_code == 404
    assert response.json()["error"]["code"] == "not_found"


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    "authorization", ["", "Bearer", "Bearer sd_live_", "Bearer sd_live_" + "0" * 48, "Basic eA=="]
)
def test_nothing_of_the_api_is_open_without_a_key(db: None, path: str, authorization: str) -> None:
    headers = {"Authorization": authorization} if authorization else {}

    response = Client().get(f"/api/v1{path % dict.fromkeys(WORDS, 'x')}", headers=headers)

    assert response.status_code == 401
    assert response.json()["error"]["code"] == "unauthenticated"

"""Every form carries a token; only what a key, a signature or a secret address proves goes without."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from tests.world import make_user

# Asked by programs, which have no cookie that a browser could be made to send. The operator's pages
# ask for the token themselves, after they have found out whether they are there at all.
WITHOUT = ("api/v1/", "compat/", "^webhooks/", "operator")


def addresses(
    patterns: list[URLPattern | URLResolver], prefix: str = ""
) -> Iterator[tuple[str, Any]]:
    for pattern in patterns:
        path = prefix + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from addresses(pattern.url_patterns, path)
        else:
            yield path, pattern.callback


def test_no_page_is_exempt() -> None:
    everything = list(addresses(get_resolver().url_patterns))
    exempt = {path for path, view in everything if getattr(view, "csrf_exempt", False)}

    assert len(everything) > 80
    assert {path for path in exempt if not path.startswith(WITHOUT)} == set()
    assert any(path.startswith("api/v1/") for path in exempt)


@pytest.mark.parametrize(
    "path",
    ["/accounts/login/", "/accounts/logout/", "/account", "/accounts/sessions/", "/theme", "/organizations/new"],
)  # fmt: skip
def test_a_form_of_another_site_does_nothing(db: None, path: str) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(make_user())

    answer = client.post(path, {"name": "x", "theme": "dark"})

    assert answer.status_code == 403
    assert "too old to be sent" in answer.content.decode()
    assert client.get("/account").status_code == 200

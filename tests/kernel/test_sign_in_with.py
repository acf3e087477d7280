"""Google, GitHub and others open accounts of ours when their settings are there, all of them."""

from typing import Any

import pytest
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.test import Client

from seedance_saas import sign_in_with
from seedance_saas.sign_in_with import SignInWith

NONE: dict[str, Any] = {
    "google": ("", ""),
    "github": ("", ""),
    "oidc": ("", "", ""),
    "oidc_name": "Single sign-on",
}


def with_(**given: Any) -> SignInWith:
    return sign_in_with.configured(**{**NONE, **given})


@pytest.mark.parametrize(
    ("given", "app", "page"),
    [
        ({"google": ("id", "secret")}, "google", "https://accounts.google.com"),
        ({"github": ("id", "secret")}, "github", "https://github.com"),
        (
            {"oidc": ("https://id.example.com:8443/realm", "id", "secret")},
            "openid_connect",
            "https://id.example.com:8443",
        ),
    ],
)
def test_each_is_there_with_its_settings(given: dict[str, Any], app: str, page: str) -> None:
    found = with_(**given)

    assert found.apps == [f"allauth.socialaccount.providers.{app}"]
    assert list(found.providers) == [app]
    assert found.pages == [page]  # where the content security policy lets our forms lead


def test_without_settings_there_is_no_button(db: None) -> None:
    assert with_() == SignInWith()
    assert SignInWith() == settings.SIGN_IN_WITH
    assert "Continue with" not in Client().get("/accounts/login/").content.decode()
    assert Client().get("/accounts/google/login/").status_code == 404


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"google": ("id", "")}, "GOOGLE_CLIENT_SECRET is not set"),
        ({"github": ("", "secret")}, "GITHUB_CLIENT_ID is not set"),
        ({"oidc": ("", "id", "secret")}, "OIDC_ISSUER is not set"),
        ({"oidc": ("http://id.example.com", "id", "s")}, "must be a URL that begins with https://"),
    ],
)
def test_half_of_them_stops_the_start(given: dict[str, Any], words: str) -> None:
    with pytest.raises(ImproperlyConfigured, match=words):
        with_(**given)

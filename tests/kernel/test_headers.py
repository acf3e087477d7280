"""What every answer tells the browser, and what our cookies are like: on pages, API, files and errors alike."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from seedance_saas import headers
from tests.accounts.signing_in import sign_in
from tests.settings import ROOT
from tests.world import PASSWORD, make_user

EXPECTED = {
    "X-Frame-Options": "DENY",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Permissions-Policy": headers.PERMISSIONS,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
# (method, path, status); media has headers of its own: tests/generations/test_media_files.py
ANSWERS = [
    ("GET", "/accounts/login/", 200),
    ("GET", "/", 302),
    ("GET", "/nothing", 404),
    ("GET", "/nothing?a=%00", 400),
    ("POST", "/theme", 403),
    ("GET", "/broken", 500),
    ("GET", "/static/kept.css", 200),
    ("GET", "/media/1/x/y.mp4", 404),
    ("GET", "/healthz", 200),
    ("GET", "/api/v1/balance", 401),
    ("GET", "/api/v1/nothing", 404),
    ("GET", "/api/v1/broken", 500),
    ("POST", "/webhooks/eachlabs/short", 404),
]


@pytest.fixture
def client(db: None, settings: Any) -> Client:
    Path(settings.STATIC_ROOT, "kept.css").write_text("a { color: red }")
    return Client(raise_request_exception=False, enforce_csrf_checks=True)


@pytest.mark.urls("tests.kernel.broken_urls")
@pytest.mark.parametrize(("method", "path", "status"), ANSWERS)
def test_every_answer_has_every_header(client: Client, method: str, path: str, status: int) -> None:
    answer = client.generic(method, path)

    assert answer.status_code == status
    assert {name: answer.headers.get(name) for name in EXPECTED} == EXPECTED
    policy = answer.headers["Content-Security-Policy"]
    for directive in ("default-src 'none'", "script-src 'self'", "frame-ancestors 'none'"):
        assert directive in policy
    assert "unsafe" not in policy
    answer.getvalue()  # a file is closed when it was read


def test_another_host_is_refused_with_the_same_headers(client: Client) -> None:
    answer = client.get("/accounts/login/", HTTP_HOST="evil.example")

    assert answer.status_code == 400
    assert {name: answer.headers.get(name) for name in EXPECTED} == EXPECTED


def test_the_microphone_is_nobodys_and_passkeys_are_ours() -> None:
    assert "microphone=()" in headers.PERMISSIONS
    assert "publickey-credentials-get=(self)" in headers.PERMISSIONS


def test_our_cookies_are_hidden_from_scripts_and_from_other_sites(db: None) -> None:
    client = Client()
    client.get("/accounts/login/")
    sign_in(client, make_user())
    client.post("/theme", {"theme": "dark"})

    assert set(client.cookies) == {"csrftoken", "sessionid", "browser", "theme"}
    for name in client.cookies:
        cookie = client.cookies[name]
        assert (cookie["httponly"], cookie["samesite"], cookie["path"], cookie["domain"]) == (
            True,
            "Lax",
            "/",
            "",
        ), name


def test_who_does_not_want_to_be_remembered_is_forgotten_with_the_window(db: None) -> None:
    client = Client()
    sign_in(client, make_user())
    assert client.cookies["sessionid"]["max-age"] == ""

    remembered = Client()
    form = {"login": make_user().email, "password": PASSWORD, "remember": "on"}
    remembered.post("/accounts/login/", form)
    assert remembered.cookies["sessionid"]["max-age"] == 14 * 86_400


ASKED = (
    "SESSION_COOKIE_NAME",
    "SESSION_COOKIE_SECURE",
    "SESSION_COOKIE_DOMAIN",
    "SESSION_COOKIE_PATH",
    "CSRF_COOKIE_NAME",
    "CSRF_COOKIE_SECURE",
    "KNOWN_BROWSER_COOKIE_NAME",
    "SECURE_HSTS_SECONDS",
    "SECURE_HSTS_INCLUDE_SUBDOMAINS",
    "SECURE_SSL_REDIRECT",
    "PASSWORD_HASHERS",
    "ALLOWED_HOSTS",
)


def settings_with(tmp_path: Path, **environment: str) -> dict[str, Any]:
    """What the product's settings are in that environment."""
    program = (
        "import json; from django.conf import settings;"
        f"print(json.dumps({{name: getattr(settings, name) for name in {ASKED!r}}}))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        env={
            "PATH": os.environ["PATH"],
            "DJANGO_SETTINGS_MODULE": "seedance_saas.settings",
            "DATA_DIR": str(tmp_path),
            "DATABASE_URL": "postgres://seedance@127.0.0.1:1/seedance",
            "SECRET_KEY": "x" * 64,
            **environment,
        },
        capture_output=True,
        text=True,
        check=True,
    )
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_with_https_cookies_are_of_this_host_alone_and_https_stays(tmp_path: Path) -> None:
    found = settings_with(tmp_path, SEEDANCE_URL="https://video.example.com")

    assert found["SESSION_COOKIE_NAME"] == "__Host-sessionid"
    assert found["CSRF_COOKIE_NAME"] == "__Host-csrftoken"
    assert found["KNOWN_BROWSER_COOKIE_NAME"] == "__Host-browser"
    assert found["SESSION_COOKIE_SECURE"] is found["CSRF_COOKIE_SECURE"] is True
    assert (found["SESSION_COOKIE_DOMAIN"], found["SESSION_COOKIE_PATH"]) == (None, "/")
    assert found["SECURE_HSTS_SECONDS"] == 365 * 86_400
    assert found["SECURE_SSL_REDIRECT"] is True
    assert found["PASSWORD_HASHERS"] == ["django.contrib.auth.hashers.Argon2PasswordHasher"]


def test_the_names_by_which_providers_call_us_are_answered(tmp_path: Path) -> None:
    found = settings_with(
        tmp_path,
        SEEDANCE_URL="https://video.example.com",
        WEBHOOK_URL="https://hooks.example.net",
        MEDIA_URL_FOR_PROVIDERS="https://files.example.org",
    )

    hosts = {"video.example.com", "hooks.example.net", "files.example.org"}
    assert set(found["ALLOWED_HOSTS"]) == hosts


def test_hsts_is_said_on_https(client: Client, settings: Any) -> None:
    settings.SECURE_HSTS_SECONDS = 31_536_000
    settings.SECURE_HSTS_INCLUDE_SUBDOMAINS = True
    answer = Client().get("/api/v1/balance", secure=True)
    assert answer.headers["Strict-Transport-Security"] == "max-age=31536000; includeSubDomains"


def test_a_body_that_is_too_large_is_refused(client: Client, settings: Any) -> None:
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 1000
    form = {"login": "a" * 2000}
    assert Client().post("/accounts/login/", form).status_code == 400
    encoded = "application/x-www-form-urlencoded"
    assert Client().post("/theme", f"next={'a' * 2000}", content_type=encoded).status_code == 400


@pytest.mark.parametrize(
    "target", ["https://evil.example/", "//evil.example/", "/\\evil.example", "javascript:alert(1)"]
)
@pytest.mark.parametrize("door", ["/accounts/login/", "/accounts/logout/", "/theme"])
def test_next_leads_to_no_other_site(db: None, door: str, target: str) -> None:
    client = Client()
    user = make_user()
    if door != "/accounts/login/":
        sign_in(client, user)
    form = {"login": user.email, "password": PASSWORD, "theme": "dark", "next": target}
    answer = client.post(door, form)
    assert answer.status_code == 302
    assert answer.headers["Location"] in ("/", "/accounts/login/")

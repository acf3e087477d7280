"""The pages of one's own account: reached from the menu, few queries, nothing inline, what was typed stays."""

import re
from collections.abc import Callable

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import Organization, User
from tests.accounts.signing_in import give_app, give_codes, sign_in
from tests.pages.conftest import text
from tests.world import make_user

PAGES = [
    "/account",
    "/accounts/email/",
    "/accounts/password/change/",
    "/accounts/2fa/",
    "/accounts/2fa/totp/activate/",
    "/accounts/2fa/webauthn/",
    "/accounts/2fa/webauthn/add/",
    "/accounts/2fa/recovery-codes/generate/",
    "/accounts/sessions/",
    "/accounts/3rdparty/",
]


@pytest.fixture
def olivia(acme: Organization, member_of: Callable[..., User]) -> User:
    return member_of(acme)


@pytest.fixture
def client(olivia: User) -> Client:
    client = Client()
    sign_in(client, olivia)
    return client


@pytest.mark.parametrize("path", PAGES)
def test_every_page_opens_within_twelve_queries_with_one_heading_and_nothing_inline(
    client: Client, path: str
) -> None:
    with CaptureQueriesContext(connection) as queries:
        answer = client.get(path)

    page = text(answer)
    assert answer.status_code == 200
    assert len(queries) <= 12
    assert page.count("<h1") == 1
    assert not re.search(r"<script(?![^>]*\bsrc=)", page)
    assert not re.search(r"\sstyle=|<style|\son[a-z]+=", page)
    assert len(answer.content) < 100_000


def test_the_menu_leads_to_the_account(client: Client) -> None:
    assert 'href="/account"' in text(client.get("/"))


def test_who_is_not_signed_in_is_led_to_the_door_and_back(db: None) -> None:
    answer = Client().get("/account")
    assert answer.headers["Location"] == "/accounts/login/?next=/account"
    user = make_user()
    client = Client()
    back = client.post(
        "/accounts/login/",
        {"login": user.email, "password": "correct horse battery staple", "next": "/account"},
    )
    assert back.headers["Location"] == "/account"


def test_a_name_is_changed(client: Client, olivia: User) -> None:
    answer = client.post("/account", {"name": "  Olivia Oak "})

    assert answer.status_code == 303
    assert User.objects.get(pk=olivia.pk).name == "Olivia Oak"
    assert "Your name is saved." in text(client.get("/account"))


def test_a_name_that_is_too_long_says_so_and_stays_as_typed(client: Client, olivia: User) -> None:
    answer = client.post("/account", {"name": "x" * 101})

    assert answer.status_code == 400
    assert "at most 100 characters" in text(answer)
    assert "x" * 101 in text(answer)
    assert User.objects.get(pk=olivia.pk).name == olivia.name


def test_a_wrong_password_says_nothing_about_the_address_and_keeps_it(db: None) -> None:
    user = make_user()
    known = text(sign_in(Client(), user, "wrong")).replace(user.email, "…")
    unknown = text(sign_in(Client(), "nobody@example.com", "wrong")).replace(
        "nobody@example.com", "…"
    )
    token = re.compile(r'name="csrfmiddlewaretoken" value="\w+"')

    assert token.sub("", known) == token.sub("", unknown)
    assert "The address or the password is wrong." in known
    assert 'value="…"' in known


def test_the_door_of_the_second_factor_offers_a_way_back(olivia: User) -> None:
    give_app(olivia)
    give_codes(olivia)
    client = Client()
    page = text(sign_in(client, olivia)) + text(client.get("/accounts/2fa/authenticate/"))
    assert "one of your recovery codes" in page

    client.post("/accounts/logout/", {"next": "/accounts/login/"})

    assert client.get("/accounts/2fa/authenticate/").status_code == 302

"""The frame around every page: the organization in view, the theme, no dead link, nothing inline."""

import re
from collections.abc import Callable

import pytest
from django.test import Client
from django.urls import resolve

from accounts import organizations
from accounts.models import Organization, Role, User
from generations.models import Generation
from seedance_saas.errors import server_error
from tests.pages.conftest import text


def test_another_of_ones_organizations_is_chosen_and_a_strangers_is_not_there(
    acme: Organization,
    rival: Organization,
    member_of: Callable[..., User],
    page_for: Callable[[User], Client],
) -> None:
    person = member_of(acme)
    second = organizations.create("Second", owner=person)
    client = page_for(person)
    assert "<span>Acme</span>" in text(client.get("/"))

    client.post("/organizations/choose", {"organization": second.id})
    assert "<span>Second</span>" in text(client.get("/"))
    assert client.post("/organizations/choose", {"organization": rival.id}).status_code == 404
    assert "<span>Second</span>" in text(client.get("/"))


def test_the_theme_is_remembered_without_scripts(
    acme: Organization, browser: Callable[..., Client]
) -> None:
    client = browser(acme)

    answer = client.post("/theme", {"theme": "dark", "next": "/gallery?state=failed"})

    assert answer.url == "/gallery?state=failed"  # type: ignore[attr-defined]
    assert '<html lang="en" data-theme="dark">' in text(client.get("/gallery"))


def test_the_theme_leads_to_no_other_site(db: None) -> None:
    answer = Client().post("/theme", {"theme": "dark", "next": "https://example.com/"})
    assert answer.url == "/"  # type: ignore[attr-defined]


@pytest.mark.parametrize("role", Role)
def test_every_link_of_every_page_leads_somewhere(
    acme: Organization,
    browser: Callable[..., Client],
    queued: Callable[..., Generation],
    role: Role,
) -> None:
    generation = queued(acme)
    client = browser(acme, role)
    paths = ["/", "/create", "/gallery", f"/generations/{generation.id}"]
    for path in paths:
        page = text(client.get(path))
        for link in set(re.findall(r'(?:href|action|hx-get|hx-post)="(/[^"#?]*)', page)):
            if not link.startswith("/static/"):
                resolve(link)
            if link in ("/billing", "/create", "/gallery"):
                assert client.get(link).status_code == 200, (path, link)


@pytest.mark.parametrize("path", ["/", "/create", "/gallery", "/billing", "/nothing"])
def test_nothing_is_inline_that_the_content_security_policy_refuses(
    acme: Organization,
    browser: Callable[..., Client],
    queued: Callable[..., Generation],
    path: str,
) -> None:
    queued(acme)
    page = text(browser(acme).get(path))
    assert not re.search(r"<script(?![^>]*\bsrc=)", page)
    assert not re.search(r"\sstyle=|<style|\son[a-z]+=", page)


def test_nothing_there_and_broken_have_pages_of_their_own(
    acme: Organization, browser: Callable[..., Client], rf: object
) -> None:
    missing = browser(acme).get("/nothing")
    assert missing.status_code == 404
    assert "There is nothing at this address" in text(missing)
    request = rf.get("/")  # type: ignore[attr-defined]
    request.META["REQUEST_ID"] = "req_12345678"
    broken = server_error(request)
    assert broken.status_code == 500
    assert "req_12345678" in text(broken)


def test_a_form_from_yesterday_is_explained(
    acme: Organization, member_of: Callable[..., User]
) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(
        member_of(acme), backend="allauth.account.auth_backends.AuthenticationBackend"
    )
    answer = client.post("/create", {})
    assert answer.status_code == 403
    assert "This form is too old to be sent" in text(answer)

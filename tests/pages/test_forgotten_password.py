"""Whoever forgot the password gets a link by mail that works once."""

import re
from collections.abc import Callable
from typing import Any

from django.core.mail import EmailMessage
from django.test import Client

from accounts.models import Organization, User
from tests.pages.conftest import text
from tests.world import PASSWORD

NEW_PASSWORD = "a quite different sentence"


def test_a_forgotten_password_is_replaced_through_the_mail(
    acme: Organization,
    member_of: Callable[..., User],
    mailoutbox: list[EmailMessage],
    run_queue: Callable[[], int],
) -> None:
    person = member_of(acme)
    client = Client()
    client.post("/accounts/password/reset/", {"email": person.email})
    run_queue()
    found = re.search(r"https?://[^/]+(/accounts/\S+)", str(mailoutbox[0].body))
    assert found
    link = found[1]

    form = client.get(link, follow=True)
    assert "Choose a new password" in text(form)
    fields = {"password1": NEW_PASSWORD, "password2": NEW_PASSWORD}
    done = client.post(form.redirect_chain[-1][0], fields, follow=True)
    assert "The password is changed" in text(done)

    assert "This link no longer works" in text(Client().get(link))
    old = Client().post("/accounts/login/", {"login": person.email, "password": PASSWORD})
    assert old.status_code == 200
    new = Client().post("/accounts/login/", {"login": person.email, "password": NEW_PASSWORD})
    assert (new.status_code, new.headers["Location"]) == (302, "/")


def test_a_stranger_is_told_by_mail_that_there_is_no_account(
    db: None, mailoutbox: list[EmailMessage], run_queue: Callable[[], int]
) -> None:
    answer = Client().post(
        "/accounts/password/reset/", {"email": "nobody@example.com"}, follow=True
    )
    run_queue()

    assert "Check your email" in text(answer)
    assert [mail.to for mail in mailoutbox] == [["nobody@example.com"]]
    assert "There is no account under this address" in mailoutbox[0].subject
    assert "/password/reset/key/" not in str(mailoutbox[0].body)


def test_the_link_leads_to_our_own_address_whatever_host_was_asked(
    acme: Organization,
    member_of: Callable[..., User],
    mailoutbox: list[EmailMessage],
    run_queue: Callable[[], int],
    settings: Any,
) -> None:
    settings.ALLOWED_HOSTS = ["*"]
    email = member_of(acme).email
    Client(HTTP_HOST="evil.example").post("/accounts/password/reset/", {"email": email})
    run_queue()

    assert "evil.example" not in str(mailoutbox[0].body)
    assert f"{settings.PUBLIC_URL}/accounts/password/reset/key/" in str(mailoutbox[0].body)

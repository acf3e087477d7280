"""Whoever forgot the password gets a link by mail that works once."""

import re
from collections.abc import Callable

from django.core.mail import EmailMessage
from django.test import Client

from accounts.models import Organization, User
from tests.pages.conftest import text
from tests.world import PASSWORD

NEW_PASSWORD = "a quite different sentence"


def test_a_forgotten_password_is_replaced_through_the_mail(
    acme: Organization, member_of: Callable[..., User], mailoutbox: list[EmailMessage]
) -> None:
    person = member_of(acme)
    client = Client()
    client.post("/accounts/password/reset/", {"email": person.email})
    found = re.search(r"https?://[^/]+(/accounts/\S+)", str(mailoutbox[0].body))
    assert found
    link = found[1]

    form = client.get(link, follow=True)
    assert "Choose a new password" in text(form)
    fields = {"password1": NEW_PASSWORD, "password2": NEW_PASSWORD}
    done = client.post(form.redirect_chain[-1][0], fields, follow=True)
    assert "The password is changed" in text(done)

    assert "This link is used up" in text(Client().get(link))
    old = Client().post("/accounts/login/", {"login": person.email, "password": PASSWORD})
    assert old.status_code == 200
    new = Client().post("/accounts/login/", {"login": person.email, "password": NEW_PASSWORD})
    assert (new.status_code, new.headers["Location"]) == (302, "/")

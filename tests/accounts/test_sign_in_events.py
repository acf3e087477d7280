"""What people do to get in stands in the audit trail of each of their organizations, and of nobody else's."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.core.mail import EmailMessage
from django.test import Client

from accounts import organizations
from accounts.models import AuditEntry, Organization, Role, User
from tests.accounts.signing_in import code_in, code_of, give_app, sign_in
from tests.world import PASSWORD, make_user

NEW = "a quite different sentence"


@pytest.fixture
def olivia(acme: Organization) -> User:
    user = make_user("olivia@example.com")
    organizations.add_member(acme, user, Role.DEVELOPER)
    return user


def trail(organization: Organization) -> list[tuple[str, dict[str, Any], dict[str, Any]]]:
    entries = AuditEntry.objects.filter(organization=organization, action__startswith="person.")
    return [(e.action.removeprefix("person."), e.before, e.after) for e in entries.order_by("id")]


def test_signing_in_and_out_is_written_in_each_organization(
    acme: Organization, rival: Organization, olivia: User
) -> None:
    second = organizations.create("Second", owner=olivia)
    client = Client()
    sign_in(client, olivia, address="192.0.2.7")
    client.post("/accounts/logout/", REMOTE_ADDR="192.0.2.8")

    assert trail(acme) == trail(second)
    assert trail(acme) == [("signed_in", {}, {"method": "password"}), ("signed_out", {}, {})]
    assert trail(rival) == []
    entry = AuditEntry.objects.get(organization=acme, action="person.signed_in")
    assert (entry.actor, entry.target, entry.address) == (olivia, olivia.pk, "192.0.2.7")


def test_the_way_in_is_named(acme: Organization, olivia: User) -> None:
    secret = give_app(olivia)
    client = Client()
    sign_in(client, olivia)
    client.post("/accounts/2fa/authenticate/", {"code": code_of(secret)})

    assert trail(acme) == [("signed_in", {}, {"method": "password, authenticator app"})]


def test_failures_are_written_once_in_a_quarter_of_an_hour_without_an_actor(
    acme: Organization, olivia: User, run_queue: Callable[[], int]
) -> None:
    for number in range(5):
        sign_in(Client(), olivia, f"wrong {number}", address="192.0.2.9")
    sign_in(Client(), "nobody@example.com", "wrong")
    run_queue()

    assert trail(acme) == [("sign_in_failed", {}, {"method": "password"})]
    entry = AuditEntry.objects.get(action="person.sign_in_failed")
    assert (entry.actor, entry.address) == (None, "192.0.2.9")


def test_a_wrong_second_factor_is_a_failure(acme: Organization, olivia: User) -> None:
    give_app(olivia)
    client = Client()
    sign_in(client, olivia)
    client.post("/accounts/2fa/authenticate/", {"code": "000000"})

    assert trail(acme) == [("sign_in_failed", {}, {"method": "second factor"})]


def test_what_changes_the_ways_in_is_written(
    transactional_db: None, acme: Organization, olivia: User
) -> None:
    client, elsewhere = Client(), Client()
    for one in (client, elsewhere):
        sign_in(one, olivia)
    form = {"oldpassword": PASSWORD, "password1": NEW, "password2": NEW}
    client.post("/accounts/password/change/", form)
    secret = client.get("/accounts/2fa/totp/activate/").context["form"].secret
    client.post("/accounts/2fa/totp/activate/", {"code": code_of(secret)})
    client.post("/accounts/2fa/recovery-codes/generate/")
    client.post("/accounts/2fa/totp/deactivate/")
    third = Client()
    sign_in(third, olivia, NEW)
    client.post("/accounts/sessions/")

    assert trail(acme)[2:] == [
        ("password_changed", {}, {"sessions_ended": 1}),
        ("second_factor_added", {}, {"kind": "authenticator app"}),
        ("recovery_codes_made", {}, {}),
        ("recovery_codes_made", {}, {}),
        ("second_factor_removed", {"kind": "authenticator app"}, {}),
        ("signed_in", {}, {"method": "password"}),
        ("sessions_ended", {}, {"sessions_ended": 1}),
    ]


def test_a_new_address_counts_once_its_code_was_typed(
    acme: Organization,
    olivia: User,
    run_queue: Callable[[], int],
    mailoutbox: list[EmailMessage],
) -> None:
    client = Client()
    sign_in(client, olivia)
    client.post("/accounts/email/", {"email": "new@example.com", "action_add": "yes"})
    run_queue()
    assert User.objects.get(pk=olivia.pk).email == "olivia@example.com"
    assert [mail.to for mail in mailoutbox] == [["new@example.com"]]

    client.post("/accounts/confirm-email/", {"code": code_in(mailoutbox[0])})
    run_queue()

    assert User.objects.get(pk=olivia.pk).email == "new@example.com"
    change = ("email_changed", {"email": "olivia@example.com"}, {"email": "new@example.com"})
    assert trail(acme)[1:] == [change]
    assert mailoutbox[1].to == ["olivia@example.com"]  # the old one hears of it
    assert sign_in(Client(), "new@example.com").status_code == 302
    assert sign_in(Client(), "olivia@example.com").status_code == 200


def test_nothing_secret_is_written(
    acme: Organization, olivia: User, run_queue: Callable[[], int]
) -> None:
    secret = give_app(olivia)
    client = Client()
    sign_in(client, olivia, "a wrong password")
    sign_in(client, olivia)
    client.post("/accounts/2fa/authenticate/", {"code": code_of(secret)})
    run_queue()

    written = json.dumps(list(AuditEntry.objects.values("before", "after", "target", "action")))
    for never in ("a wrong password", PASSWORD, secret, code_of(secret)):
        assert never not in written

"""A second factor: asked at the door, each code good once, and demanded where an organization wants one."""

from collections.abc import Callable
from datetime import timedelta
from functools import partial

import pytest
import time_machine
from allauth.mfa.models import Authenticator
from django.core.mail import EmailMessage
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils import timezone

from accounts import organizations, second_factor
from accounts.models import AuditEntry, Organization, Role, User
from tests.accounts.signing_in import (
    code_of,
    give_app,
    give_codes,
    is_signed_in,
    secret_of,
    sign_in,
)
from tests.race import race
from tests.world import PASSWORD, Api, make_user


@pytest.fixture
def olivia(db: None) -> User:
    return make_user("olivia@example.com")


def answer_with(client: Client, code: str) -> None:
    client.post("/accounts/2fa/authenticate/", {"code": code})


def test_an_app_is_set_up_right_after_signing_in_and_its_codes_are_shown_once(
    transactional_db: None,
    olivia: User,
    run_queue: Callable[[], int],
    mailoutbox: list[EmailMessage],
) -> None:
    client = Client()
    sign_in(client, olivia)
    page = client.get("/accounts/2fa/totp/activate/")
    secret = page.context["form"].secret

    done = client.post("/accounts/2fa/totp/activate/", {"code": code_of(secret)}, follow=True)
    run_queue()

    assert second_factor.has_one(olivia)
    assert secret_of(olivia) == secret
    codes = done.context["unused_codes"]
    assert len(codes) == 10
    assert codes[0] in done.content.decode()
    assert codes[0] not in client.get("/accounts/2fa/recovery-codes/").content.decode()
    assert client.get("/accounts/2fa/recovery-codes/download/").status_code == 403
    assert [m.subject for m in mailoutbox] == ["An authenticator app was added · Seedance SaaS"]


def test_neither_the_secret_nor_the_seed_lies_open_in_the_database(olivia: User) -> None:
    secret = give_app(olivia)
    give_codes(olivia)

    for row in Authenticator.objects.all():
        assert secret not in str(row.data)
        assert (row.data.get("secret") or row.data["seed"]).startswith("gAAAA")


def test_a_password_alone_does_not_open_an_account_with_a_second_factor(olivia: User) -> None:
    secret = give_app(olivia)
    client = Client()

    answer = sign_in(client, olivia)

    assert answer.headers["Location"] == "/accounts/2fa/authenticate/"
    assert not is_signed_in(client)
    answer_with(client, code_of(secret))
    assert is_signed_in(client)


def test_a_code_of_the_app_opens_once(olivia: User) -> None:
    code = code_of(give_app(olivia))
    first, second = Client(), Client()
    for client in (first, second):
        sign_in(client, olivia)
        answer_with(client, code)

    assert is_signed_in(first)
    assert not is_signed_in(second)


def test_a_recovery_code_opens_once_and_is_written_down(acme: Organization, olivia: User) -> None:
    organizations.add_member(acme, olivia, Role.DEVELOPER)
    give_app(olivia)
    code, other = give_codes(olivia)[:2]
    first, second, third = Client(), Client(), Client()
    for client, shown in ((first, code), (second, code), (third, other)):
        sign_in(client, olivia)
        answer_with(client, shown)

    assert [is_signed_in(client) for client in (first, second, third)] == [True, False, True]
    used = AuditEntry.objects.filter(action="person.recovery_codes_used").order_by("id")
    assert [entry.after for entry in used] == [{"left": 9}, {"left": 8}]


@pytest.mark.parametrize("kind", ["app", "recovery"])
def test_a_code_that_is_sent_four_times_at_once_opens_once(
    transactional_db: None, olivia: User, kind: str
) -> None:
    secret = give_app(olivia)
    code = give_codes(olivia)[0] if kind == "recovery" else code_of(secret)
    clients = [Client() for _ in range(4)]
    for client in clients:
        sign_in(client, olivia)

    race([partial(answer_with, client, code) for client in clients])

    assert sorted(is_signed_in(client) for client in clients) == [False, False, False, True]


def test_codes_that_were_replaced_open_nothing(olivia: User) -> None:
    give_app(olivia)
    old = give_codes(olivia)[0]
    client = Client()
    sign_in(client, olivia)
    answer_with(client, old)
    client.post("/accounts/2fa/recovery-codes/generate/")

    later = Client()
    sign_in(later, olivia)
    answer_with(later, give_codes(olivia)[1])
    assert is_signed_in(later)
    thief = Client()
    sign_in(thief, olivia)
    answer_with(thief, old)
    assert not is_signed_in(thief)


def test_recovery_codes_alone_are_no_second_factor(olivia: User) -> None:
    give_codes(olivia)
    assert not second_factor.has_one(olivia)


def test_an_organization_that_asks_for_it_opens_only_with_one(
    acme: Organization, olivia: User, page_for: Callable[[User], Client]
) -> None:
    organizations.add_member(acme, olivia, Role.DEVELOPER)
    client = page_for(olivia)
    assert client.get("/").status_code == 200

    organizations.require_second_factor(acme, True, by=make_user())

    for path in ("/", "/gallery", "/create", "/billing"):
        answer = client.get(path)
        assert (answer.status_code, answer.headers["Location"]) == (302, "/accounts/2fa/")
    led = client.get("/", follow=True).content.decode()
    assert "asks all its members for a second factor" in led
    assert "$25" not in led
    assert 'href="/gallery"' not in led
    part = client.get("/gallery", headers={"HX-Request": "true"})
    assert part.headers["HX-Refresh"] == "true"

    give_app(olivia)
    assert client.get("/").status_code == 200


def test_keys_are_not_asked_for_a_second_factor(
    acme: Organization, api_for: Callable[[Organization], Api]
) -> None:
    api = api_for(acme)
    organizations.require_second_factor(acme, True, by=make_user())

    assert api.get("/balance").status_code == 200


def test_who_is_kept_out_of_one_organization_can_go_to_another(
    acme: Organization, rival: Organization, olivia: User, page_for: Callable[[User], Client]
) -> None:
    for organization in (acme, rival):
        organizations.add_member(organization, olivia, Role.VIEWER)
    organizations.require_second_factor(acme, True, by=make_user())
    client = page_for(olivia)
    assert "Go to Rival" in client.get("/accounts/2fa/").content.decode()

    client.post("/organizations/choose", {"organization": rival.id})

    assert client.get("/").status_code == 200


def test_to_demand_it_is_written_down_once(acme: Organization) -> None:
    owner = make_user()
    for required in (True, True, False):
        organizations.require_second_factor(acme, required, by=owner, address="192.0.2.1")

    entries = AuditEntry.objects.filter(action="organization.second_factor_required").order_by("id")
    assert [(e.actor, e.address, e.before, e.after) for e in entries] == [
        (owner, "192.0.2.1", {"required": False}, {"required": True}),
        (owner, "192.0.2.1", {"required": True}, {"required": False}),
    ]


def test_who_signed_in_long_ago_says_again_who_they_are(olivia: User) -> None:
    client = Client()
    sign_in(client, olivia)
    with time_machine.travel(timezone.now() + timedelta(minutes=6), tick=True):
        asked = client.get("/accounts/2fa/totp/activate/")
        assert asked.headers["Location"].startswith("/accounts/reauthenticate/?next=%2Faccounts")
        wrong = client.post(asked.headers["Location"], {"password": "wrong"})
        assert "This password is wrong." in wrong.content.decode()

        right = client.post(asked.headers["Location"], {"password": PASSWORD})

        assert right.headers["Location"] == "/accounts/2fa/totp/activate/"
        assert client.get("/accounts/2fa/totp/activate/").status_code == 200


def test_staff_lets_in_who_lost_everything_and_everybody_concerned_hears_of_it(
    acme: Organization,
    olivia: User,
    run_queue: Callable[[], int],
    mailoutbox: list[EmailMessage],
) -> None:
    organizations.add_member(acme, olivia, Role.DEVELOPER)
    secret = give_app(olivia)
    give_codes(olivia)
    before = Client()
    sign_in(before, olivia)
    answer_with(before, code_of(secret))
    ann = User.objects.create_superuser("ann@operator.example", PASSWORD)

    for _ in range(2):
        call_command("remove_second_factor", olivia.email, reason="a video call", by=ann.email)
    run_queue()

    assert not second_factor.has_one(olivia)
    assert not is_signed_in(before)
    after = Client()
    sign_in(after, olivia)
    assert is_signed_in(after)
    [entry] = AuditEntry.objects.filter(action="person.second_factor_removed")
    assert (entry.actor, entry.target) == (ann, olivia.pk)
    assert entry.after == {"reason": "a video call", "sessions_ended": 1}
    assert [mail.to for mail in mailoutbox] == [["olivia@example.com"]]


def test_nobody_but_staff_lets_anybody_in(olivia: User) -> None:
    give_app(olivia)
    somebody = make_user()

    with pytest.raises(CommandError, match="nobody of our staff"):
        call_command("remove_second_factor", olivia.email, reason="please", by=somebody.email)

    assert second_factor.has_one(olivia)

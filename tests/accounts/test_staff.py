"""Our staff is admitted and dismissed by a command, and what happens to them stands in the house's own trail."""

import time
from collections.abc import Callable
from io import StringIO

import pytest
from allauth.mfa.models import Authenticator
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse

from accounts import looking, people
from accounts.models import AuditEntry, Look, Organization, User
from tests.accounts.signing_in import sign_in
from tests.pages.conftest import signed_in
from tests.world import make_user


@pytest.fixture
def ann(db: None) -> User:
    return User.objects.create_superuser("ann@operator.example", "correct horse battery staple")


@pytest.fixture
def bob(db: None) -> User:
    bob = make_user("bob@operator.example")
    Authenticator.objects.create(user=bob, type=Authenticator.Type.TOTP, data={"secret": "x"})
    return bob


def run(**options: str) -> str:
    said = StringIO()
    call_command("staff", stdout=said, **options)
    return said.getvalue()


def house() -> list[tuple[str, str]]:
    rows = AuditEntry.objects.filter(organization=None).order_by("id")
    return list(rows.values_list("action", "target"))


def test_who_is_admitted_finds_the_console_and_is_listed(
    ann: User, bob: User, page_for: Callable[[User], Client]
) -> None:
    client = page_for(bob)
    assert client.get(reverse("operator")).status_code == 404

    said = run(admit=bob.email, by=ann.email, reason="Joined us.")

    signed_in(client, bob, at=time.time())
    assert said == "bob@operator.example belongs to our staff now.\n"
    assert client.get(reverse("operator")).status_code == 200
    assert run().splitlines() == [
        "ann@operator.example  (no second factor yet: sees nothing)",
        "bob@operator.example",
    ]
    assert run(admit=bob.email, by=ann.email, reason="Again.").startswith("Nothing was changed")
    assert house() == [("staff.admitted", bob.pk)]


def test_who_is_dismissed_is_out_with_the_next_request_and_sees_nobodys_organization(
    acme: Organization, ann: User, bob: User, page_for: Callable[[User], Client]
) -> None:
    User.objects.filter(pk=bob.pk).update(is_staff=True)
    client = page_for(bob)
    signed_in(client, bob, at=time.time())
    assert client.get(reverse("operator")).status_code == 200
    looking.begin(acme, staff=bob, reason="They asked.", address=None)

    run(dismiss=bob.email, by=ann.email, reason="Left us.")

    assert client.get(reverse("operator")).status_code == 404
    assert Look.objects.get().ended_at is not None
    assert AuditEntry.objects.filter(organization=acme, action="staff.look_ended").exists()
    assert run(dismiss=bob.email, by=ann.email, reason="Again.").startswith("Nothing was changed")
    assert house() == [("staff.dismissed", bob.pk)]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"by": "bob@operator.example", "reason": "x"}, "nobody of our staff"),
        ({"reason": "x"}, "nobody of our staff"),
        ({"by": "ann@operator.example", "reason": " "}, "--reason must not be empty"),
    ],
)
def test_nobody_but_staff_admits_anybody_and_never_without_a_reason(
    ann: User, bob: User, options: dict[str, str], said: str
) -> None:
    with pytest.raises(CommandError, match=said):
        run(admit=bob.email, **options)

    bob.refresh_from_db()
    assert not bob.is_staff
    assert house() == []


def test_who_of_our_staff_signs_in_is_written_down_though_they_belong_to_nobody(
    ann: User,
) -> None:
    people.confirm_address(ann)
    sign_in(Client(), ann)

    assert house() == [("person.signed_in", ann.pk)]

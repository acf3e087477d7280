"""People and their places: one account per address, one membership per organization."""

import pytest
from django.db import IntegrityError, transaction
from django.test import Client

from accounts import organizations, people
from accounts.models import Membership, Organization, Role, User
from tests.world import PASSWORD, make_user


def test_an_address_is_kept_in_lower_case(db: None) -> None:
    assert User.objects.create_user(" Olivia@Example.COM ", PASSWORD).email == "olivia@example.com"


def test_the_database_refuses_an_address_in_capitals(db: None) -> None:
    with pytest.raises(IntegrityError, match="email_is_lower_case"), transaction.atomic():
        User.objects.create(email="Olivia@example.com")

    assert not User.objects.exists()


def test_an_address_has_one_account_however_it_is_written(db: None) -> None:
    make_user("olivia@example.com")

    with pytest.raises(IntegrityError, match="email"), transaction.atomic():
        User.objects.create_user("OLIVIA@example.com", PASSWORD)

    assert User.objects.count() == 1


def test_who_signs_up_in_capitals_signs_in_in_any_case(db: None) -> None:
    form = {"email": "Olivia@Example.com", "password1": PASSWORD}
    assert Client().post("/accounts/signup/", form).status_code == 302
    assert User.objects.get().email == "olivia@example.com"

    people.confirm_address(User.objects.get())

    client = Client()
    client.post("/accounts/login/", {"login": "OLIVIA@example.COM", "password": PASSWORD})

    assert client.session["_auth_user_id"] == User.objects.get().pk


def test_a_new_organization_has_its_founder_as_owner(db: None) -> None:
    olivia = make_user()

    acme = organizations.create("Acme", owner=olivia)

    membership = Membership.objects.get()
    assert (membership.organization, membership.user, membership.role) == (acme, olivia, Role.OWNER)
    assert acme.is_sandbox is False


def test_a_person_joins_an_organization_once_and_keeps_the_role(acme: Organization) -> None:
    dev = make_user()
    first = organizations.add_member(acme, dev, Role.DEVELOPER)

    again = organizations.add_member(acme, dev, Role.OWNER)

    assert (again.pk, again.role) == (first.pk, Role.DEVELOPER)
    with pytest.raises(IntegrityError, match="one_membership_per_person"), transaction.atomic():
        Membership.objects.create(organization=acme, user=dev, role=Role.VIEWER)
    assert Membership.objects.filter(user=dev).count() == 1


def test_a_person_may_be_in_several_organizations(acme: Organization, rival: Organization) -> None:
    dev = make_user()
    organizations.add_member(acme, dev, Role.DEVELOPER)
    organizations.add_member(rival, dev, Role.VIEWER)

    assert Membership.objects.filter(user=dev).count() == 2


def test_the_database_knows_every_role(acme: Organization) -> None:
    with pytest.raises(IntegrityError, match="role_is_known"), transaction.atomic():
        Membership.objects.create(organization=acme, user=make_user(), role="god")

    assert Membership.objects.count() == 1

"""The demo's world is made once, and its file says how to get in."""

import stat
from pathlib import Path
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from django.core.management import call_command
from django.test import Client

from accounts import api_keys
from accounts.models import Membership, Organization, User
from tests.accounts.signing_in import is_signed_in, sign_in
from tests.world import money


def values_of(file: Path) -> dict[str, str]:
    return dict(line.split("=", 1) for line in file.read_text().splitlines())


@pytest.fixture
def demo_env(settings: Any, tmp_path: Path) -> Path:
    settings.DATA_DIR = tmp_path
    return tmp_path / "demo.env"


def test_it_makes_acme_with_an_owner_and_a_member_and_a_stranger(db: None, demo_env: Path) -> None:
    call_command("seed_demo", verbosity=0)

    acme, rival = Organization.objects.order_by("id")
    assert (acme.name, money(acme)) == ("Acme Studio", (25_000_000, 0))
    assert (rival.name, money(rival)) == ("Rival", (5_000_000, 0))
    assert [row.role for row in Membership.objects.filter(organization=acme).order_by("id")] == [
        "owner",
        "developer",
    ]


def test_its_file_opens_both_doors_and_is_its_owners_alone(db: None, demo_env: Path) -> None:
    call_command("seed_demo", verbosity=0)

    values = values_of(demo_env)
    key, rivals = (
        api_keys.find(values[name]) for name in ("SEEDANCE_API_KEY", "SEEDANCE_RIVAL_API_KEY")
    )
    assert key
    assert rivals
    assert (key.organization.name, rivals.organization.name) == ("Acme Studio", "Rival")
    owner = User.objects.get(email=values["SEEDANCE_DEMO_EMAIL"])
    assert owner.check_password(values["SEEDANCE_DEMO_PASSWORD"])
    assert stat.S_IMODE(demo_env.stat().st_mode) == 0o600


@pytest.mark.parametrize("email", ["demo@example.com", "member@example.com", "rival@example.com"])
def test_each_of_its_people_signs_in_at_once(db: None, demo_env: Path, email: str) -> None:
    call_command("seed_demo", verbosity=0)
    client = Client()

    sign_in(client, email, values_of(demo_env)["SEEDANCE_DEMO_PASSWORD"])

    assert is_signed_in(client)


def test_a_repeat_changes_nothing_but_the_address(db: None, demo_env: Path, settings: Any) -> None:
    call_command("seed_demo", verbosity=0)
    first = values_of(demo_env)
    settings.PUBLIC_URL = "http://127.0.0.1:9000"

    call_command("seed_demo", verbosity=0)

    assert values_of(demo_env) == {**first, "SEEDANCE_URL": "http://127.0.0.1:9000"}
    assert User.objects.count() == 3


def test_a_lost_file_is_made_again_and_gives_no_credits_twice(db: None, demo_env: Path) -> None:
    call_command("seed_demo", verbosity=0)
    demo_env.unlink()

    call_command("seed_demo", verbosity=0)

    assert api_keys.find(values_of(demo_env)["SEEDANCE_API_KEY"])
    assert [money(row)[0] for row in Organization.objects.order_by("id")] == [25_000_000, 5_000_000]


def test_one_that_is_older_than_confirmed_addresses_still_opens(db: None, demo_env: Path) -> None:
    call_command("seed_demo", verbosity=0)
    EmailAddress.objects.all().delete()
    client = Client()

    call_command("seed_demo", verbosity=0)
    sign_in(client, "demo@example.com", values_of(demo_env)["SEEDANCE_DEMO_PASSWORD"])

    assert is_signed_in(client)

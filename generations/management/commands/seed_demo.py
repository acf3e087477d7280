"""`manage.py seed_demo`: the world in which a newcomer looks around. A repeat changes nothing."""

import os
import secrets
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand
from django.db import transaction

from accounts import api_keys, organizations, people, webhook_endpoints
from accounts.models import Organization, Role, User
from billing import ledger
from billing.models import Grant

INBOX = "https://inbox.example.com/acme"  # of the simulated internet: it shows what it was sent
OWNER, MEMBER, RIVAL = "demo@example.com", "member@example.com", "rival@example.com"


class Command(BaseCommand):
    help = 'Make the organizations "Acme Studio" and "Rival" with people, credits and keys.'

    def handle(self, *args: Any, **options: Any) -> None:
        target = settings.DATA_DIR / "demo.env"
        if User.objects.filter(email=OWNER).exists() and target.exists():
            _keep_address(target)
            # A demo that is older than confirmed addresses has no mailbox to read a code from.
            for person in User.objects.filter(email__in=(OWNER, MEMBER, RIVAL)):
                people.confirm_address(person)
            return
        password = f"demo-{secrets.token_hex(4)}"
        with transaction.atomic():
            acme = _organization("Acme Studio", OWNER, "Demo Owner", password, 25_000_000)
            organizations.add_member(acme, _user(MEMBER, "Demo Member", password), Role.DEVELOPER)
            rival = _organization("Rival", RIVAL, "Rival Owner", password, 5_000_000)
            _, acme_secret = api_keys.issue(acme, "Demo")
            _, rival_secret = api_keys.issue(rival, "Demo")
            if settings.SIMULATED_INTERNET_URL and not webhook_endpoints.of(acme).exists():
                webhook_endpoints.create(acme, url=INBOX, description="The simulator's inbox")
        _write(
            target,
            SEEDANCE_URL=settings.PUBLIC_URL,
            SEEDANCE_API_KEY=acme_secret,
            SEEDANCE_RIVAL_API_KEY=rival_secret,
            SEEDANCE_DEMO_EMAIL=OWNER,
            SEEDANCE_DEMO_PASSWORD=password,
        )
        self.stdout.write(f"The demo's sign-in and keys are in {target}.")


def _user(email: str, name: str, password: str) -> User:
    """The person, with this password from now on: the old one may have been lost with its file."""
    user = User.objects.filter(email=email).first() or User.objects.create_user(email, name=name)
    user.set_password(password)
    user.save(update_fields=["password"])
    people.confirm_address(user)
    return user


def _organization(
    name: str, email: str, owner_name: str, password: str, amount_microusd: int
) -> Organization:
    owner = _user(email, owner_name, password)
    membership = owner.memberships.order_by("id").first()
    organization = (
        membership.organization if membership else organizations.create(name, owner=owner)
    )
    ledger.deposit(
        organization,
        amount_microusd=amount_microusd,
        kind=Grant.Kind.PURCHASED,
        reference=f"demo:{organization.id}",
    )
    return organization


def _keep_address(target: Path) -> None:
    """The port may be another one than at the first start."""
    values = dict(line.split("=", 1) for line in target.read_text().splitlines())
    if values["SEEDANCE_URL"] != settings.PUBLIC_URL:
        _write(target, **{**values, "SEEDANCE_URL": settings.PUBLIC_URL})


def _write(target: Path, **values: str) -> None:
    """Readable by its owner only, and never half written."""
    target.parent.mkdir(parents=True, exist_ok=True)
    scratch = target.with_suffix(".new")
    scratch.unlink(missing_ok=True)
    handle = os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w") as file:
        file.writelines(f"{name}={value}\n" for name, value in values.items())
    scratch.replace(target)

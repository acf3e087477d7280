"""People of each role in front of a browser, and a generation in each state."""

import time
from collections.abc import Callable

import pytest
from allauth.mfa.models import Authenticator
from django.test import Client

from accounts.models import Organization, Role, User
from generations import lifecycle, requests
from generations.models import Generation
from tests.upstream import Upstream
from tests.world import make_user

TOKEN = "0123456789abcdef" * 2
FORM = {
    "token": TOKEN,
    "family": "text",
    "tier": "fast",
    "prompt": "a red kite over a beach",
    "duration": "4",
    "resolution": "480p",
    "aspect_ratio": "auto",
    "generate_audio": "on",
    "do": "make",
}


@pytest.fixture
def browser(
    member_of: Callable[..., User], page_for: Callable[[User], Client]
) -> Callable[..., Client]:
    """The browser of a new member of the organization."""

    def make(organization: Organization, role: Role = Role.OWNER) -> Client:
        return page_for(member_of(organization, role))

    return make


@pytest.fixture
def ann(db: None) -> User:
    """Of our own staff, with a second factor, and a member of nothing."""
    user = make_user("ann@operator.example")
    user.is_staff = True
    user.save(update_fields=["is_staff"])
    Authenticator.objects.create(user=user, type=Authenticator.Type.TOTP, data={"secret": "x"})
    return user


@pytest.fixture
def staff(ann: User, page_for: Callable[[User], Client]) -> Client:
    """Ann has just signed in."""
    client = page_for(ann)
    signed_in(client, ann, at=time.time())
    return client


def signed_in(client: Client, user: User, *, at: float) -> None:
    """The browser remembers that this person gave their password at that time."""
    session = client.session
    session["account_authentication_methods"] = [{"method": "password", "at": at}]
    session["account_authentication_methods_user"] = user.pk
    session.save()


@pytest.fixture
def queued() -> Callable[[Organization], Generation]:
    """A generation that was just asked for: 4 seconds of fast 480p, $0.4516 held."""

    def make(organization: Organization, prompt: str = "a red kite over a beach") -> Generation:
        body = {
            "model": "seedance-2.0-fast-text-to-video",
            "prompt": prompt,
            "resolution": "480p",
            "duration": 4,
        }
        return lifecycle.create_generations(
            organization,
            requests.read(body),
            member=organization.memberships.order_by("id").first(),
        )[0]

    return make


@pytest.fixture
def running(
    queued: Callable[[Organization], Generation],
    upstream: Upstream,
    run_queue: Callable[[], int],
) -> Callable[[Organization], Generation]:
    def make(organization: Organization) -> Generation:
        generation = queued(organization)
        run_queue()
        generation.refresh_from_db()
        assert generation.state == "running"
        return generation

    return make


def end(
    generation: Generation, upstream: Upstream, run_queue: Callable[[], int], *, well: bool = True
) -> Generation:
    """Let the provider finish it, or refuse it, and settle."""
    if well:
        upstream.finish(upstream.job)
    else:
        upstream.fail(upstream.job, "INVALID", "Refused by the content policy.")
    lifecycle.reconcile(generation.attempts.get())
    run_queue()
    generation.refresh_from_db()
    assert generation.is_final
    return generation


def text(response: object) -> str:
    """The page's HTML without the line breaks that templates leave."""
    return " ".join(response.content.decode().split())  # type: ignore[attr-defined]

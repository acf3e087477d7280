"""Acme with one or more of everything in it, people of every role, a stranger, and somebody who has nothing yet.

`everything()` makes it by the product's own verbs on a faked wire; what only Stripe could have told us is written down.
"""

import functools
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine
from allauth.account.internal.flows.login import (
    _AUTHENTICATION_METHODS_USER_SESSION_KEY,
    AUTHENTICATION_METHODS_SESSION_KEY,
)
from allauth.mfa.webauthn.internal.auth import WebAuthn
from django.conf import settings
from django.test import Client
from django.utils import timezone
from fido2.cose import ES256
from fido2.utils import websafe_encode
from fido2.webauthn import AttestationObject, AttestedCredentialData, AuthenticatorData

from accounts import (
    api_keys,
    deliveries,
    invitations,
    key_terms,
    organizations,
    webhook_endpoints,
    webhooks,
)
from accounts.models import (
    ApiKey,
    Delivery,
    DeliveryAttempt,
    Membership,
    Organization,
    Role,
    User,
)
from billing import budgets, ledger, statements
from billing.models import (
    AutoTopUp,
    Budget,
    Grant,
    Invoice,
    LedgerCheck,
    MeterEvent,
    Purchase,
    Reversal,
    StripeCheck,
    StripeCustomer,
    StripeEvent,
)
from generations import lifecycle, media, requests, stored_files, uploads
from generations.models import Attempt, Generation, RateCard, Upload
from seedance_saas.simulators import film
from seedance_saas.simulators.order import FilmOrder
from tests.accounts.signing_in import give_app, give_codes
from tests.accounts.team import invite
from tests.upstream import Upstream, clip
from tests.world import deposit, make_user

PROMPTS = (
    "A red kite climbs over an empty beach at first light, slow dolly out",
    "A deer lifts its head in a misty clearing, low sun through the pines",
    "Wind moves over a dune, one line of footprints, wide lens",
)
END_USERS = ("customer-1142", "customer-2087", "studio/night shift")
MODEL = "seedance-2.0-fast-text-to-video"


@dataclass
class World:
    acme: Organization
    rival: Organization
    empty: Organization
    people: dict[str, User]
    # What stands for {name} in an address of the table.
    names: dict[str, str] = field(default_factory=dict)


def everything(
    upstream: Upstream,
    run_queue: Callable[[], int],
    *,
    film_of: Callable[[str], bytes] = lambda prompt: clip(),
) -> World:
    """No transaction need be open; needs an empty queue. Stripe is never asked."""
    world = _people()
    acme = world.acme
    _money(world)
    key, _ = api_keys.issue(acme, "Website", by=world.people["owner"])
    _budgets(world, key)
    upload = _upload(acme)
    made = _generations(world, key, upload, upstream, run_queue, film_of)
    _webhooks(world)
    yesterday = timezone.now().date() - timedelta(days=1)
    _stripe(world)
    _operator(acme)
    invitation = invite(acme, "bo@acme.example")
    event = webhooks.events_of(acme).order_by("id")[0]
    statement = statements.close_day(acme, yesterday)
    world.names |= {
        "generation": made["succeeded"].id,
        "failed": made["failed"].id,
        "running": made["running"].id,
        "queued": made["queued"].id,
        "passkey": _passkey(world.people["owner"]),
        "webhook_secret": made["running"].attempts.get().webhook_secret,
        "upload": upload.id,
        "stored": stored_files.announce(acme.id, 1_000).pk,
        "key": key.id,
        "deploy_key": _deploy_key(acme).id,
        "personal_key": _personal_key(acme, world.people["developer"]).id,
        "event": event.id,
        "end_user": END_USERS[0],
        "statement": statement.id if statement else "",
        "media": media.url(
            made["succeeded"].poster_file, expires_at=media.urls_expire_at()
        ).removeprefix("/media/"),
        "organization": acme.id,
        "membership": Membership.objects.get(organization=acme, role=Role.VIEWER).id,
        "model": MODEL,
        "invitation": invitation.id,
        "invitation_secret": invitations._secret(invitation),
        "operator": settings.OPERATOR_PATH,
        "rate_card": RateCard.objects.order_by("version")[0].version,
    }
    return world


def _people() -> World:
    people = {"owner": make_user("ann.owner@acme.example")}
    acme = organizations.create("Acme Studio", owner=people["owner"])
    for role in Role:
        if role != Role.OWNER:
            people[role] = make_user(f"{role}@acme.example")
            organizations.add_member(acme, people[role], role)
    people["stranger"] = make_user("owner@rival.example")
    rival = organizations.create("Rival", owner=people["stranger"])
    deposit(rival, "5.00")
    people["newcomer"] = make_user("new@empty.example")
    empty = organizations.create("Empty", owner=people["newcomer"])
    people["staff"] = make_user("staff@operator.example")
    User.objects.filter(pk=people["staff"].pk).update(is_staff=True)
    people["staff"].refresh_from_db()
    for name, one in people.items():
        if name != "newcomer":
            give_app(one)
            give_codes(one)
    return World(acme, rival, empty, people)


def sign_in(client: Client, user: User) -> Client:
    """As somebody who says who they are again whenever they are asked."""
    client.force_login(user, backend="allauth.account.auth_backends.AuthenticationBackend")
    session = client.session
    in_an_hour = time.time() + 3600
    session[AUTHENTICATION_METHODS_SESSION_KEY] = [
        {"method": "password", "at": in_an_hour, "reauthenticated": True}
    ]
    session[_AUTHENTICATION_METHODS_USER_SESSION_KEY] = user.pk
    session.save()
    return client


def _deploy_key(acme: Organization) -> ApiKey:
    """May change keys, and nothing else."""
    key, _ = api_keys.issue(acme, "Deploy", key_terms.Terms(scopes=("keys:write",)))
    return key


def _personal_key(acme: Organization, user: User) -> ApiKey:
    member = acme.memberships.get(user=user)
    key, _ = api_keys.issue(acme, "Scripts of mine", member=member, by=user)
    return key


def _passkey(user: User) -> str:
    """As a browser registers it, with a key that nobody has."""
    public_key = ES256({1: 2, 3: -7, -1: 1, -2: bytes(32), -3: bytes(32)})
    credential = AttestedCredentialData.create(bytes(16), b"laptop", public_key)
    seen = AuthenticatorData.create(bytes(32), AuthenticatorData.FLAG.AT, 0, credential)
    response = {
        "clientDataJSON": websafe_encode(
            b'{"type": "webauthn.create", "challenge": "", "origin": ""}'
        ),
        "attestationObject": websafe_encode(AttestationObject.create("none", seen, {})),
    }
    id = websafe_encode(b"laptop")
    made = {"id": id, "rawId": id, "type": "public-key", "response": response}
    return str(WebAuthn.add(user, "Laptop", made).instance.pk)


def _money(world: World) -> None:
    """Credits bought two days ago, so that there is a day to close; some of them went back."""
    acme, owner = world.acme, world.people["owner"]
    now = timezone.now()
    before = now - timedelta(days=2)
    with time_machine.travel(before):
        purchase = Purchase(
            organization=acme,
            origin=Purchase.Origin.CHECKOUT,
            made_by=owner,
            state=Purchase.State.PAID,
            amount_cents=200_00,
            total_cents=200_00,
            intent_id="pi_everything",
            card_brand="visa",
            card_last4="4242",
            created_at=before,
            due_at=before,
            paid_at=before,
        )
        purchase.grant = ledger.deposit(
            acme,
            amount_microusd=purchase.amount_microusd,
            kind=Grant.Kind.PURCHASED,
            reference=purchase.reference,
        )
        purchase.save()
    for number, state in enumerate(("open", "closing", "expired", "failed")):
        Purchase.objects.create(
            organization=acme,
            origin=Purchase.Origin.CHECKOUT,
            made_by=owner,
            state=state,
            amount_cents=50_00,
            session_id=f"cs_{number}",
            session_url="/billing",
            created_at=now,
            due_at=now + timedelta(hours=1),
        )
    world.names["purchase"] = purchase.id


def _budgets(world: World, key: ApiKey) -> None:
    acme, owner = world.acme, world.people["owner"]
    developer = Membership.objects.get(organization=acme, role=Role.DEVELOPER)
    for scope, subject, limit in (
        (Budget.Scope.ORGANIZATION, acme.id, 100_000_000),
        (Budget.Scope.MEMBER, developer.id, 20_000_000),
        (Budget.Scope.API_KEY, key.id, 50_000_000),
        (Budget.Scope.END_USER, END_USERS[0], 1_000_000),
        (Budget.Scope.END_USER, Budget.EACH, 5_000_000),
    ):
        budgets.set_limit(acme, scope, subject, limit_microusd=limit, period="month", actor=owner)


def _upload(acme: Organization) -> Upload:
    picture = Path(settings.BASE_DIR) / "static" / "pictures" / "kite.jpg"
    return uploads.receive(acme, picture)


def _generations(
    world: World,
    key: ApiKey,
    upload: Upload,
    upstream: Upstream,
    run_queue: Callable[[], int],
    film_of: Callable[[str], bytes],
) -> dict[str, Generation]:
    developer = Membership.objects.select_related("user").get(
        organization=world.acme, role=Role.DEVELOPER
    )
    made: dict[str, Generation] = {}
    for number, prompt in enumerate(PROMPTS):
        one = _asked(world.acme, prompt, key=key, end_user=END_USERS[number])
        run_queue()
        job = upstream.job
        upstream.finish(job)
        upstream.files[job.output] = film_of(prompt)
        lifecycle.reconcile(Attempt.objects.get(generation_id=one.id))
        run_queue()
        one.refresh_from_db()
        made["succeeded"] = one
    made["failed"] = _asked(world.acme, "A crowd of known faces", member=developer)
    run_queue()
    upstream.fail(upstream.job, "INVALID", "Refused by the content policy.")
    lifecycle.reconcile(Attempt.objects.get(generation_id=made["failed"].id))
    run_queue()
    made["running"] = _asked(
        world.acme,
        "The kite turns towards the sea",
        member=developer,
        model="seedance-2.0-fast-image-to-video",
        image_url=f"upload:{upload.id}",
    )
    run_queue()
    made["queued"] = _asked(world.acme, "A lake before rain, no wind", member=developer)
    return made


def _asked(
    organization: Organization,
    prompt: str,
    *,
    key: ApiKey | None = None,
    member: Membership | None = None,
    end_user: str = "",
    **fields: Any,
) -> Generation:
    body = {"model": MODEL, "prompt": prompt, "resolution": "480p", "duration": 4, **fields}
    if end_user:
        body["end_user_id"] = end_user
    return lifecycle.create_generations(
        organization, requests.read(body), api_key=key, member=member
    )[0]


def _webhooks(world: World) -> None:
    """An endpoint that was told of most, and refused one."""
    endpoint, _ = webhook_endpoints.create(
        world.acme, url="https://acme.example/hooks", actor=world.people["developer"]
    )
    deliveries.fan_out()
    now, made = timezone.now(), list(Delivery.objects.order_by("id"))
    Delivery.objects.update(state=Delivery.State.SUCCEEDED, finished_at=now, tries_count=1)
    Delivery.objects.filter(pk=made[0].pk).update(state=Delivery.State.DEAD)
    DeliveryAttempt.objects.bulk_create(
        DeliveryAttempt(
            delivery=one,
            sent_at=now,
            duration_milliseconds=84,
            status=500 if one == made[0] else 200,
            answer="no" if one == made[0] else "",
        )
        for one in made
    )
    world.names |= {"endpoint": endpoint.id, "delivery": made[0].id}


def _stripe(world: World) -> None:
    """What Stripe told us: a customer with a card, an invoice, a refund, events."""
    acme, now = world.acme, timezone.now()
    StripeCustomer.objects.create(
        organization=acme,
        stripe_id="cus_everything",
        payment_method_id="pm_1",
        card_brand="visa",
        card_last4="4242",
        card_fingerprint="f" * 16,
    )
    invoice = Invoice.objects.create(
        organization=acme,
        stripe_id="in_everything",
        number="7F2C91AB-0001",
        state=Invoice.State.OPEN,
        period_started_at=now - timedelta(days=31),
        period_ended_at=now,
        hosted_url="/billing",
        pdf_url="/billing",
        pay_until=now + timedelta(days=30),
        created_at=now,
    )
    AutoTopUp.objects.create(
        organization=acme,
        threshold_microusd=20_000_000,
        amount_cents=50_00,
        ceiling_cents=200_00,
        next_attempt_at=now + timedelta(days=1),
    )
    Reversal.objects.create(
        purchase_id=world.names["purchase"],
        kind=Reversal.Kind.REFUND,
        stripe_id="re_everything",
        amount_cents=10_00,
        state=Reversal.State.FAILED,
        reason="asked for by the customer",
        failure_message="The bank could not process it.",
    )
    StripeEvent.objects.create(
        id="evt_everything",
        type="charge.refunded",
        object_id="ch_1",
        state=StripeEvent.State.DEAD,
        error="It failed eight times.",
        due_at=now,
    )
    MeterEvent.objects.filter(organization=acme).update(state=MeterEvent.State.REFUSED)
    world.names |= {"invoice": invoice.id, "stripe_event": "evt_everything"}


def _operator(acme: Organization) -> None:
    """What the nightly checks left."""
    now = timezone.now()
    LedgerCheck.objects.create(
        started_at=now, finished_at=now, transfers_count=12, differences_count=0
    )
    StripeCheck.objects.create(started_at=now, finished_at=now, since=now, objects_count=3)


@functools.cache
def picturesque(prompt: str) -> bytes:
    """A film worth looking at: what the simulator renders for this prompt."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "film.mp4"
        film.render(FilmOrder(prompt, 4, "480p", "16:9", sound=False), [], path, threading.Event())
        return path.read_bytes()


@pytest.fixture
def world(upstream: Upstream, run_queue: Callable[[], int], settings: Any, tmp_path: Path) -> World:
    """Everything, with grey films."""
    settings.STORAGES = {
        **settings.STORAGES,
        "default": {
            "BACKEND": "seedance_saas.storage.local.LocalStorage",
            "OPTIONS": {"location": str(tmp_path)},
        },
    }
    return everything(upstream, run_queue)

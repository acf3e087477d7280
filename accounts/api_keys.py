"""API keys: issue, revoke, and recognise one in a request with one indexed read."""

import hashlib
import re
import secrets
from datetime import timedelta

from django.db import transaction
from django.db.models import Q
from django.utils import timezone
from rest_framework.authentication import BaseAuthentication
from rest_framework.request import Request

from accounts import audit
from accounts.models import ApiKey, Organization, User
from seedance_saas.errors import Unauthenticated

SECRET_SHAPE = re.compile(r"sd_(live|test)_[0-9a-f]{48}")
LAST_USE_RESOLUTION = timedelta(minutes=1)


def issue(
    organization: Organization, name: str, *, by: User | None = None, address: str | None = None
) -> tuple[ApiKey, str]:
    """A new key and its secret, which exists in this return value only: we keep its SHA-256.

    The secret has 192 random bits, so a plain hash is as good as a slow one.
    """
    secret = f"sd_{'test' if organization.is_sandbox else 'live'}_{secrets.token_hex(24)}"
    with transaction.atomic():
        key = ApiKey.objects.create(
            organization=organization,
            created_by=by,
            name=name,
            prefix=secret[:12],
            secret_sha256=_hash(secret),
        )
        audit.note(
            organization,
            "api_key.issued",
            key.id,
            actor=by,
            address=address,
            after={"name": name, "prefix": key.prefix},
        )
    return key, secret


def revoke(key: ApiKey, *, by: User | None = None, address: str | None = None) -> None:
    """From now on the key opens nothing, on every process. A repeat changes nothing."""
    with transaction.atomic():
        if ApiKey.objects.filter(pk=key.pk, revoked_at=None).update(revoked_at=timezone.now()):
            audit.note(key.organization, "api_key.revoked", key.id, actor=by, address=address)


def find(secret: str) -> ApiKey | None:
    """The living key with this secret, its organization joined: one read of a unique index."""
    if not SECRET_SHAPE.fullmatch(secret):
        return None
    now = timezone.now()
    key = (
        ApiKey.objects.select_related("organization")
        .filter(Q(expires_at=None) | Q(expires_at__gt=now), revoked_at=None)
        .filter(secret_sha256=_hash(secret))
        .first()
    )
    if key and (key.last_used_at is None or now - key.last_used_at > LAST_USE_RESOLUTION):
        # At most one write a minute and key, and one winner: a hot key costs nothing more.
        ApiKey.objects.filter(pk=key.pk, last_used_at=key.last_used_at).update(last_used_at=now)
    return key


def of(request: Request) -> ApiKey:
    """The key that asks. Everything an API view reads starts at its organization."""
    assert isinstance(request.auth, ApiKey), "the view authenticates by key"
    return request.auth


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


class Program:
    """Who is asking when an API key asks; REST framework calls it the user."""

    is_authenticated = True

    def __init__(self, key: ApiKey) -> None:
        self.key = key


class ApiKeyAuthentication(BaseAuthentication):
    """`Authorization: Bearer sd_…`. Sets `request.auth` to the ApiKey."""

    def authenticate(self, request: Request) -> tuple[Program, ApiKey]:
        scheme, _, secret = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not secret:
            raise Unauthenticated("Send your API key as: Authorization: Bearer sd_live_…")
        if not (key := find(secret.strip())):
            raise Unauthenticated("This API key is not known, has expired or was revoked.")
        return Program(key), key

    def authenticate_header(self, request: Request) -> str:
        return "Bearer"

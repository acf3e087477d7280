"""API keys: issue, rotate, revoke, and recognise one in a request with one indexed read.

A key is of the organization, or personal: then it acts for a member. Who may make, change and rotate which
one is asked in `roles`; a key does so for keys that act for the same one as itself.
"""

import hashlib
import re
import secrets
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import F, OuterRef, Q, QuerySet, Subquery, Value
from django.db.models.functions import JSONObject
from django.utils import timezone
from rest_framework.request import Request

from accounts import audit, key_sightings, key_terms, rates, roles
from accounts.key_terms import Terms
from accounts.models import ApiKey, Membership, Organization, RoleTerms, User
from seedance_saas.api import moment
from seedance_saas.errors import Conflict, Forbidden, InvalidRequest

SECRET_SHAPE = re.compile(r"sd_(live|test)_[0-9a-f]{48}")
PREFIX_LENGTH = 12
OVERLAP_SECONDS_MAX = 604_800


class KeyIsOver(Conflict):
    """The key has expired or was revoked: it opens nothing, and nothing is done to it any more."""

    code = "key_is_over"


class KeyIsRotating(Conflict):
    """The key has a second secret already, until a moment that the refusal names."""

    code = "key_is_rotating"


def issue(
    organization: Organization,
    name: str,
    terms: Terms = Terms(),  # noqa: B008  # frozen
    *,
    member: Membership | None = None,
    id: str | None = None,
    by: User | None = None,
    by_key: ApiKey | None = None,
    address: str | None = None,
) -> tuple[ApiKey, str]:
    """A new key and its secret, which exists in this return value only: we keep its SHA-256.

    With a `member` it is personal, and acts for them; else it is of the organization. The secret has 192
    random bits, so a plain hash is as good as a slow one. A key gives another one no more than it has: raises
    WiderThanOwn. With an `id` that exists already: IntegrityError. Raises Forbidden for who was removed, or lost
    the role for it, meanwhile; a removal that comes second finds the key. Locks the membership.
    """
    if by_key:
        key_terms.require_same_account(member.pk if member else None, by_key)
        key_terms.require_no_wider(terms, key_terms.of(by_key))
    secret = _new_secret(organization)
    with transaction.atomic():
        if member:
            if _require_keeper(organization, Q(pk=member.pk)) is None:
                raise Forbidden("A personal key acts for a member.")
        elif by:
            _require_admin(organization, by)
        key = ApiKey(
            organization=organization,
            member=member,
            created_by=by,
            name=name,
            prefix=secret[:PREFIX_LENGTH],
            secret_sha256=_hash(secret),
            **terms.as_fields(),
        )
        if id:
            key.id = id
        key.save(force_insert=True)
        personal = {"member": member.pk} if member else {}
        audit.note(
            organization,
            "api_key.issued",
            key.id,
            actor=by,
            api_key=by_key,
            address=address,
            after={"prefix": key.prefix, **personal, **terms.as_json()},
        )
    return key, secret


def _require_keeper(organization: Organization, who: Q) -> Membership | None:
    """The membership as it is now, locked; None for who never had one. Raises Forbidden."""
    theirs = Membership.with_former.filter(who, organization=organization)
    found = list(theirs.select_for_update(no_key=True).order_by("id"))
    living = next((one for one in found if one.removed_at is None), None)
    if found and living is None:
        raise Forbidden("You are not a member any more.")
    if living and not roles.can_manage_keys(living):
        raise Forbidden(f"The role {living.role} does not make keys.")
    return living


def _require_admin(organization: Organization, by: User) -> None:
    """What the organization's own keys spend counts on nobody's budget: so who sets budgets makes them."""
    membership = _require_keeper(organization, Q(user=by))
    if membership and not roles.can_set_budgets(membership):
        raise Forbidden("Keys of the organization are made by owners and admins.")


def rotate(
    key: ApiKey,
    *,
    overlap_seconds: int,
    by: User | None = None,
    by_key: ApiKey | None = None,
    address: str | None = None,
) -> tuple[ApiKey, str]:
    """Another secret for the same key; the one before it opens the key, too, for `overlap_seconds` more.

    Of two rotations at once, or within an overlap, one counts: the other raises KeyIsRotating. Raises
    KeyIsOver; WiderThanOwn if `by_key` would get the secret of a key that may do more than itself, or acts
    for somebody else.
    """
    if by_key and by_key.pk != key.pk:
        key_terms.require_same_account(key.member_id, by_key)
        key_terms.require_no_wider(key_terms.of(key), key_terms.of(by_key))
    if not 0 <= overlap_seconds <= OVERLAP_SECONDS_MAX:
        raise InvalidRequest(
            f"overlap_seconds must be a whole number from 0 to {OVERLAP_SECONDS_MAX}.",
            param="overlap_seconds",
            at_least=0,
            at_most=OVERLAP_SECONDS_MAX,
        )
    secret = _new_secret(key.organization, unlike=key.prefix)
    now = timezone.now()
    ends_at = now + timedelta(seconds=overlap_seconds)
    with transaction.atomic():
        rotated = (
            _living(now)
            .filter(pk=key.pk, secret_sha256=key.secret_sha256)
            .filter(Q(previous_expires_at=None) | Q(previous_expires_at__lte=now))
            .update(
                previous_prefix=F("prefix"),
                previous_sha256=F("secret_sha256") if overlap_seconds else None,
                previous_expires_at=Value(ends_at),
                prefix=secret[:PREFIX_LENGTH],
                secret_sha256=_hash(secret),
                rotated_at=now,
            )
        )
        if not rotated:
            raise _not_rotated(key)
        audit.note(
            key.organization,
            "api_key.rotated",
            key.id,
            actor=by,
            api_key=by_key,
            address=address,
            before={"prefix": key.prefix},
            after={"prefix": secret[:PREFIX_LENGTH], "previous_expires_at": moment(ends_at)},
        )
    key.refresh_from_db()
    return key, secret


def end_overlap(
    key: ApiKey,
    *,
    by: User | None = None,
    by_key: ApiKey | None = None,
    address: str | None = None,
) -> None:
    """From now on only the newest secret opens the key. A repeat changes nothing."""
    now = timezone.now()
    with transaction.atomic():
        ended = ApiKey.objects.filter(pk=key.pk, previous_expires_at__gt=now).update(
            previous_sha256=None, previous_expires_at=now
        )
        if ended:
            audit.note(
                key.organization,
                "api_key.overlap_ended",
                key.id,
                actor=by,
                api_key=by_key,
                address=address,
                before={"previous_expires_at": moment(key.previous_expires_at)},
                after={"previous_expires_at": moment(now)},
            )
    key.refresh_from_db()


def revoke(
    key: ApiKey,
    *,
    by: User | None = None,
    by_key: ApiKey | None = None,
    because: str = "",
    address: str | None = None,
) -> bool:
    """From now on the key opens nothing, on every process. A repeat changes nothing and is False."""
    with transaction.atomic():
        revoked = ApiKey.objects.filter(pk=key.pk, revoked_at=None).update(
            revoked_at=timezone.now(), revoked_by=by
        )
        if revoked:
            audit.note(
                key.organization, "api_key.revoked", key.id,
                actor=by, api_key=by_key, address=address, after={"because": because} if because else {},
            )  # fmt: skip
    return bool(revoked)


# What the role of the member may use for whom a key acts: read along with the key.
_TERMS_OF_MEMBER = Subquery(
    RoleTerms.objects.filter(
        organization=OuterRef("organization"), role=OuterRef("member__role")
    ).values(
        terms=JSONObject(
            allowed_models="allowed_models",
            allowed_resolutions="allowed_resolutions",
            concurrent_max="concurrent_max",
        )
    )
)


def find(secret: str, *, address: str | None = None) -> ApiKey | None:
    """The living key with this secret; its organization, and of a personal one the member and the terms of
    their role, joined: one read of unique indexes, which counts the request (`rates.of`).

    That it was used from `address` is noted, at most once a minute: one statement more. Whether it may
    come from there is for the caller to ask.
    """
    if not SECRET_SHAPE.fullmatch(secret):
        return None
    now = timezone.now()
    prefix, digest = secret[:PREFIX_LENGTH], _hash(secret)
    address = key_terms.canonical_address(address)
    opens = Q(secret_sha256=digest) | Q(previous_sha256=digest, previous_expires_at__gt=now)
    belongs = Q(member=None) | Q(member__removed_at=None, member__user__is_active=True)
    rows = _living(now).select_related("organization", "member")
    rows = rows.annotate(terms_of_member=_TERMS_OF_MEMBER, asked=rates.counted())
    key = rows.filter(opens, belongs).first()
    if key is None:
        return None
    if key.member:
        key.member.terms = RoleTerms(**(key.terms_of_member or {}))
    if key_sightings.is_due(key, prefix, address, now):
        was_refused = not key_terms.may_come_from(key, address)
        key_sightings.note(key, prefix, address=address, was_refused=was_refused, now=now)
    return key


def of(request: Request) -> ApiKey:
    """The key that asks. Everything an API view reads starts at its organization."""
    assert isinstance(request.auth, ApiKey), "the view authenticates by key"
    return request.auth


def _living(now: datetime) -> QuerySet[ApiKey]:
    return ApiKey.objects.filter(Q(expires_at=None) | Q(expires_at__gt=now), revoked_at=None)


def is_living(key: ApiKey) -> bool:
    return key.revoked_at is None and (key.expires_at is None or key.expires_at > timezone.now())


def is_rotating(key: ApiKey) -> bool:
    return key.previous_expires_at is not None and key.previous_expires_at > timezone.now()


def require_living(key: ApiKey) -> None:
    if not is_living(key):
        raise KeyIsOver("This key has expired or was revoked. Make another one.")


def _not_rotated(key: ApiKey) -> Conflict:
    """Why: the row as it is now tells."""
    key.refresh_from_db()
    require_living(key)
    return KeyIsRotating(
        f"This key was rotated just now: it begins with {key.prefix}.",
        prefix=key.prefix,
        previous_expires_at=moment(key.previous_expires_at),
    )


def _new_secret(organization: Organization, *, unlike: str = "") -> str:
    """Two secrets of one key can be told apart by how they begin."""
    kind = "test" if organization.is_sandbox else "live"
    secret = f"sd_{kind}_{secrets.token_hex(24)}"
    return _new_secret(organization, unlike=unlike) if secret.startswith(unlike or "!") else secret


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()

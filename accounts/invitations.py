"""Invitations: a way in for one address, sent by mail, good for a week, used once.

The secret is made from the row and our SECRET_KEY when the mail is written, so the database never
holds it: the row has its hash. Sent again it is another secret, and the old link opens nothing.
Every change locks the organization's row.
"""

import hashlib
import logging
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from allauth.account.models import EmailAddress
from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.crypto import salted_hmac

from accounts import audit, mails, organizations, roles
from accounts.invitation_checks import (
    SENT_AGAIN,
    Wanted,
    not_ended,
    open_of,
    require_few_mails,
    require_good,
)
from accounts.models import Invitation, Membership, Organization, Role, User
from seedance_saas import ids
from seedance_saas.errors import Conflict, Forbidden, InvalidRequest, NotFound

logger = logging.getLogger(__name__)

GOOD_FOR = timedelta(days=7)
OPEN_MAX = 200  # of one organization


class InvitationExpired(Conflict):
    code = "invitation_expired"


class InvitationUsed(Conflict):
    code = "invitation_used"


class InvitationRevoked(Conflict):
    code = "invitation_revoked"


class InvitationForeign(Forbidden):
    """It is for another address than those of whoever is signed in."""

    code = "invitation_foreign"


# -- send -------------------------------------------------------------------------------------------


@transaction.atomic
def invite(
    organization: Organization,
    wanted: Sequence[Wanted],
    *,
    by: Membership,
    address: str | None = None,
) -> list[Invitation]:
    """Invite all of them or none; each gets a mail from a task. One audit row each.

    Raises NotInvited with every bad line and its reason, InvalidRequest for too many open ones, TooManyMails,
    OrganizationClosed or OrganizationSuspended.
    """
    organization = organizations.lock(organization)
    organizations.require_open(organization)
    by = organizations.member_now(organization, by)
    now = timezone.now()
    require_good(organization, wanted, by)
    open_count = open_of(organization).count()
    if open_count + len(wanted) > OPEN_MAX:
        raise InvalidRequest(
            f"{open_count} invitations are open, and at most {OPEN_MAX} may be: revoke some first.",
            param="email",
        )
    emails = [one.email.lower() for one in wanted]
    require_few_mails(organization, emails, now)
    # One that has expired makes room for the new one.
    not_ended(organization).filter(email__in=emails).update(revoked_at=now)
    made = [_make(organization, one, by, now) for one in wanted]
    for invitation in made:
        audit.note(
            organization, "invitation.sent", invitation.id,
            actor=by.user, address=address,
            after={"role": invitation.role},
        )  # fmt: skip
    return made


def _make(organization: Organization, wanted: Wanted, by: Membership, now: datetime) -> Invitation:
    invitation = Invitation(
        id=ids.new("inv"),
        organization=organization,
        email=wanted.email.lower(),
        role=wanted.role,
        invited_by=by.user,
    )
    _send(invitation, now)
    return invitation


def _send(invitation: Invitation, now: datetime) -> None:
    """A new secret, a new week and a mail with both."""
    invitation.sent_at, invitation.expires_at = now, now + GOOD_FOR
    invitation.secret_sha256 = _hash(_secret(invitation))
    invitation.save()
    mails.owe("accounts.invitations.mail", invitation.id, now.isoformat(), within=GOOD_FOR)


@transaction.atomic
def send_again(invitation: Invitation, *, by: Membership, address: str | None = None) -> Invitation:
    """A new secret and a new week; the old link opens nothing any more. Each call is a mail of its own.

    Raises NotFound for one that was used or revoked, Forbidden for a role that `by` does not give, TooManyMails.
    """
    organization = organizations.lock(invitation.organization)
    organizations.require_open(organization)
    found = not_ended(organization).select_for_update().filter(pk=invitation.pk).first()
    if found is None:
        raise NotFound("This invitation was used or revoked meanwhile.")
    _require_may_give(organizations.member_now(organization, by), found.role)
    now = timezone.now()
    require_few_mails(organization, [found.email], now)
    found.organization = organization
    _send(found, now)
    audit.note(
        organization, SENT_AGAIN, found.id,
        actor=by.user, address=address, after={"role": found.role},
    )  # fmt: skip
    return found


def _require_may_give(by: Membership, role: str) -> None:
    if not roles.can_give(by, role):
        raise Forbidden(f"The role {by.role} does not give the role {role}.")


def mail(invitation_id: str, sent_at: str) -> list[EmailMultiAlternatives]:
    """With its link, if it is still open. One that was sent again is told by the mail that is owed since then."""
    found = Invitation.objects.select_related("organization", "invited_by").filter(pk=invitation_id)
    invitation = found.first()
    if not invitation or invitation.sent_at.isoformat() != sent_at:
        return []
    if invitation.accepted_at or invitation.revoked_at or invitation.expires_at <= timezone.now():
        return []
    name, by = invitation.organization.name, invitation.invited_by or "Somebody"
    return mails.to_one(
        invitation.email,
        "invitation",
        {
            "subject": f"Join {name} on Seedance SaaS",
            "headline": f"Join {name}",
            "sentence": f"{by} invites you to {name} on Seedance SaaS, as {invitation.role}.",
            "words": "Accept the invitation",
            "invitation": invitation,
            "url": f"{settings.PUBLIC_URL}/invitations/{_secret(invitation)}",
        },
    )


def _secret(invitation: Invitation) -> str:
    """Of this sending: another time of sending makes another one. 256 bits that only SECRET_KEY can make."""
    named = f"{invitation.id} {invitation.sent_at.isoformat()}"
    return salted_hmac("accounts.invitations", named, algorithm="sha256").hexdigest()


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


# -- withdraw ---------------------------------------------------------------------------------------


@transaction.atomic
def revoke(invitation: Invitation, *, by: Membership, address: str | None = None) -> None:
    """Its link opens nothing from now on. A repeat, or one that was used, changes nothing. Raises Forbidden."""
    organization = organizations.lock(invitation.organization)
    _require_may_give(organizations.member_now(organization, by), invitation.role)
    _revoke(organization, not_ended(organization).filter(pk=invitation.pk), by.user, address)


def revoke_all_of(
    organization: Organization,
    user: User,
    *,
    by: User,
    of_roles: Iterable[str] = Role.values,
    address: str | None = None,
) -> int:
    """Those that `user` sent and nobody has used; how many. Under the organization's lock."""
    sent = not_ended(organization).filter(invited_by=user, role__in=list(of_roles))
    return _revoke(organization, sent, by, address)


def revoke_all(organization: Organization, *, by: User, address: str | None = None) -> int:
    """Every open one; how many. Under the organization's lock."""
    return _revoke(organization, not_ended(organization), by, address)


def _revoke(
    organization: Organization, rows: QuerySet[Invitation], by: User, address: str | None
) -> int:
    now, found = timezone.now(), list(rows.order_by("id"))
    Invitation.objects.filter(pk__in=[one.pk for one in found]).update(revoked_at=now)
    for one in found:
        audit.note(
            organization, "invitation.revoked", one.id,
            actor=by, address=address, before={"role": one.role},
        )  # fmt: skip
    return len(found)


# -- accept -----------------------------------------------------------------------------------------


def find(secret: str) -> Invitation | None:
    """The invitation that this link is of, whatever became of it."""
    return (
        Invitation.objects.select_related("organization", "invited_by")
        .filter(secret_sha256=_hash(secret))
        .first()
    )


def require_usable(invitation: Invitation) -> None:
    """Raises InvitationUsed, InvitationRevoked or InvitationExpired. None says anything of the organization."""
    if invitation.accepted_at:
        raise InvitationUsed("This invitation was used already.")
    if invitation.revoked_at or invitation.organization.closed_at:
        raise InvitationRevoked("This invitation was withdrawn.")
    if invitation.expires_at <= timezone.now():
        raise InvitationExpired("This invitation has expired.")


def is_for(invitation: Invitation, user: User) -> bool:
    """Whether it was sent to this person's address, or to another one that is proved to be theirs."""
    if user.email == invitation.email:
        return True
    proved = EmailAddress.objects.filter(user=user, verified=True, email__iexact=invitation.email)
    return bool(proved.exists())


@transaction.atomic
def accept(secret: str, user: User, *, address: str | None = None) -> Membership:
    """Become a member in the role that was offered; whoever is one already keeps their role.

    Two at once are one. Raises NotFound, InvitationForeign, InvitationUsed, InvitationRevoked or InvitationExpired.
    """
    found = find(secret)
    if found is None:
        raise NotFound("No invitation has this link.")
    organization = organizations.lock(found.organization)
    invitation = Invitation.objects.select_for_update().get(pk=found.pk)
    if invitation.secret_sha256 != _hash(secret):
        raise NotFound("No invitation has this link.")
    invitation.organization = organization
    if not is_for(invitation, user):
        raise InvitationForeign("This invitation is for another address.")
    require_usable(invitation)
    Invitation.objects.filter(pk=invitation.pk).update(accepted_at=timezone.now(), accepted_by=user)
    membership = organizations.add_member(organization, user, Role(invitation.role))
    audit.note(
        organization, "invitation.accepted", invitation.id,
        actor=user, address=address,
        after={"member": membership.id, "role": membership.role},
    )  # fmt: skip
    logger.info("invitation.accepted id=%s member=%s", invitation.id, membership.id)
    return membership

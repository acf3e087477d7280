"""Who belongs to an organization, and as what: roles, removal, ownership.

Every change locks the organization's row and reads both sides afresh under it: so two at once are one after
the other, and the last owner is never lost between them.
"""

import logging
from dataclasses import dataclass

from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from accounts import api_keys, audit, invitations, organizations, roles
from accounts.models import ApiKey, Membership, Organization, Role, User
from seedance_saas.errors import Conflict, Forbidden, InvalidRequest

logger = logging.getLogger(__name__)


class LastOwner(Conflict):
    """An organization always has an owner who can sign in."""

    code = "last_owner"


class AboveTheirRole(Forbidden):
    """Nobody gives or takes a role that is above their own."""

    code = "above_your_role"


@dataclass(frozen=True)
class Removed:
    """What went with a member: their personal keys, and those that they made for the organization if it was said."""

    keys_count: int
    invitations_count: int


@transaction.atomic
def change_role(
    member: Membership, role: str, *, by: Membership, address: str | None = None
) -> Membership:
    """The member as they are then. Counts from their next request on, and from that of their personal keys, which
    may what the role may; invitations that they could not send any more go.

    Raises InvalidRequest for one who left, AboveTheirRole, LastOwner. A repeat changes nothing.
    """
    if role not in Role.values:
        raise InvalidRequest(f"The role must be one of {', '.join(Role.values)}.", param="role")
    organization = organizations.lock(member.organization)
    member, by = (
        organizations.member_now(organization, member),
        organizations.member_now(organization, by),
    )
    if member.role == role:
        return member
    _require_may_give(by, member.role)
    _require_may_give(by, role)
    if member.role == Role.OWNER:
        _require_another_owner(organization, member)
    before = member.role
    _give(member, role, by=by.user, address=address)
    audit.note(
        organization, "member.role_changed", member.id,
        actor=by.user, address=address, before={"role": before}, after={"role": role},
    )  # fmt: skip
    return member


@transaction.atomic
def transfer_ownership(
    to: Membership, *, by: Membership, address: str | None = None
) -> tuple[Membership, Membership]:
    """`to` becomes an owner and `by`, who was one, an admin: both or none. Both as they are then.

    Raises NotFound for one who left, AboveTheirRole, InvalidRequest for oneself, LastOwner if `to` cannot sign in.
    """
    organization = organizations.lock(to.organization)
    to, by = organizations.member_now(organization, to), organizations.member_now(organization, by)
    if to.pk == by.pk:
        raise InvalidRequest("You are the owner already.", param="to")
    _require_may_give(by, Role.OWNER)
    if not to.user.is_active:
        raise LastOwner(f"{to.user} cannot sign in, so cannot be the owner.")
    before = {to.id: to.role, by.id: by.role}
    _give(to, Role.OWNER, by=by.user, address=address)
    _give(by, Role.ADMIN, by=by.user, address=address)
    audit.note(
        organization, "organization.ownership_transferred", to.id,
        actor=by.user, address=address, before=before, after={to.id: to.role, by.id: by.role},
    )  # fmt: skip
    return to, by


@transaction.atomic
def remove(
    member: Membership,
    *,
    by: Membership,
    revokes_made: bool = False,
    address: str | None = None,
) -> Removed:
    """From the next request on the member sees nothing of the organization. Removing oneself is leaving.

    Their personal keys are revoked, and the invitations that they sent. Keys of the organization stay, whoever
    made them, or with `revokes_made` those that they made go as well. What they made stays, and what runs ends
    as usual. Raises NotFound for one who left already, AboveTheirRole, LastOwner.
    """
    organization = organizations.lock(member.organization)
    member, by = (
        organizations.member_now(organization, member),
        organizations.member_now(organization, by),
    )
    if member.pk != by.pk:
        _require_may_give(by, member.role)
    if member.role == Role.OWNER:
        _require_another_owner(organization, member)
    Membership.objects.filter(pk=member.pk).update(removed_at=timezone.now())
    keys = [*keys_of(member), *(keys_made(member) if revokes_made else ())]
    for key in keys:
        api_keys.revoke(key, by=by.user, address=address)
    sent = invitations.revoke_all_of(organization, member.user, by=by.user, address=address)
    audit.note(
        organization, "member.left" if member.pk == by.pk else "member.removed", member.id,
        actor=by.user, address=address, before={"role": member.role},
        after={"keys_revoked": len(keys)},
    )  # fmt: skip
    logger.info("member.removed id=%s organization=%s", member.id, organization.id)
    return Removed(len(keys), sent)


def keys_of(member: Membership) -> list[ApiKey]:
    """Their living personal keys, which end with the membership."""
    return _living_keys(member, Q(member=member))


def keys_made(member: Membership) -> list[ApiKey]:
    """The living keys of the organization that the person made: they may know the secrets."""
    return _living_keys(member, Q(member=None, created_by=member.user_id))


def _living_keys(member: Membership, which: Q) -> list[ApiKey]:
    keys = ApiKey.objects.filter(which, organization=member.organization_id, revoked_at=None)
    return list(keys.select_related("organization").order_by("id"))


def is_last_owner(member: Membership) -> bool:
    """Whether the organization would have none without them. Reads without a lock: for a page."""
    return member.role == Role.OWNER and not _other_owners(member.organization, member).exists()


def _require_may_give(by: Membership, role: str) -> None:
    if not roles.can_give(by, role):
        raise AboveTheirRole(f"The role {by.role} does not give or take the role {role}.")


def _require_another_owner(organization: Organization, member: Membership) -> None:
    if not _other_owners(organization, member).exists():
        raise LastOwner(
            f"{member.user} is the last owner of {organization.name}. Make somebody else an owner first."
        )


def _other_owners(organization: Organization, member: Membership) -> QuerySet[Membership]:
    """Those who could sign in and look after it."""
    owners = organization.memberships.filter(role=Role.OWNER, user__is_active=True)
    return owners.exclude(pk=member.pk)


def _give(member: Membership, role: str, *, by: User, address: str | None) -> None:
    """Write it, and take back the invitations that this role may not send."""
    Membership.objects.filter(pk=member.pk).update(role=role)
    member.role = role
    may_not = [one for one in Role.values if not roles.can_give(member, one)]
    invitations.revoke_all_of(
        member.organization, member.user, of_roles=may_not, by=by, address=address
    )

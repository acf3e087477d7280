"""The life of an organization and of a person's place in it."""

import logging

from django.db import transaction
from django.utils import timezone

from accounts import audit
from accounts.models import Membership, Organization, Role, User, WebhookSecret
from seedance_saas.errors import Forbidden, InvalidRequest, NotFound

logger = logging.getLogger(__name__)

NAME_LENGTH_MAX = 100
ERASED_NAME = "A closed organization"


class OrganizationSuspended(Forbidden):
    """We stopped it. What runs ends as usual; nothing new begins."""

    code = "organization_suspended"


class OrganizationClosed(Forbidden):
    """Its owner closed it."""

    code = "organization_closed"


@transaction.atomic
def create(name: str, *, owner: User, is_sandbox: bool = False) -> Organization:
    """A new organization with its first owner."""
    organization = Organization.objects.create(name=name, is_sandbox=is_sandbox)
    Membership.objects.create(organization=organization, user=owner, role=Role.OWNER)
    return organization


def lock(organization: Organization) -> Organization:
    """Its row as it is now, locked until the transaction ends. Whoever needs the wallet, too, locks that first."""
    return Organization.objects.select_for_update(no_key=True).get(pk=organization.pk)


@transaction.atomic
def rename(
    organization: Organization, name: str, *, by: User, address: str | None = None
) -> Organization:
    """From now on it has this name. One audit row, and none for a repeat. Raises InvalidRequest."""
    name = " ".join(name.split())
    if not 1 <= len(name) <= NAME_LENGTH_MAX:
        raise InvalidRequest(f"The name must have 1 to {NAME_LENGTH_MAX} characters.", param="name")
    now = lock(organization)
    if now.name != name:
        now.name = name
        now.save(update_fields=["name"])
        audit.note(now, "organization.renamed", now.id, actor=by, address=address)
    return now


def add_member(organization: Organization, user: User, role: Role) -> Membership:
    """A repeat returns the membership as it is, its role untouched."""
    membership, _ = Membership.objects.get_or_create(
        organization=organization, user=user, defaults={"role": role}
    )
    return membership


def member_now(organization: Organization, member: Membership) -> Membership:
    """The membership as it is now, for who has the lock. Raises NotFound for one who does not belong any more."""
    found = organization.memberships.select_related("user").filter(pk=member.pk).first()
    if found is None:
        raise NotFound("This member left meanwhile.")
    found.organization = organization
    return found


@transaction.atomic
def erase_names(organization: Organization) -> None:
    """What is left of one that was closed long ago is its id: nobody belongs to it. A repeat changes nothing."""
    now = timezone.now()
    organization = lock(organization)
    if organization.erased_at or not organization.erase_at or organization.erase_at > now:
        return
    organization.name, organization.suspended_because = ERASED_NAME, ""
    organization.erased_at = now
    organization.save(update_fields=["name", "suspended_because", "erased_at"])
    organization.memberships.update(removed_at=now)
    organization.invitations.all().delete()
    organization.api_keys.update(name="")
    organization.webhook_endpoints.all().delete()
    WebhookSecret.objects.filter(organization=organization).delete()
    audit.note(organization, "organization.erased", organization.id)


def require_open(organization: Organization) -> None:
    """Asked before anything new begins. Reads the row that the caller's request read.

    Raises OrganizationClosed or OrganizationSuspended.
    """
    if organization.closed_at:
        raise OrganizationClosed(f"{organization.name} is closed.")
    if organization.suspended_at:
        raise OrganizationSuspended(
            f"{organization.name} is suspended: {organization.suspended_because}"
        )


@transaction.atomic
def suspend(
    organization: Organization, *, because: str, by: User, address: str | None = None
) -> None:
    """From the next request on nothing new begins, on every process. A repeat changes nothing."""
    if Organization.objects.filter(pk=organization.pk, suspended_at=None).update(
        suspended_at=timezone.now(), suspended_because=because
    ):
        audit.note(
            organization, "organization.suspended", organization.id,
            actor=by, address=address, after={"because": because},
        )  # fmt: skip
        logger.info("organization.suspended id=%s", organization.id)


@transaction.atomic
def reinstate(
    organization: Organization, *, by: User, because: str = "", address: str | None = None
) -> None:
    """Undo a suspension. A repeat changes nothing."""
    if Organization.objects.filter(pk=organization.pk, suspended_at__isnull=False).update(
        suspended_at=None, suspended_because=""
    ):
        audit.note(
            organization, "organization.reinstated", organization.id,
            actor=by, address=address, after={"because": because} if because else {},
        )  # fmt: skip
        logger.info("organization.reinstated id=%s", organization.id)


@transaction.atomic
def require_second_factor(
    organization: Organization, required: bool, *, by: User, address: str | None = None
) -> None:
    """From the next page on, members without a second factor set one up first. Keys are not asked.

    A repeat changes nothing.
    """
    if Organization.objects.filter(pk=organization.pk, requires_second_factor=not required).update(
        requires_second_factor=required
    ):
        organization.requires_second_factor = required
        audit.note(
            organization, "organization.second_factor_required", organization.id,
            actor=by, address=address,
            before={"required": not required}, after={"required": required},
        )  # fmt: skip
        logger.info("organization.second_factor id=%s required=%s", organization.id, required)

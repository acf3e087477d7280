"""How an organization begins: with its owner and, if it is a sandbox, with free credits."""

from django.db import transaction

from accounts import audit, organizations
from accounts.models import Organization, Role, User
from billing import sandboxes
from seedance_saas.errors import Conflict

OWNED_MAX = 20


class TooManyOrganizations(Conflict):
    """Of one owner."""

    code = "too_many_organizations"


@transaction.atomic
def found(
    name: str, *, owner: User, is_sandbox: bool = False, address: str | None = None
) -> Organization:
    """A new organization, live or sandbox, for ever. Locks the person's row. One audit row.

    Raises TooManyOrganizations for an owner of OWNED_MAX that are not closed.
    """
    User.objects.select_for_update(no_key=True).get(pk=owner.pk)
    owned = owner.memberships.filter(removed_at=None, role=Role.OWNER, organization__closed_at=None)
    if owned.count() >= OWNED_MAX:
        raise TooManyOrganizations(f"You own {OWNED_MAX} organizations, which is the most.")
    organization = organizations.create(name, owner=owner, is_sandbox=is_sandbox)
    audit.note(
        organization,
        "organization.created",
        organization.id,
        actor=owner,
        address=address,
        after={"is_sandbox": is_sandbox},
    )
    if is_sandbox:
        sandboxes.fill(organization, by=owner, address=address)
    return organization

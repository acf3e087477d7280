"""The life of an organization and of a person's place in it."""

from django.db import transaction

from accounts.models import Membership, Organization, Role, User


@transaction.atomic
def create(name: str, *, owner: User, is_sandbox: bool = False) -> Organization:
    """A new organization with its first owner."""
    organization = Organization.objects.create(name=name, is_sandbox=is_sandbox)
    Membership.objects.create(organization=organization, user=owner, role=Role.OWNER)
    return organization


def add_member(organization: Organization, user: User, role: Role) -> Membership:
    """A repeat returns the membership as it is, its role untouched."""
    membership, _ = Membership.objects.get_or_create(
        organization=organization, user=user, defaults={"role": role}
    )
    return membership

"""A tenant, who belongs to it, who is invited, and what each role may use."""

import secrets
from functools import cached_property, partial
from typing import ClassVar

from django.db import models
from django.db.models.functions import Lower

from accounts.models.people import User
from seedance_saas import ids


def new_secret() -> str:
    return secrets.token_hex(32)


class Organization(models.Model):
    """A tenant: who pays, and whose rows nobody else sees."""

    id = models.CharField(
        primary_key=True, max_length=ids.ID_LENGTH, default=partial(ids.new, "org"), editable=False
    )
    name = models.CharField(max_length=100)
    is_sandbox = models.BooleanField(default=False)
    # Decides the prices; what a plan means is told to the right of this room.
    plan = models.CharField(max_length=20, default="standard", db_default="standard")
    # The key of the pseudonyms under which end users leave us. It never leaves us itself.
    pseudonym_secret = models.CharField(max_length=64, default=new_secret, editable=False)
    # Slugs of models that may be used, as the room that knows them writes them. Empty: all.
    allowed_models = models.JSONField(default=list, blank=True)
    requires_second_factor = models.BooleanField(default=False)
    suspended_at = models.DateTimeField(null=True)  # by us: what runs ends, nothing new begins
    suspended_because = models.CharField(max_length=200, blank=True)
    closed_at = models.DateTimeField(null=True)  # by its owner
    erase_at = models.DateTimeField(null=True)  # when names and media of a closed one go
    erased_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return self.name


class Role(models.TextChoices):
    OWNER = "owner"
    ADMIN = "admin"
    DEVELOPER = "developer"
    BILLING = "billing"
    VIEWER = "viewer"


class LivingMemberships(models.Manager["Membership"]):
    """Those who belong now. To forget this filter would let the removed in, so it is the default."""

    def get_queryset(self) -> models.QuerySet["Membership"]:
        return super().get_queryset().filter(removed_at=None)


class Membership(models.Model):
    """A person in an organization. What a role may do is asked in roles.py.

    A removed one stays, for what was made and spent through it names it.
    """

    id = models.CharField(
        primary_key=True, max_length=ids.ID_LENGTH, default=partial(ids.new, "mem"), editable=False
    )
    organization = models.ForeignKey(Organization, models.PROTECT, related_name="memberships")
    user = models.ForeignKey(User, models.PROTECT, related_name="memberships")
    role = models.CharField(max_length=10, choices=Role.choices)
    created_at = models.DateTimeField(auto_now_add=True)
    removed_at = models.DateTimeField(null=True)

    objects: ClassVar[LivingMemberships] = LivingMemberships()
    with_former: ClassVar[models.Manager["Membership"]] = models.Manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["user", "organization"],
                condition=models.Q(removed_at=None),
                name="one_membership_per_person",
            ),
            models.CheckConstraint(condition=models.Q(role__in=Role.values), name="role_is_known"),
        ]

    def __str__(self) -> str:
        return f"{self.user} ({self.role})"

    @cached_property
    def terms(self) -> "RoleTerms":
        """What their role may use. Read once, if whoever read the membership did not bring it along."""
        return RoleTerms.objects.filter(
            organization=self.organization_id, role=self.role
        ).first() or RoleTerms(organization_id=self.organization_id, role=self.role)


class Invitation(models.Model):
    """A way in for one address. The secret is in the mail only; its hash is kept."""

    id = models.CharField(
        primary_key=True, max_length=ids.ID_LENGTH, default=partial(ids.new, "inv"), editable=False
    )
    organization = models.ForeignKey(Organization, models.PROTECT, related_name="invitations")
    email = models.EmailField()
    role = models.CharField(max_length=10, choices=Role.choices)
    invited_by = models.ForeignKey(User, models.PROTECT, null=True, related_name="+")
    secret_sha256 = models.CharField(max_length=64, unique=True)
    created_at = models.DateTimeField(auto_now_add=True)
    sent_at = models.DateTimeField()  # the last time
    expires_at = models.DateTimeField()
    accepted_at = models.DateTimeField(null=True)
    accepted_by = models.ForeignKey(User, models.PROTECT, null=True, related_name="+")
    revoked_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "email"],
                condition=models.Q(accepted_at=None, revoked_at=None),
                name="one_open_invitation_per_address",
            ),
            models.CheckConstraint(
                name="invited_email_is_lower_case", condition=models.Q(email=Lower("email"))
            ),
            models.CheckConstraint(
                name="invited_role_is_known", condition=models.Q(role__in=Role.values)
            ),
            models.CheckConstraint(
                name="an_invitation_ends_once",
                condition=models.Q(accepted_at=None) | models.Q(revoked_at=None),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.email} ({self.role})"


class RoleTerms(models.Model):
    """What those with a role may use. No row, or an empty list: whatever the organization may."""

    organization = models.ForeignKey(Organization, models.PROTECT, related_name="role_terms")
    role = models.CharField(max_length=10, choices=Role.choices)
    allowed_models = models.JSONField(default=list, blank=True)
    allowed_resolutions = models.JSONField(default=list, blank=True)
    concurrent_max = models.PositiveIntegerField(null=True)  # of each of them

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["organization", "role"], name="one_terms_per_role"),
            models.CheckConstraint(
                name="terms_role_is_known", condition=models.Q(role__in=Role.values)
            ),
        ]

    def __str__(self) -> str:
        return f"{self.organization_id} {self.role}"

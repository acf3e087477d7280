"""A program's right to act for an organization, and from where it was used."""

from functools import partial

from django.db import models
from django.db.models import Q

from accounts.models.organizations import Membership, Organization
from accounts.models.people import User
from seedance_saas import ids


class ApiKey(models.Model):
    """A program's right to act for an organization, or for one of its members. The secret is shown once; its
    hash is kept.

    A key of the organization counts for itself alone, and outlives whoever made it. A personal one acts for
    its member: it may what they may, spends on their budget beside its own, and ends with the membership.

    A rotation gives the same key another secret, so its budget, its limits and its usage go on as they
    are; the secret before it opens the key, too, until `previous_expires_at`.
    """

    id = models.CharField(
        primary_key=True, max_length=ids.ID_LENGTH, default=partial(ids.new, "key"), editable=False
    )
    organization = models.ForeignKey(Organization, models.PROTECT, related_name="api_keys")
    member = models.ForeignKey(  # for whom a personal key acts; none: it is of the organization
        Membership, models.PROTECT, null=True, related_name="api_keys"
    )
    created_by = models.ForeignKey(User, models.PROTECT, null=True, related_name="+")
    name = models.CharField(max_length=100)
    prefix = models.CharField(max_length=16)  # enough of the secret to tell keys apart on a page
    secret_sha256 = models.CharField(max_length=64, unique=True)
    rotated_at = models.DateTimeField(null=True)
    previous_prefix = models.CharField(max_length=16, blank=True)
    previous_sha256 = models.CharField(  # noqa: DJ001  # NULLs are no duplicates, empty texts are
        max_length=64, null=True, unique=True
    )
    previous_expires_at = models.DateTimeField(null=True)
    # What it may do, use and come from. An empty list of scopes, models, resolutions or addresses
    # limits nothing: keys from before there were any keep working.
    scopes = models.JSONField(default=list, blank=True)
    allowed_models = models.JSONField(default=list, blank=True)
    allowed_resolutions = models.JSONField(default=list, blank=True)
    allowed_addresses = models.JSONField(default=list, blank=True)  # CIDR
    concurrent_max = models.PositiveIntegerField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)
    last_used_at = models.DateTimeField(null=True)
    last_used_address = models.GenericIPAddressField(null=True)
    expires_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)
    revoked_by = models.ForeignKey(User, models.PROTECT, null=True, related_name="+")

    class Meta:
        indexes = [models.Index(fields=["organization", "id"], name="api_keys_of_organization")]
        constraints = [
            models.CheckConstraint(
                name="a_previous_secret_expires",
                condition=Q(previous_sha256=None) | Q(previous_expires_at__isnull=False),
            )
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix}…)"

    @property
    def is_personal(self) -> bool:
        return self.member_id is not None


class KeySighting(models.Model):
    """That a secret was used from an address within an hour. Noted at most once a minute, kept for a while.

    At most so many addresses of a key and hour have a row of their own; the rest share the one of MANY.
    """

    MANY = "::"

    api_key = models.ForeignKey(ApiKey, models.PROTECT, related_name="sightings", db_index=False)
    hour = models.DateTimeField()
    address = models.GenericIPAddressField()
    prefix = models.CharField(max_length=16)  # which of the key's secrets it was
    was_refused = models.BooleanField()  # the key may not come from there
    first_seen_at = models.DateTimeField()
    last_seen_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["api_key", "hour", "address", "prefix", "was_refused"],
                name="one_sighting_per_hour",
            )
        ]
        indexes = [models.Index(fields=["hour"], name="sightings_by_age")]

    def __str__(self) -> str:
        return f"{self.prefix} from {self.address}"


class KeyRate(models.Model):
    """How often a key asked since `began_at`; a window is over a minute later. Written by accounts_count_request()
    alone, in a table that is not logged, without a foreign key, which would lock the key's row each time."""

    api_key_id = models.CharField(primary_key=True, max_length=ids.ID_LENGTH)
    began_at = models.DateTimeField()
    used = models.BigIntegerField()

    def __str__(self) -> str:
        return f"{self.api_key_id} {self.used}"

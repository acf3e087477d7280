"""A program's right to act for an organization."""

from functools import partial

from django.db import models

from accounts.models.organizations import Organization
from accounts.models.people import User
from seedance_saas import ids


class ApiKey(models.Model):
    """A program's right to act for an organization. The secret is shown once; its hash is kept."""

    id = models.CharField(
        primary_key=True, max_length=ids.ID_LENGTH, default=partial(ids.new, "key"), editable=False
    )
    organization = models.ForeignKey(Organization, models.PROTECT, related_name="api_keys")
    created_by = models.ForeignKey(User, models.PROTECT, null=True, related_name="+")
    name = models.CharField(max_length=100)
    prefix = models.CharField(max_length=16)  # enough of the secret to tell keys apart on a page
    secret_sha256 = models.CharField(max_length=64, unique=True)
    # What it may do, use and come from. An empty list of scopes, models, resolutions or addresses
    # limits nothing: keys from before there were any keep working.
    scopes = models.JSONField(default=list, blank=True)
    allowed_models = models.JSONField(default=list, blank=True)
    allowed_resolutions = models.JSONField(default=list, blank=True)
    allowed_addresses = models.JSONField(default=list, blank=True)  # CIDR
    concurrent_max = models.PositiveIntegerField(null=True)
    replaces = models.OneToOneField("self", models.PROTECT, null=True, related_name="replaced_by")
    created_at = models.DateTimeField(auto_now_add=True)
    last_used_at = models.DateTimeField(null=True)
    last_used_address = models.GenericIPAddressField(null=True)
    expires_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [models.Index(fields=["organization", "id"], name="api_keys_of_organization")]

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix}…)"

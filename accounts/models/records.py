"""What is only ever written down: the audit trail, events, first answers."""

from functools import partial

from django.db import models
from django.db.models import Q
from django.db.models.fields.json import KeyTransform

from accounts.models.keys import ApiKey
from accounts.models.organizations import Organization
from accounts.models.people import User
from seedance_saas import ids


class AuditEntry(models.Model):
    """One change of money, keys, roles or settings. Append-only in the database itself.

    Without an organization it is about the house: prices, the catalog.
    """

    id = models.CharField(
        primary_key=True, max_length=ids.ID_LENGTH, default=partial(ids.new, "aud"), editable=False
    )
    organization = models.ForeignKey(
        Organization, models.PROTECT, null=True, related_name="audit_entries"
    )
    actor = models.ForeignKey(User, models.PROTECT, null=True, related_name="+")
    api_key = models.ForeignKey(ApiKey, models.PROTECT, null=True, related_name="+")
    address = models.GenericIPAddressField(null=True)
    action = models.CharField(max_length=60)  # "api_key.issued"
    target = models.CharField(max_length=60)  # the id of what was changed
    before = models.JSONField(default=dict)
    after = models.JSONField(default=dict)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name_plural = "audit entries"
        indexes = [models.Index(fields=["organization", "id"], name="audit_of_organization")]

    def __str__(self) -> str:
        return f"{self.action} {self.target}"


class Look(models.Model):
    """One of our staff looks at an organization as its owner would, for a while, and changes nothing."""

    id = models.CharField(
        primary_key=True, max_length=ids.ID_LENGTH, default=partial(ids.new, "look"), editable=False
    )
    organization = models.ForeignKey(Organization, models.PROTECT, related_name="looks")
    staff = models.ForeignKey(User, models.PROTECT, related_name="looks")
    reason = models.CharField(max_length=200)
    began_at = models.DateTimeField()
    until = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["staff"],
                name="one_look_at_a_time",
                condition=models.Q(ended_at=None),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.staff_id} looks at {self.organization_id}"


class Event(models.Model):
    """Something the organization may want to know, written in the transaction in which it happened."""

    id = models.CharField(
        primary_key=True, max_length=ids.ID_LENGTH, default=partial(ids.new, "evt"), editable=False
    )
    organization = models.ForeignKey(Organization, models.PROTECT, related_name="events")
    type = models.CharField(max_length=40)  # "generation.succeeded"
    data = models.JSONField()
    webhook_url = models.CharField(
        max_length=2048, blank=True, default="", db_default=""
    )  # told beside endpoints
    created_at = models.DateTimeField(auto_now_add=True)
    fanned_out_at = models.DateTimeField(null=True)  # then its deliveries are rows

    class Meta:
        indexes = [
            models.Index(fields=["organization", "id"], name="events_of_organization"),
            models.Index(fields=["id"], name="events_to_fan_out", condition=Q(fanned_out_at=None)),
            models.Index(KeyTransform("id", "data"), name="events_by_object"),
        ]

    def __str__(self) -> str:
        return f"{self.type} {self.id}"


class IdempotencyRecord(models.Model):
    """The first answer under an Idempotency-Key, written in the same transaction as its work."""

    organization = models.ForeignKey(Organization, models.CASCADE, related_name="+")
    key = models.CharField(max_length=255)
    fingerprint = models.CharField(max_length=64)  # SHA-256 of method, path and body
    status = models.PositiveSmallIntegerField()
    body = models.JSONField()
    created_at = models.DateTimeField(auto_now_add=True, db_index=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "key"], name="one_answer_per_idempotency_key"
            )
        ]

    def __str__(self) -> str:
        return self.key

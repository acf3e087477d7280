"""What was used, and what proves the books to others: read from the transfers, never the reverse."""

from functools import partial

from django.db import models
from django.db.models import F, Q

from accounts.models import Organization
from seedance_saas import ids


class UsageRecord(models.Model):
    """What one settled piece of work used and cost: what budgets, statements and reports read."""

    id = models.CharField(
        primary_key=True, max_length=ids.ID_LENGTH, default=partial(ids.new, "use"), editable=False
    )
    organization = models.ForeignKey(
        Organization, models.PROTECT, related_name="usage_records", db_index=False
    )
    reference = models.CharField(max_length=100, unique=True)
    seconds = models.PositiveIntegerField()
    amount_microusd = models.BigIntegerField()
    end_user_id = models.CharField(max_length=255, blank=True)
    member_id = models.CharField(max_length=ids.ID_LENGTH, blank=True)
    api_key_id = models.CharField(max_length=ids.ID_LENGTH, blank=True)
    labels = models.JSONField(default=dict)  # opaque here
    held_at = models.DateTimeField()  # the moment that decides the budget period
    settled_at = models.DateTimeField()

    class Meta:
        indexes = [
            models.Index(fields=["organization", "held_at"], name="usage_of_organization"),
        ]
        constraints = [
            models.CheckConstraint(name="usage_is_charged", condition=Q(amount_microusd__gte=0))
        ]

    def __str__(self) -> str:
        return self.reference


class UsageDay(models.Model):
    """A day's usage records of the same end user, member, key and labels, added up: derived, and rebuilt
    by a command. A report of a year reads days, however many records there were."""

    organization = models.ForeignKey(Organization, models.PROTECT, related_name="+", db_index=False)
    day = models.DateField()  # of the settlement, in UTC
    end_user_id = models.CharField(max_length=255, blank=True)
    member_id = models.CharField(max_length=ids.ID_LENGTH, blank=True)
    api_key_id = models.CharField(max_length=ids.ID_LENGTH, blank=True)
    labels = models.JSONField()
    records_count = models.PositiveIntegerField()
    seconds = models.BigIntegerField()
    amount_microusd = models.BigIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                name="usage_days_are_distinct",
                fields=["organization", "day", "end_user_id", "member_id", "api_key_id", "labels"],
            )
        ]

    def __str__(self) -> str:
        return f"{self.organization_id} {self.day}"


class Statement(models.Model):
    """An organization's transfers of one day, closed: their range of numbers and a hash that is chained to
    the day before. Append-only in the database itself."""

    id = models.CharField(
        primary_key=True, max_length=ids.ID_LENGTH, default=partial(ids.new, "stm"), editable=False
    )
    organization = models.ForeignKey(
        Organization, models.PROTECT, related_name="statements", db_index=False
    )
    day = models.DateField()
    first_number = models.BigIntegerField()
    last_number = models.BigIntegerField()
    available_after_microusd = models.BigIntegerField()
    previous_hash = models.CharField(max_length=64, blank=True)  # empty for the first one
    hash = models.CharField(max_length=64)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(name="one_statement_per_day", fields=["organization", "day"]),
            models.UniqueConstraint(
                name="statements_do_not_overlap", fields=["organization", "first_number"]
            ),
            models.CheckConstraint(
                name="statement_has_transfers", condition=Q(last_number__gte=F("first_number"))
            ),
        ]

    def __str__(self) -> str:
        return f"{self.organization_id} {self.day}"


class LedgerCheck(models.Model):
    """One run of the proof, as the operator sees it."""

    started_at = models.DateTimeField()
    finished_at = models.DateTimeField()
    transfers_count = models.BigIntegerField()
    differences_count = models.PositiveIntegerField()
    first_difference = models.TextField(blank=True)

    def __str__(self) -> str:
        return self.first_difference or f"proved at {self.finished_at}"


class Alert(models.Model):
    """The level at which an organization was last told of a balance or a budget: it is told of crossings."""

    class Kind(models.TextChoices):
        BALANCE = "balance"
        BUDGET = "budget"

    organization = models.ForeignKey(Organization, models.PROTECT, related_name="+", db_index=False)
    kind = models.CharField(max_length=8, choices=Kind.choices)
    subject = models.CharField(max_length=300, blank=True)  # "end_user:u_9f2c"
    level = models.PositiveSmallIntegerField(default=0)
    period_started_on = models.DateField(null=True)  # a new period begins at level 0
    changed_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                name="one_alert_per_subject", fields=["organization", "kind", "subject"]
            )
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.subject} {self.level}"

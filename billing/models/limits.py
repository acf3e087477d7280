"""Who may spend how much, and what was spent of it."""

from functools import partial

from django.db import models
from django.db.models import Q

from accounts.models import Organization
from seedance_saas import ids


class Budget(models.Model):
    """How much one scope may spend in a period. Credits pay; a budget only forbids."""

    class Scope(models.TextChoices):
        ORGANIZATION = "organization"
        MEMBER = "member"
        API_KEY = "api_key"
        END_USER = "end_user"

    class Period(models.TextChoices):
        DAY = "day"
        WEEK = "week"
        MONTH = "month"
        LIFETIME = "lifetime"

    # The subject whose budget holds for each member, key or end user without one of their own.
    EACH = "*"

    id = models.CharField(
        primary_key=True, max_length=ids.ID_LENGTH, default=partial(ids.new, "bud"), editable=False
    )
    organization = models.ForeignKey(
        Organization, models.PROTECT, related_name="budgets", db_index=False
    )
    scope = models.CharField(max_length=12, choices=Scope.choices)
    subject_id = models.CharField(max_length=255)
    limit_microusd = models.BigIntegerField(null=True)  # 0 denies; None lifts
    period = models.CharField(max_length=8, choices=Period.choices)
    # Whether the alerts have looked at these terms; False: they are due.
    is_watched = models.BooleanField(default=False, db_default=False)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        indexes = [
            models.Index(
                fields=["organization"], name="unwatched_budgets", condition=Q(is_watched=False)
            )
        ]
        constraints = [
            models.UniqueConstraint(
                name="one_budget_per_subject", fields=["organization", "scope", "subject_id"]
            ),
            models.CheckConstraint(
                name="budget_is_not_negative", condition=Q(limit_microusd__gte=0)
            ),
            models.CheckConstraint(
                name="an_organization_is_one", condition=~Q(scope="organization", subject_id="*")
            ),
        ]

    def __str__(self) -> str:
        return f"{self.scope} {self.subject_id}"


class BudgetRefusal(models.Model):
    """Who hit a budget, and how it stood then: one row a minute and budget, the latest few kept."""

    organization = models.ForeignKey(Organization, models.PROTECT, related_name="+", db_index=False)
    budget = models.ForeignKey(Budget, models.CASCADE, related_name="refusals", db_index=False)
    subject_id = models.CharField(max_length=255)  # whom it counted for: one of each
    member_id = models.CharField(max_length=40, blank=True)  # who asked
    api_key_id = models.CharField(max_length=40, blank=True)
    limit_microusd = models.BigIntegerField()
    spent_microusd = models.BigIntegerField()
    held_microusd = models.BigIntegerField()
    needed_microusd = models.BigIntegerField()
    minute = models.DateTimeField()
    refused_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                name="one_refusal_a_minute_and_budget", fields=["budget", "minute"]
            )
        ]

    def __str__(self) -> str:
        return f"{self.subject_id} at {self.refused_at:%Y-%m-%d %H:%M}"


class SpendingDay(models.Model):
    """What the holds that one subject made on one UTC day came to: derived, and rebuilt by a command.

    A budget's period is a sum over these few rows, however many holds there were. A hold counts on
    the day on which it was made, until it is resolved as held and from then on as charged.
    """

    organization = models.ForeignKey(Organization, models.PROTECT, related_name="+", db_index=False)
    scope = models.CharField(max_length=12, choices=Budget.Scope.choices)
    subject_id = models.CharField(max_length=255)
    day = models.DateField()
    held_microusd = models.BigIntegerField()
    charged_microusd = models.BigIntegerField(default=0, db_default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                name="one_row_per_subject_and_day",
                fields=["organization", "scope", "subject_id", "day"],
            ),
            models.CheckConstraint(
                name="spending_is_not_negative",
                condition=Q(held_microusd__gte=0, charged_microusd__gte=0),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.scope} {self.subject_id} {self.day}"

"""What it costs: published rate cards, margins and agreements, which never change, and quotes from them."""

from functools import partial

from django.db import models
from django.db.models import F, Q

from accounts.models import Organization
from generations.models.generation import Generation
from seedance_saas import ids


class RateCard(models.Model):
    """A version of prices: a draft until `published_at` is set, and from then on the database refuses to
    change it or its rules. A list card holds for everybody; another only for whom it was agreed with."""

    version = models.CharField(primary_key=True, max_length=30)
    is_list = models.BooleanField(default=True)
    note = models.TextField(blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    effective_from = models.DateTimeField(null=True)
    published_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="published_card_has_a_beginning",
                condition=Q(published_at=None, effective_from=None)
                | Q(published_at__isnull=False, effective_from__isnull=False),
            ),
            models.UniqueConstraint(
                name="one_list_card_begins_at_a_time",
                fields=["effective_from"],
                condition=Q(is_list=True),
            ),
        ]

    def __str__(self) -> str:
        return self.version


class RateRule(models.Model):
    """One rule of a card. The first one by position whose conditions match wins; an empty one always does."""

    card = models.ForeignKey(RateCard, models.CASCADE, related_name="rules", db_index=False)
    position = models.PositiveSmallIntegerField()
    name = models.CharField(max_length=60)
    tier = models.CharField(max_length=20, blank=True)
    model = models.CharField(max_length=60, blank=True)  # our slug
    resolution = models.CharField(max_length=10, blank=True)
    rate_microusd_per_second = models.BigIntegerField()
    cost_microusd_per_second = models.BigIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["card", "position"], name="rules_are_in_order"),
            models.UniqueConstraint(fields=["card", "name"], name="rules_are_told_by_name"),
            models.CheckConstraint(
                name="rate_is_positive",
                condition=Q(rate_microusd_per_second__gt=0, cost_microusd_per_second__gte=0),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} of {self.card_id}"


class PlanMargin(models.Model):
    """What a plan adds to the list, in basis points, from a moment on. Append-only in the database itself."""

    plan = models.CharField(max_length=20)
    revision = models.PositiveIntegerField()
    margin_basis_points = models.IntegerField()
    effective_from = models.DateTimeField()
    why = models.TextField()
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["plan", "revision"], name="margins_are_numbered"),
            models.UniqueConstraint(
                fields=["plan", "effective_from"], name="one_margin_begins_at_a_time"
            ),
            models.CheckConstraint(
                name="margin_leaves_a_price", condition=Q(margin_basis_points__gt=-10_000)
            ),
        ]

    def __str__(self) -> str:
        return f"{self.plan} {self.margin_basis_points:+d} bp"


class RateAgreement(models.Model):
    """What was agreed with one organization instead of its plan's prices: a card or a margin on the list.

    With neither, the plan holds again. Append-only in the database itself.
    """

    organization = models.ForeignKey(
        Organization, models.PROTECT, related_name="rate_agreements", db_index=False
    )
    revision = models.PositiveIntegerField()
    card = models.ForeignKey(RateCard, models.PROTECT, null=True, related_name="agreements")
    margin_basis_points = models.IntegerField(null=True)
    effective_from = models.DateTimeField()
    why = models.TextField()
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "revision"], name="agreements_are_numbered"
            ),
            models.UniqueConstraint(
                fields=["organization", "effective_from"], name="one_agreement_begins_at_a_time"
            ),
            models.CheckConstraint(
                name="agreement_is_a_card_or_a_margin",
                condition=Q(card=None) | Q(margin_basis_points=None),
            ),
            models.CheckConstraint(
                name="agreed_margin_leaves_a_price", condition=Q(margin_basis_points__gt=-10_000)
            ),
        ]

    def __str__(self) -> str:
        return f"agreement {self.revision} with {self.organization_id}"


class Quote(models.Model):
    """A price that binds us until it expires, for one request; used as often as the customer likes.

    Of the request it keeps only keyed hashes, one per field: what was asked for is nobody's to read here.
    The amounts are of one generation.
    """

    id = models.CharField(
        primary_key=True, max_length=ids.ID_LENGTH, default=partial(ids.new, "quo"), editable=False
    )
    organization = models.ForeignKey(
        Organization, models.PROTECT, related_name="quotes", db_index=False
    )
    asked = models.JSONField()  # field -> HMAC of its canonical value
    num_generations = models.PositiveSmallIntegerField()
    rate_card = models.CharField(max_length=60)
    rule = models.CharField(max_length=60)
    rate_microusd_per_second = models.BigIntegerField()
    cost_microusd_per_second = models.BigIntegerField()
    max_seconds = models.PositiveSmallIntegerField()
    max_cost_microusd = models.BigIntegerField()
    min_cost_microusd = models.BigIntegerField()
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()

    class Meta:
        indexes = [
            models.Index(fields=["organization", "id"], name="quotes_of_organization"),
            models.Index(fields=["expires_at"], name="quotes_that_expire"),
        ]
        constraints = [
            models.CheckConstraint(
                name="quote_is_a_range_of_prices",
                condition=Q(min_cost_microusd__gt=0, max_cost_microusd__gte=F("min_cost_microusd")),
            )
        ]

    def __str__(self) -> str:
        return self.id


class NegativeMargin(models.Model):
    """A generation that cost us more than its customer paid. For the operator, never for the tenant."""

    generation = models.OneToOneField(
        Generation, models.PROTECT, primary_key=True, related_name="negative_margin"
    )
    upstream_cost_microusd = models.BigIntegerField()
    charged_microusd = models.BigIntegerField()
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="margin_is_negative",
                condition=Q(upstream_cost_microusd__gt=F("charged_microusd")),
            )
        ]

    def __str__(self) -> str:
        return f"{self.generation_id} {self.charged_microusd - self.upstream_cost_microusd}"

"""Usage that is charged afterwards: the line, its invoices, and every event that Stripe's meters get."""

from functools import partial

from django.db import models
from django.db.models import F, Q

from accounts.models import Organization
from seedance_saas import ids


class CreditLine(models.Model):
    """How much an approved organization may use before it pays: the limit of what is open at any moment."""

    class State(models.TextChoices):
        OPENING = "opening"  # Stripe's subscription is being made
        OPEN = "open"
        CLOSED = "closed"  # nothing new is held from it

    class Closure(models.TextChoices):
        UNPAID = "unpaid"  # an invoice is overdue; until it is paid
        DISPUTED = "disputed"  # an invoice's payment was taken back
        OPERATOR = "operator"

    organization = models.OneToOneField(
        Organization, models.PROTECT, primary_key=True, related_name="credit_line"
    )
    limit_cents = models.PositiveIntegerField()
    # Days to pay an invoice; 0 charges the saved card at once.
    net_days = models.PositiveSmallIntegerField()
    state = models.CharField(max_length=8, choices=State.choices, default=State.OPENING)
    closure = models.CharField(max_length=10, choices=Closure.choices, blank=True)
    subscription_id = models.CharField(max_length=100, blank=True)
    due_at = models.DateTimeField(null=True)  # of one that is opening
    refusal = models.TextField(blank=True, default="")  # why Stripe has not opened it yet
    # How often it was opened, or refused: a part of the name under which Stripe makes one subscription for each time.
    openings_count = models.PositiveSmallIntegerField(default=0)
    # Held beyond what is allowed now: what running work gives back of it is not used again.
    overdrawn_microusd = models.BigIntegerField(default=0)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="closed_line_says_why",
                condition=Q(state="closed") & ~Q(closure="") | ~Q(state="closed") & Q(closure=""),
            ),
            models.CheckConstraint(
                name="open_line_has_a_subscription",
                condition=~Q(state="open") | ~Q(subscription_id=""),
            ),
            models.UniqueConstraint(
                name="one_line_per_subscription",
                fields=["subscription_id"],
                condition=~Q(subscription_id=""),
            ),
        ]

    def __str__(self) -> str:
        return f"line of {self.organization_id}"


class Invoice(models.Model):
    """An invoice of Stripe's over what was used from a line: a copy of its present state, and our own sum."""

    class State(models.TextChoices):
        DRAFT = "draft"
        OPEN = "open"
        OVERDUE = "overdue"  # open, and its time to be paid is over or its payment failed
        PAID = "paid"
        UNCOLLECTIBLE = "uncollectible"
        VOID = "void"

    id = models.CharField(
        primary_key=True, max_length=ids.ID_LENGTH, default=partial(ids.new, "inv"), editable=False
    )
    organization = models.ForeignKey(
        Organization, models.PROTECT, related_name="invoices", db_index=False
    )
    stripe_id = models.CharField(max_length=100, unique=True)
    number = models.CharField(max_length=60, blank=True)
    state = models.CharField(max_length=13, choices=State.choices)
    period_started_at = models.DateTimeField()
    period_ended_at = models.DateTimeField()
    # What Stripe asks for, tax not included, and what our ledger says was used: the same, to the cent.
    amount_cents = models.BigIntegerField(default=0)
    total_cents = models.BigIntegerField(default=0)
    usage_microusd = models.BigIntegerField(default=0)
    # What had to be added to Stripe's metered line, or taken off it, so that they are.
    correction_cents = models.BigIntegerField(default=0)
    # What Stripe asked for usage when it was final. The next invoice makes good what this one has wrong.
    asked_cents = models.BigIntegerField(null=True)
    # Of what came in for it, without tax, what is out again: refunded, or taken back by a bank. What was taken
    # back is owed again, but for what an operator has forgiven.
    refunded_microusd = models.BigIntegerField(default=0)
    disputed_microusd = models.BigIntegerField(default=0)
    forgiven_microusd = models.BigIntegerField(default=0)
    looks_count = models.PositiveIntegerField(
        default=0
    )  # how often an answer of Stripe's was written
    is_settled = models.BooleanField(default=False)  # paid or voided, and our books know
    hosted_url = models.TextField(blank=True)
    pdf_url = models.TextField(blank=True)
    pay_until = models.DateTimeField(null=True)
    due_at = models.DateTimeField(null=True)  # when we look at it next, if no webhook comes first
    created_at = models.DateTimeField()
    paid_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [
            models.Index(fields=["organization", "id"], name="invoices_of_organization"),
            models.Index(
                fields=["due_at"], name="invoices_under_way", condition=Q(due_at__isnull=False)
            ),
        ]
        constraints = [
            models.CheckConstraint(
                name="only_what_is_disputed_is_forgiven",
                condition=Q(
                    refunded_microusd__gte=0,
                    forgiven_microusd__gte=0,
                    forgiven_microusd__lte=F("disputed_microusd"),
                ),
            )
        ]

    def __str__(self) -> str:
        return self.number or self.id

    @property
    def owed_again_microusd(self) -> int:
        """It was paid, and a bank has taken that back."""
        return self.disputed_microusd - self.forgiven_microusd


class MeterEvent(models.Model):
    """What one of Stripe's meters is to be told: written by the settlement, sent within minutes.

    Its id is that of the usage record (for the meter of all usage), or of the capture that burned credits of
    a line (for the priced meter). So there is one for each, and no second of video is billed twice.
    """

    class Meter(models.TextChoices):
        USAGE = "usage"  # everything, without a price
        INVOICED = "invoiced"  # what was used from a line: priced

    class State(models.TextChoices):
        PENDING = "pending"
        SENT = "sent"
        REFUSED = "refused"  # Stripe did not take it, at once or afterwards
        TOO_LATE = "too_late"  # not delivered within a day: nobody knows; the invoice is compared
        CANCELED = "canceled"  # taken back

    id = models.CharField(primary_key=True, max_length=ids.ID_LENGTH)
    organization = models.ForeignKey(Organization, models.PROTECT, related_name="+", db_index=False)
    meter = models.CharField(max_length=8, choices=Meter.choices)
    reference = models.CharField(max_length=100)  # what was used: "generation:gen_…"
    value_microusd = models.BigIntegerField()
    seconds = models.PositiveIntegerField()
    end_user_pseudonym = models.CharField(max_length=32, blank=True)  # the name stays with us
    labels = models.JSONField()
    occurred_at = models.DateTimeField()
    state = models.CharField(max_length=8, choices=State.choices, default=State.PENDING)
    due_at = models.DateTimeField()  # of one that was taken back: when that was
    attempts_count = models.PositiveIntegerField(default=0)
    sent_at = models.DateTimeField(null=True)
    error = models.TextField(blank=True)
    # The invoice that asks for it; and the later one that gives it back, if it was taken back after that.
    invoice = models.ForeignKey(Invoice, models.PROTECT, null=True, related_name="events")
    credited_on = models.ForeignKey(Invoice, models.PROTECT, null=True, related_name="credits")

    class Meta:
        indexes = [
            models.Index(
                fields=["due_at"], name="meter_events_to_send", condition=Q(state="pending")
            ),
            models.Index(
                fields=["organization", "meter", "occurred_at"], name="meter_events_of_period"
            ),
            models.Index(
                fields=["occurred_at"],
                name="meter_events_refused",
                condition=Q(state__in=("refused", "too_late")),
            ),
        ]
        constraints = [
            models.CheckConstraint(name="meter_counts_up", condition=Q(value_microusd__gte=0))
        ]

    def __str__(self) -> str:
        return self.identifier

    @property
    def identifier(self) -> str:
        return f"usage:{self.id}"

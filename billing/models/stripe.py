"""What Stripe told us, and what we found when we compared its books with ours."""

from django.db import models
from django.db.models import Q


class StripeEvent(models.Model):
    """A webhook of Stripe's: which object has changed. What it is now is asked, never believed.

    No payload is kept: it may hold names and addresses, and nobody here needs them.
    """

    class State(models.TextChoices):
        PENDING = "pending"
        HANDLED = "handled"
        DEAD = "dead"  # failed too often: an operator looks and runs it again

    id = models.CharField(primary_key=True, max_length=100)  # "evt_…": its UNIQUE is the dedupe
    type = models.CharField(max_length=100)
    object_id = models.CharField(max_length=100, blank=True)
    state = models.CharField(max_length=7, choices=State.choices, default=State.PENDING)
    due_at = models.DateTimeField()
    attempts_count = models.PositiveIntegerField(default=0)
    error = models.TextField(blank=True)
    received_at = models.DateTimeField(auto_now_add=True)
    handled_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [
            models.Index(
                fields=["due_at"], name="stripe_events_pending", condition=Q(state="pending")
            ),
            models.Index(
                fields=["received_at"], name="stripe_events_dead", condition=Q(state="dead")
            ),
        ]

    def __str__(self) -> str:
        return f"{self.type} {self.id}"


class StripeCheck(models.Model):
    """One comparison of Stripe's books with ours: what was seen, what was mended, what a person must see."""

    class Subject(models.TextChoices):
        MONEY = "money"
        USAGE = "usage"  # of one organization; there is one only if it differs

    subject = models.CharField(max_length=5, choices=Subject.choices, default=Subject.MONEY)
    started_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)
    since = models.DateTimeField()
    objects_count = models.PositiveIntegerField(default=0)
    healed = models.JSONField(default=list)
    differences = models.JSONField(default=list)

    def __str__(self) -> str:
        return f"compared at {self.started_at}"

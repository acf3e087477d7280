"""The rows of the product: what was asked for, each try upstream, what the upstream told us."""

import logging
import secrets
from functools import partial
from typing import Any

from django.db import models, transaction
from django.db.models import F, Q
from django.utils import timezone

from accounts.models import ApiKey, Membership, Organization
from generations.states import FINAL, OPEN_ATTEMPTS, TRANSITIONS, AttemptState, State
from seedance_saas import ids

logger = logging.getLogger(__name__)


class Generation(models.Model):
    """One video that was asked for: its request, its price, where it is in its life, what came of it."""

    id = models.CharField(
        primary_key=True, max_length=ids.ID_LENGTH, default=partial(ids.new, "gen"), editable=False
    )
    organization = models.ForeignKey(
        Organization, models.PROTECT, related_name="generations", db_index=False
    )
    api_key = models.ForeignKey(ApiKey, models.PROTECT, null=True, related_name="generations")
    member = models.ForeignKey(Membership, models.PROTECT, null=True, related_name="generations")
    created_at = models.DateTimeField()

    # What was asked for, in canonical form.
    model = models.CharField(max_length=60)
    input = models.JSONField()
    resolution = models.CharField(max_length=10)
    duration_seconds = models.PositiveSmallIntegerField(null=True)  # None is `auto`
    end_user_id = models.CharField(max_length=255, blank=True)
    metadata = models.JSONField(default=dict)
    webhook_url = models.CharField(
        max_length=2048, blank=True, default="", db_default=""
    )  # told of its end

    # What it may cost, fixed when it was asked for.
    quote = models.ForeignKey(
        "generations.Quote", models.PROTECT, null=True, related_name="generations", db_index=False
    )
    rate_card = models.CharField(max_length=60)
    rule = models.CharField(max_length=60)
    rate_microusd_per_second = models.BigIntegerField()
    cost_microusd_per_second = (
        models.BigIntegerField()
    )  # ours, by the rule; not the tenant's to see
    held_seconds = models.PositiveSmallIntegerField()
    held_microusd = models.BigIntegerField()

    # Where it is.
    state = models.CharField(max_length=12, choices=State.choices, default=State.QUEUED)
    state_since = models.DateTimeField()
    due_at = models.DateTimeField()  # when the owner of its state looks at it next
    polls_count = models.PositiveIntegerField(default=0)
    cancel_requested_at = models.DateTimeField(null=True)
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)

    # What came of it.
    failure_code = models.CharField(max_length=40, blank=True)
    failure_message = models.TextField(blank=True)
    failure_details = models.JSONField(
        default=dict
    )  # the limit that a file crossed, with its number
    billed_seconds = models.PositiveSmallIntegerField(null=True)
    charged_microusd = models.BigIntegerField(null=True)
    upstream_cost_microusd = models.BigIntegerField(null=True)  # all attempts; for us alone
    video_file = models.CharField(max_length=200, blank=True)
    poster_file = models.CharField(max_length=200, blank=True)
    preview_file = models.CharField(max_length=200, blank=True)
    files_expire_at = models.DateTimeField(null=True)  # then video, poster and preview are deleted
    erased_at = models.DateTimeField(null=True)
    video_sha256 = models.CharField(max_length=64, blank=True)
    video_bytes = models.BigIntegerField(null=True)
    video_milliseconds = models.PositiveIntegerField(null=True)
    video_width = models.PositiveIntegerField(null=True)
    video_height = models.PositiveIntegerField(null=True)

    class Meta:
        indexes = [
            models.Index(fields=["organization", "-id"], name="generations_of_organization"),
            models.Index(
                fields=["organization", "end_user_id", "-id"], name="generations_of_end_user"
            ),
            models.Index(
                fields=["state", "due_at"],
                name="generations_that_wait",
                condition=~Q(state__in=sorted(FINAL)),
            ),
            models.Index(
                fields=["quote"],
                name="generations_of_quote",
                condition=Q(quote__isnull=False),
            ),
        ]
        constraints = [
            models.CheckConstraint(
                name="generation_state_is_known", condition=Q(state__in=State.values)
            ),
            models.CheckConstraint(
                name="generation_ends_with_a_charge_known",
                condition=~Q(state__in=sorted(FINAL))
                | Q(charged_microusd__isnull=False, finished_at__isnull=False),
            ),
            models.CheckConstraint(
                name="only_success_is_charged",
                condition=Q(state="succeeded") | ~Q(charged_microusd__gt=0),
            ),
            models.CheckConstraint(
                name="charge_is_at_most_what_was_held",
                condition=Q(charged_microusd__lte=F("held_microusd")),
            ),
        ]

    def __str__(self) -> str:
        return self.id

    @property
    def reference(self) -> str:
        """Under which the ledger knows it."""
        return f"generation:{self.id}"

    @property
    def is_final(self) -> bool:
        return self.state in FINAL

    def move(self, to: State, *, note: str = "", **fields: Any) -> bool:
        """Move to `to`, writing `fields` with it. False if another process moved it first.

        One conditional UPDATE, so it is safe without a lock; an arrow that is not drawn is a bug.
        """
        assert to in TRANSITIONS[State(self.state)], (self.id, self.state, to)
        now = timezone.now()
        fields = {"state": to, "state_since": now, "due_at": now, **fields}
        with transaction.atomic():
            moved = Generation.objects.filter(pk=self.pk, state=self.state).update(**fields)
            if not moved:
                return False
            Move.objects.create(
                generation=self, from_state=self.state, to_state=to, at=now, note=note
            )
        logger.info("generation.moved id=%s from=%s to=%s", self.pk, self.state, to.value)
        for name, value in fields.items():
            setattr(self, name, value)
        return True


class Move(models.Model):
    """One step of a generation's life: the timeline that its page shows."""

    generation = models.ForeignKey(Generation, models.CASCADE, related_name="moves")
    from_state = models.CharField(max_length=12)
    to_state = models.CharField(max_length=12)
    at = models.DateTimeField()
    note = models.CharField(max_length=200, blank=True)

    def __str__(self) -> str:
        return f"{self.from_state} -> {self.to_state}"


class InputFile(models.Model):
    """A file that a request names. Fetched and checked once, and from then on served by us."""

    generation = models.ForeignKey(Generation, models.CASCADE, related_name="input_files")
    field = models.CharField(max_length=20)  # "image_urls"
    position = models.PositiveSmallIntegerField()
    source_url = models.TextField()
    stored = models.ForeignKey(  # once it is here, and until it is deleted again
        "generations.StoredFile", models.SET_NULL, null=True, related_name="input_files"
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["generation", "field", "position"], name="input_files_have_a_place"
            )
        ]

    def __str__(self) -> str:
        return f"{self.field}[{self.position}] of {self.generation_id}"


class Attempt(models.Model):
    """One submission upstream. The secret in its webhook address tells which one a webhook is about."""

    id = models.CharField(
        primary_key=True, max_length=ids.ID_LENGTH, default=partial(ids.new, "att"), editable=False
    )
    generation = models.ForeignKey(
        Generation, models.PROTECT, related_name="attempts", db_index=False
    )
    number = models.PositiveSmallIntegerField()
    provider = models.CharField(max_length=20)
    state = models.CharField(
        max_length=12, choices=AttemptState.choices, default=AttemptState.SUBMITTING
    )
    webhook_secret = models.CharField(
        max_length=43, unique=True, default=secrets.token_urlsafe, editable=False
    )
    created_at = models.DateTimeField(auto_now_add=True)
    sent_at = models.DateTimeField(
        null=True
    )  # set before the network is touched: who sets it, submits
    lost_since = models.DateTimeField(null=True)  # so long the provider has not known the job
    finished_at = models.DateTimeField(null=True)
    job_id = models.CharField(max_length=100, blank=True)  # the upstream's
    output_url = models.TextField(blank=True)
    cost_microusd = models.BigIntegerField(null=True)  # what the upstream says it charges us
    error_code = models.CharField(max_length=60, blank=True)
    error_message = models.TextField(blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["generation", "number"], name="attempts_are_numbered"),
            models.UniqueConstraint(
                fields=["provider", "job_id"], name="one_attempt_per_job", condition=~Q(job_id="")
            ),
            # Two attempts at once would be two bills for one video.
            models.UniqueConstraint(
                fields=["generation"],
                name="one_open_attempt_per_generation",
                condition=Q(state__in=OPEN_ATTEMPTS),
            ),
        ]
        indexes = [
            models.Index(
                fields=["provider"], name="open_attempts", condition=Q(state__in=OPEN_ATTEMPTS)
            )
        ]

    def __str__(self) -> str:
        return f"{self.generation_id} #{self.number}"


class ProviderEvent(models.Model):
    """A webhook as it came, stored before anything is believed. The same body is stored once."""

    attempt = models.ForeignKey(Attempt, models.CASCADE, related_name="events")
    body = models.TextField()
    body_sha256 = models.CharField(max_length=64)
    received_at = models.DateTimeField(auto_now_add=True)
    handled_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["attempt", "body_sha256"], name="webhook_is_stored_once"
            )
        ]
        indexes = [
            models.Index(
                fields=["received_at"], name="unhandled_webhooks", condition=Q(handled_at=None)
            )
        ]

    def __str__(self) -> str:
        return f"{self.attempt_id} {self.body_sha256[:8]}"

"""Who is told of events by webhook, with which secrets, and what came of each delivery."""

import base64
import secrets
from functools import partial

from django.db import models
from django.db.models import Q

from accounts import secrets_at_rest
from accounts.models.organizations import Organization
from accounts.models.records import Event
from seedance_saas import ids
from seedance_saas.http import URL_LENGTH_MAX

SECRET_BYTES = 32
ABOUT_LENGTH_MAX = 60


def new_webhook_secret() -> str:
    """Sealed. Standard Webhooks: `whsec_` and the key in base64."""
    key = base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()
    return secrets_at_rest.encrypt(f"whsec_{key}")


class WebhookEndpoint(models.Model):
    """An address of the organization that is told of its events. A deleted one stays with its deliveries."""

    class Reason(models.TextChoices):
        """Why it is told nothing."""

        BY_HAND = "by_hand", "switched off"
        FAILING = "failing", "nothing arrived for three days"
        GONE = "gone", "it answered 410, which says that it wants no more"

    id = models.CharField(
        primary_key=True, max_length=ids.ID_LENGTH, default=partial(ids.new, "whe"), editable=False
    )
    organization = models.ForeignKey(
        Organization, models.PROTECT, related_name="webhook_endpoints", db_index=False
    )
    url = models.CharField(max_length=URL_LENGTH_MAX)
    types = models.JSONField(default=list, blank=True)  # of events; empty: all
    description = models.CharField(max_length=200, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    failing_since = models.DateTimeField(null=True)  # the first failure after the last success
    disabled_at = models.DateTimeField(null=True)
    disabled_because = models.CharField(max_length=10, choices=Reason.choices, blank=True)
    deleted_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [models.Index(fields=["organization", "id"], name="endpoints_of_organization")]
        constraints = [
            models.CheckConstraint(
                name="endpoint_is_disabled_for_a_reason",
                condition=Q(disabled_at=None, disabled_because="")
                | Q(disabled_at__isnull=False, disabled_because__in=["by_hand", "failing", "gone"]),
            )
        ]

    def __str__(self) -> str:
        return self.url

    def wants(self, type: str) -> bool:
        return not self.types or type in self.types


class WebhookSecret(models.Model):
    """What deliveries are signed with. Several live while one replaces another.

    Without an endpoint it is the organization's, for the `webhook_url` of its requests.
    """

    organization = models.ForeignKey(Organization, models.PROTECT, related_name="+", db_index=False)
    endpoint = models.ForeignKey(WebhookEndpoint, models.CASCADE, null=True, related_name="secrets")
    sealed = models.TextField(default=new_webhook_secret, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField(null=True)  # set when another takes its place

    class Meta:
        indexes = [
            models.Index(
                fields=["organization"],
                name="secrets_of_organization",
                condition=Q(endpoint=None),
            )
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["endpoint"],
                condition=Q(expires_at=None, endpoint__isnull=False),
                name="one_newest_secret_per_endpoint",
            ),
            models.UniqueConstraint(
                fields=["organization"],
                condition=Q(expires_at=None, endpoint=None),
                name="one_newest_secret_per_organization",
            ),
        ]

    def __str__(self) -> str:
        return f"secret {self.pk} of {self.endpoint_id or self.organization_id}"

    @property
    def secret(self) -> str:
        """Raises InvalidToken if none of our keys sealed it."""
        return secrets_at_rest.decrypt(self.sealed)


class Delivery(models.Model):
    """One event on its way to one address. It goes with its event, after thirty days.

        PENDING -> SENDING -> SUCCEEDED | PENDING (later) | DEAD

    `due_at` is when it is sent next; while it is being sent, when whoever sends it is dead.
    """

    class State(models.TextChoices):
        PENDING = "pending", "waits"
        SENDING = "sending", "is being sent"
        SUCCEEDED = "succeeded", "delivered"
        DEAD = "dead", "given up"

    id = models.CharField(
        primary_key=True, max_length=ids.ID_LENGTH, default=partial(ids.new, "dlv"), editable=False
    )
    organization = models.ForeignKey(
        Organization, models.PROTECT, related_name="webhook_deliveries", db_index=False
    )
    event = models.ForeignKey(
        Event, models.CASCADE, related_name="deliveries", db_index=False
    )  # the two constraints below begin with it
    # None: the `webhook_url` of a request.
    endpoint = models.ForeignKey(
        WebhookEndpoint, models.CASCADE, null=True, related_name="deliveries", db_index=False
    )
    webhook_url = models.CharField(max_length=URL_LENGTH_MAX, blank=True)
    lane = models.CharField(max_length=ids.ID_LENGTH)  # endpoint or organization: waits in one row
    # The `id` in the event's data: what is told of one thing is told in its order.
    about = models.CharField(max_length=ABOUT_LENGTH_MAX, blank=True)
    state = models.CharField(max_length=10, choices=State.choices, default=State.PENDING)
    created_at = models.DateTimeField()
    due_at = models.DateTimeField()
    tries_count = models.PositiveSmallIntegerField(default=0)  # since it was asked for
    finished_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [
            models.Index(
                fields=["lane", "due_at", "id"],
                name="deliveries_that_wait",
                condition=Q(state="pending"),
            ),
            models.Index(
                fields=["lane"], name="deliveries_under_way", condition=Q(state="sending")
            ),
            models.Index(
                fields=["lane", "about", "event"],
                name="deliveries_in_their_order",
                condition=Q(state__in=["pending", "sending"]) & ~Q(about=""),
            ),
            models.Index(fields=["organization", "id"], name="deliveries_of_organization"),
            models.Index(
                fields=["endpoint", "id"], name="deliveries_of_endpoint", include=["state"]
            ),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["event", "endpoint"],
                condition=Q(endpoint__isnull=False),
                name="one_delivery_per_endpoint",
            ),
            models.UniqueConstraint(
                fields=["event"], condition=Q(endpoint=None), name="one_delivery_per_webhook_url"
            ),
            models.CheckConstraint(
                name="delivery_state_is_known",
                condition=Q(state__in=["pending", "sending", "succeeded", "dead"]),
            ),
            models.CheckConstraint(
                name="delivery_is_finished_in_its_last_states",
                condition=Q(state__in=["pending", "sending"], finished_at=None)
                | Q(state__in=["succeeded", "dead"], finished_at__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.event_id} to {self.url}"

    @property
    def url(self) -> str:
        """Where it goes now: an endpoint may move while a delivery waits."""
        return self.endpoint.url if self.endpoint else self.webhook_url

    @property
    def is_finished(self) -> bool:
        return self.finished_at is not None


class DeliveryAttempt(models.Model):
    """One time that a delivery was sent, and the beginning of the answer."""

    delivery = models.ForeignKey(Delivery, models.CASCADE, related_name="attempts")
    sent_at = models.DateTimeField()
    duration_milliseconds = models.PositiveIntegerField()
    status = models.PositiveSmallIntegerField(null=True)  # None: there was no answer
    error = models.CharField(max_length=200, blank=True)  # why there was none
    answer = models.TextField(blank=True)

    def __str__(self) -> str:
        return f"{self.delivery_id} {self.status or self.error}"

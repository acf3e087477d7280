"""What is to be sent to whom: events become deliveries, and people send them again. The courier sends."""

from datetime import datetime

from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.db.models.fields.json import KeyTextTransform
from django.utils import timezone

from accounts import webhooks
from accounts.models import Delivery, Event, Organization, WebhookEndpoint, WebhookSecret
from accounts.models.webhooks import ABOUT_LENGTH_MAX
from accounts.webhook_endpoints import EndpointDisabled
from seedance_saas import ids
from seedance_saas.api import moment
from seedance_saas.errors import InvalidRequest

FAN_OUT_AT_ONCE = 500
REPLAY_MAX = 10_000
ABOUT = KeyTextTransform("id", "data")  # of an event: the id of what it tells about
State = Delivery.State


def of(organization: Organization) -> QuerySet[Delivery]:
    """What was, is or will be sent for the organization, to whom it may be."""
    return Delivery.objects.filter(organization=organization)


@transaction.atomic
def fan_out() -> int:
    """Make the deliveries of events that have none yet, the oldest first; how many events.

    An event waits, committed, until this has committed too: nothing is lost, whoever dies. Two at once share
    the work, and the UNIQUE constraints hold whatever they do.
    """
    now = timezone.now()
    events = list(
        Event.objects.filter(fanned_out_at=None)
        .order_by("id")
        .select_for_update(no_key=True, skip_locked=True)
        .annotate(about=ABOUT)
        .only("id", "organization_id", "type", "webhook_url", "created_at")[:FAN_OUT_AT_ONCE]
    )
    if not events:
        return 0
    endpoints: dict[str, list[WebhookEndpoint]] = {}
    for endpoint in WebhookEndpoint.objects.filter(
        organization__in={one.organization_id for one in events}, disabled_at=None, deleted_at=None
    ):
        endpoints.setdefault(endpoint.organization_id, []).append(endpoint)
    rows = []
    for event in events:
        wanting = endpoints.get(event.organization_id, [])
        rows += [
            _new(event, endpoint, now, event.about)
            for endpoint in wanting
            if endpoint.wants(event.type)
        ]
        if event.webhook_url:
            rows.append(_new(event, None, now, event.about))
    _make_secrets({event.organization_id for event in events if event.webhook_url})
    Delivery.objects.bulk_create(rows, ignore_conflicts=True)
    Event.objects.filter(pk__in=[one.pk for one in events]).update(fanned_out_at=now)
    return len(events)


def _new(
    event: Event, endpoint: WebhookEndpoint | None, now: datetime, about: str | None
) -> Delivery:
    """Due when the event happened, so that what waits together is sent in the order of the events."""
    return Delivery(
        organization_id=event.organization_id,
        event=event,
        endpoint=endpoint,
        webhook_url="" if endpoint else event.webhook_url,
        lane=endpoint.id if endpoint else event.organization_id,
        about=(about or "")[:ABOUT_LENGTH_MAX],
        created_at=now,
        due_at=event.created_at,
    )


def _make_secrets(organizations: set[str]) -> None:
    """A `webhook_url` is signed with the organization's own secret, which is made when it is first needed."""
    WebhookSecret.objects.bulk_create(
        [WebhookSecret(organization_id=one) for one in organizations], ignore_conflicts=True
    )


@transaction.atomic
def test(endpoint: WebhookEndpoint) -> Delivery:
    """Send the endpoint, and nobody else, an event of type `webhook.test`. Raises EndpointDisabled."""
    endpoint = require_enabled(endpoint)
    event = Event.objects.create(
        organization=endpoint.organization,
        type=webhooks.TEST,
        data={"id": endpoint.id, "object": "webhook_endpoint", "url": endpoint.url},
        fanned_out_at=timezone.now(),
    )
    delivery = _new(event, endpoint, timezone.now(), None)
    delivery.save()
    return delivery


@transaction.atomic
def resend(delivery: Delivery) -> Delivery:
    """Send it once more, now, with all tries before it; one that is under way is left alone.

    Raises EndpointDisabled.
    """
    if delivery.endpoint:
        require_enabled(delivery.endpoint)
    Delivery.objects.filter(pk=delivery.pk).exclude(state=State.SENDING).update(
        **_afresh(timezone.now())
    )
    delivery.refresh_from_db()
    return delivery


def missed(
    endpoint: WebhookEndpoint, since: datetime, *, include_succeeded: bool = False
) -> QuerySet[Event]:
    """The events since then that the endpoint wants and did not get, or with `include_succeeded` all of them.

    What waits or is under way is not among them: it comes anyway.
    """
    first = ids.first_of("evt", since)
    events = webhooks.events_of(endpoint.organization).filter(id__gte=first)
    events = events.filter(type__in=endpoint.types or webhooks.OFFERED)
    coming = Q(state__in=[State.PENDING, State.SENDING])
    done = coming if include_succeeded else coming | Q(state=State.SUCCEEDED)
    own = Delivery.objects.filter(done, event=OuterRef("pk"), endpoint=endpoint)
    return events.filter(~Exists(own), fanned_out_at__isnull=False)


@transaction.atomic
def replay(endpoint: WebhookEndpoint, since: datetime, *, include_succeeded: bool = False) -> int:
    """Send the endpoint what `missed` says, in the order of the events and behind what waits; how many.

    Raises EndpointDisabled, or InvalidRequest when they are more than REPLAY_MAX. A repeat finds them under way.
    """
    endpoint = require_enabled(endpoint)
    found = missed(endpoint, since, include_succeeded=include_succeeded).order_by("id")
    events = list(found.annotate(about=ABOUT).defer("data")[: REPLAY_MAX + 1])
    if len(events) > REPLAY_MAX:
        raise InvalidRequest(
            f"More than {REPLAY_MAX:,} events would be sent again. Choose a later since; the "
            f"newest {REPLAY_MAX:,} begin at {moment(_begin(found))}.",
            param="since",
            at_most=REPLAY_MAX,
        )
    now = timezone.now()
    wanted = [event.pk for event in events]
    known = Delivery.objects.filter(endpoint=endpoint, event__in=wanted)
    had = set(known.values_list("event", flat=True))
    known.exclude(state__in=[State.PENDING, State.SENDING]).update(**_afresh(now))
    rows = [_new(event, endpoint, now, event.about) for event in events if event.pk not in had]
    for row in rows:
        row.due_at = now
    Delivery.objects.bulk_create(rows, ignore_conflicts=True, batch_size=1000)
    return len(events)


def require_enabled(endpoint: WebhookEndpoint) -> WebhookEndpoint:
    """The endpoint as it is now, locked, for the rest of the transaction. Raises EndpointDisabled."""
    endpoint = (
        WebhookEndpoint.objects.select_related("organization")
        .select_for_update(no_key=True, of=("self",))
        .get(pk=endpoint.pk)
    )
    if endpoint.disabled_at or endpoint.deleted_at:
        raise EndpointDisabled(
            "The endpoint is deleted."
            if endpoint.deleted_at
            else "The endpoint is switched off. Enable it first."
        )
    return endpoint


def _afresh(now: datetime) -> dict[str, object]:
    return {"state": State.PENDING, "due_at": now, "tries_count": 0, "finished_at": None}


def _begin(found: QuerySet[Event]) -> datetime:
    newest = found.reverse()[REPLAY_MAX - 1 : REPLAY_MAX]
    return newest.get().created_at

"""What an organization is told: its events. Publishing writes a row and nothing else.

publish         here                   the event, in the transaction in which it happened
fan out         deliveries.fan_out     a second later: one delivery for each endpoint that wants it
send            courier.run            claimed, signed, posted, noted; again later if it did not arrive
"""

from datetime import timedelta
from typing import Any

from django.db import connection
from django.db.models import QuerySet
from django.utils import timezone

from accounts.models import Delivery, DeliveryAttempt, Event, Organization
from seedance_saas import ids

KEPT = timedelta(days=30)
FORGET_AT_ONCE = 5_000
TEST = "webhook.test"
OFFERED = (
    "generation.queued",
    "generation.running",
    "generation.succeeded",
    "generation.failed",
    "generation.canceled",
    "balance.low",
    "balance.exhausted",
    "balance.recovered",
    "budget.threshold",
    "budget.exceeded",
    "purchase.succeeded",
    "purchase.failed",
    "purchase.refunded",
    "purchase.disputed",
    "auto_top_up.succeeded",
    "auto_top_up.failed",
    "auto_top_up.suspended",
    "invoice.issued",
    "invoice.paid",
    "invoice.overdue",
)
TYPES = (*OFFERED, TEST)


def publish(
    organization: Organization, type: str, data: dict[str, Any], *, webhook_url: str = ""
) -> Event:
    """Record `type` ("generation.succeeded") for the organization, inside the caller's transaction.

    It is sent to the endpoints that want it, and to `webhook_url`, if that was asked for.
    """
    event = unsaved(organization, type, data, webhook_url=webhook_url)
    event.save(force_insert=True)
    return event


def unsaved(
    organization: Organization, type: str, data: dict[str, Any], *, webhook_url: str = ""
) -> Event:
    """The event as `publish` writes it, for a caller that inserts it together with other rows."""
    assert type in TYPES, type
    return Event(organization=organization, type=type, data=data, webhook_url=webhook_url)


def events_of(organization: Organization) -> QuerySet[Event]:
    """What the organization may still read, whether or not what is older was swept already."""
    return Event.objects.filter(organization=organization, id__gt=_oldest_kept_id())


def deliveries_about(
    organization: Organization, object_id: str, *, at_most: int = 50
) -> list[Delivery]:
    """What is sent of the events of one object ("gen_…"), in the order of the events. Two queries."""
    events = Event.objects.filter(organization=organization, data__id=object_id)
    rows = Delivery.objects.filter(organization=organization, event__in=events)
    rows = rows.select_related("event", "endpoint").defer("event__data")
    return list(rows.prefetch_related("attempts").order_by("event_id", "id")[:at_most])


def forget() -> int:
    """Delete the events that nobody may read any more, in pieces; how many."""
    deleted = 0
    while old := list(
        Event.objects.filter(id__lte=_oldest_kept_id())
        .order_by("id")
        .values_list("id", flat=True)[:FORGET_AT_ONCE]
    ):
        Event.objects.filter(id__in=old).delete()
        deleted += len(old)
    return deleted


def rename_end_user(organization: Organization, end_user_id: str, pseudonym: str) -> int:
    """What was told of this end user says the pseudonym from now on; in how many events."""
    DeliveryAttempt.objects.filter(
        delivery__organization=organization, delivery__event__data__end_user_id=end_user_id
    ).update(answer="")
    with connection.cursor() as cursor:
        cursor.execute(
            """
            UPDATE accounts_event
                SET data = jsonb_set(data, CASE WHEN data ? 'scope' THEN '{id}' ELSE '{end_user_id}' END::text[],
                                     to_jsonb(%(pseudonym)s::text))
                WHERE organization_id = %(organization)s AND (
                    data->>'end_user_id' = %(name)s
                    OR (data->>'scope' = 'end_user' AND data->>'id' = %(name)s))
            """,
            {"organization": organization.pk, "name": end_user_id, "pseudonym": pseudonym},
        )
        return int(cursor.rowcount)


def unsay(organization: Organization, id: str, data: dict[str, Any]) -> int:
    """What was told of the object `id` says `data` from now on, where it said something; in how many events.

    What receivers answered may repeat what they were told: it goes.
    """
    DeliveryAttempt.objects.filter(
        delivery__organization=organization, delivery__event__data__id=id
    ).update(answer="")
    changed = 0
    for event in Event.objects.select_for_update().filter(organization=organization, data__id=id):
        event.data |= {name: data[name] for name in data if event.data.get(name) is not None}
        event.save(update_fields=["data"])
        changed += 1
    return changed


def _oldest_kept_id() -> str:
    return ids.first_of("evt", timezone.now() - KEPT)

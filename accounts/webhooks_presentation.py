"""Webhook endpoints and deliveries in the API's words."""

from typing import Any

from accounts.models import Delivery, DeliveryAttempt, WebhookEndpoint
from seedance_saas.api import moment


def endpoint(row: WebhookEndpoint, rate: tuple[int, int] = (0, 0)) -> dict[str, Any]:
    """The JSON of an endpoint. `rate` is how many deliveries ended in seven days, and how many arrived."""
    ended, arrived = rate
    return {
        "id": row.id,
        "object": "webhook_endpoint",
        "url": row.url,
        "types": row.types,
        "description": row.description,
        "enabled": row.disabled_at is None,
        "disabled": (
            {
                "code": row.disabled_because,
                "message": f"It is told nothing: {row.get_disabled_because_display()}.",
                "at": moment(row.disabled_at),
            }
            if row.disabled_at
            else None
        ),
        "failing_since": moment(row.failing_since),
        "last_7_days": {"succeeded": arrived, "dead": ended - arrived},
        "created_at": moment(row.created_at),
    }


def delivery(row: Delivery) -> dict[str, Any]:
    """The JSON of a delivery with all its attempts. Its event is joined, its attempts are fetched before."""
    return {
        "id": row.id,
        "object": "webhook_delivery",
        "endpoint_id": row.endpoint_id,
        "url": row.url,
        "event_id": row.event_id,
        "type": row.event.type,
        "status": row.state,
        "attempts": [_attempt(one) for one in row.attempts.all()],
        "next_attempt_at": moment(row.due_at) if row.state == Delivery.State.PENDING else None,
        "created_at": moment(row.created_at),
        "finished_at": moment(row.finished_at),
    }


def _attempt(row: DeliveryAttempt) -> dict[str, Any]:
    return {
        "sent_at": moment(row.sent_at),
        "duration_milliseconds": row.duration_milliseconds,
        "status": row.status,
        "error": row.error or None,
        "answer": row.answer,
    }

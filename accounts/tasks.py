"""What the queue runs for this room."""

from accounts import (
    idempotency,
    key_sightings,
    looking,
    sessions,
    sign_in_events,
    webhook_endpoints,
    webhooks,
)
from seedance_saas import shared_cache


def forget_idempotency_keys() -> None:
    idempotency.forget()


def forget_events() -> None:
    webhooks.forget()
    webhook_endpoints.forget_secrets()


def end_looks() -> None:
    looking.end_overdue()


def forget_sessions() -> None:
    """And what was counted against guessing, when its time is over."""
    sessions.forget()
    shared_cache.forget()


def note_failed_sign_in(email: str, address: str) -> None:
    sign_in_events.note_failure(email, "password", address or None)


def forget_key_sightings() -> None:
    key_sightings.forget()

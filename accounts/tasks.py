"""What the queue runs for this room."""

from accounts import idempotency, key_sightings, webhooks


def forget_idempotency_keys() -> None:
    idempotency.forget()


def forget_events() -> None:
    webhooks.forget()


def forget_key_sightings() -> None:
    key_sightings.forget()

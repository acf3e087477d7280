"""What the queue runs for this room."""

from accounts import idempotency, webhooks


def forget_idempotency_keys() -> None:
    idempotency.forget()


def forget_events() -> None:
    webhooks.forget()

"""What the queue runs for this room."""

from accounts import idempotency, looking, webhooks


def forget_idempotency_keys() -> None:
    idempotency.forget()


def forget_events() -> None:
    webhooks.forget()


def end_looks() -> None:
    looking.end_overdue()

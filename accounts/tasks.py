"""What the queue runs for this room."""

from accounts import idempotency


def forget_idempotency_keys() -> None:
    idempotency.forget()

"""The failure policy in words: what the API, the receipt and the documentation say of a failure code.

The table itself is `errors.FAILURES`; nothing else says what a code means.
"""

from typing import Any

from generations.errors import FAILURES
from generations.models import Generation
from generations.states import State


def as_rows() -> list[dict[str, Any]]:
    """Every code with what it means, whether the same may work later and whether it is charged."""
    return [
        {
            "code": code,
            "message": failure.message,
            "retryable": failure.retryable,
            "charged": failure.charged,
        }
        for code, failure in FAILURES.items()
    ]


def as_dict(generation: Generation) -> dict[str, Any] | None:
    """The `failure` of a generation: the policy of its code, with the message of this one time."""
    if generation.state != State.FAILED:
        return None
    policy = FAILURES[generation.failure_code]
    return {
        "code": generation.failure_code,
        "message": generation.failure_message,
        "retryable": policy.retryable,
        "charged": policy.charged,
        "details": generation.failure_details,
    }


def not_charged_because(generation: Generation) -> str | None:
    """In words, for what ended without a charge; None for what was charged or still runs."""
    if generation.state == State.CANCELED:
        return "It was canceled before a video was made."
    if generation.state == State.FAILED:
        return f"What fails is free. {FAILURES[generation.failure_code].message}"
    return None

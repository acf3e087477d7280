"""What a field of Stripe's answers holds."""

from datetime import UTC, datetime
from typing import Any

import stripe


def id_of(value: object) -> str:
    """Of a field that holds an id, an object in full, or nothing."""
    if value is None or isinstance(value, str):
        return value or ""
    return str(value.id)  # type: ignore[attr-defined]


def given(answer: stripe.StripeObject | None, name: str) -> str:
    """A field that Stripe leaves out when it has nothing to say: the library has no such attribute then."""
    return str(getattr(answer, name, None) or "")


def found_in(found: stripe.StripeObject | None, name: str) -> Any:
    """One that Stripe leaves out where it does not apply: None then."""
    return getattr(found, name, None)


def tag_of(metadata: stripe.StripeObject | dict[str, str] | None, name: str) -> str:
    if metadata is None:
        return ""
    tags = metadata if isinstance(metadata, dict) else metadata.to_dict()
    return str(tags.get(name, ""))


def moment(timestamp: int) -> datetime:
    return datetime.fromtimestamp(timestamp, UTC)

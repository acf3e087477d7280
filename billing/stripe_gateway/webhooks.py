"""Whether a webhook is Stripe's, and which object it is about. What it says of the object is not read.

Source: docs.stripe.com/webhooks (signatures; snapshot and thin events).
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass

import stripe

TOLERANCE_SECONDS = 300


@dataclass(frozen=True)
class Notice:
    """An event: its id and type, and what has changed. Of a payment method that is its customer."""

    id: str
    type: str
    object_id: str


def is_signed(body: bytes, header: str, secrets: Iterable[str]) -> bool:
    """By one of the secrets (two while one is being replaced), a moment ago. An empty secret signs nothing."""
    if not header.isascii():  # which the library cannot compare
        return False
    for secret in secrets:
        try:
            stripe.WebhookSignature.verify_header(body, header, secret, TOLERANCE_SECONDS)
        except (stripe.SignatureVerificationError, UnicodeDecodeError):
            continue
        return True
    return False


def read(body: bytes) -> Notice | None:
    """Of a snapshot event or of a thin one; None for what is neither."""
    try:
        event = json.loads(body)
        if event.get("object") == "v2.core.event":
            # A report of usage that no meter counts is about no object.
            related = event.get("related_object") or {}
            return Notice(str(event["id"]), str(event["type"]), str(related.get("id", "")))
        data = event["data"]
        changed = data["object"]
        if event["type"].startswith("payment_method."):
            before = data.get("previous_attributes") or {}
            object_id = changed.get("customer") or before.get("customer") or ""
        else:
            object_id = changed.get("id") or ""  # a balance, for one, has none
        return Notice(str(event["id"]), str(event["type"]), str(object_id))
    except (ValueError, KeyError, TypeError, AttributeError):
        return None

"""How a delivery proves that it is ours: Standard Webhooks (standardwebhooks.com), symmetric, version 1."""

import base64
import hashlib
import hmac
from collections.abc import Sequence


def headers(id: str, timestamp: int, body: bytes, secrets: Sequence[str]) -> dict[str, str]:
    """The three headers of a message that is sent at `timestamp` (unix seconds), signed with each secret."""
    return {
        "webhook-id": id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(_signature(id, timestamp, body, one) for one in secrets),
    }


def _signature(id: str, timestamp: int, body: bytes, secret: str) -> str:
    key = base64.b64decode(secret.removeprefix("whsec_"))
    digest = hmac.digest(key, f"{id}.{timestamp}.".encode() + body, hashlib.sha256)
    return f"v1,{base64.b64encode(digest).decode()}"

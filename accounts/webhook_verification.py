"""For those who receive our webhooks: copy this function. It needs nothing but Python's standard library."""

import base64
import hashlib
import hmac
import time
from collections.abc import Mapping


def verify(
    body: bytes, headers: Mapping[str, str], secret: str, *, tolerance_seconds: int = 300
) -> None:
    """Raise ValueError unless we sent `body`, the bytes as they came, a moment ago.

    `headers` are looked up by lower-case names. Refuse what raises; answer 2xx within 15 seconds to the rest, and
    remember `webhook-id`: the same event may come twice.
    """
    id, timestamp = headers["webhook-id"], headers["webhook-timestamp"]
    if abs(time.time() - int(timestamp)) > tolerance_seconds:
        raise ValueError("The message is too old, or a clock is wrong.")
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signed = f"{id}.{timestamp}.".encode() + body
    expected = "v1," + base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()
    given = headers["webhook-signature"].split(" ")
    if not any(hmac.compare_digest(expected, one) for one in given):
        raise ValueError("The signature is not ours.")

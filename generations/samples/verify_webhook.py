import base64
import hashlib
import hmac
import time


def verify(body: bytes, headers: dict[str, str], secret: str) -> None:
    """Raises ValueError unless we sent the body, as it came, a moment ago. Header names in lower case."""
    id, timestamp = headers["webhook-id"], headers["webhook-timestamp"]
    if abs(time.time() - int(timestamp)) > 300:
        raise ValueError("too old, or a clock is wrong")
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signed = f"{id}.{timestamp}.".encode() + body
    expected = "v1," + base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()
    if not any(
        hmac.compare_digest(expected, given) for given in headers["webhook-signature"].split(" ")
    ):
        raise ValueError("the signature is not ours")

"""Ids that look like Stripe's."""

import secrets
import string

ALPHABET = string.ascii_letters + string.digits


def new(prefix: str, length: int = 24) -> str:
    """`prefix` with its underscore, and `length` random characters."""
    return prefix + "".join(secrets.choice(ALPHABET) for _ in range(length))

"""Secrets that we must be able to read again: encrypted with a key made from SECRET_KEY, so that a copy of the
database alone gives nobody a second factor and signs nobody's webhooks. SECRET_KEY_FALLBACKS still open what they
closed; `manage.py reseal_secrets` closes it anew, and then they may go."""

import base64
from hashlib import sha256

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings


def encrypt(text: str) -> str:
    return _box().encrypt(text.encode()).decode()


def decrypt(text: str) -> str:
    """Raises InvalidToken if none of our keys closed it."""
    return _box().decrypt(text.encode()).decode()


def reseal(text: str) -> str:
    """The same secret, encrypted with today's SECRET_KEY; the same text if it is already. Raises InvalidToken."""
    try:
        _boxes()[0].decrypt(text.encode())
    except InvalidToken:
        return _box().rotate(text.encode()).decode()
    return text


def _box() -> MultiFernet:
    return MultiFernet(_boxes())


def _boxes() -> list[Fernet]:
    keys = [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS]
    digests = [sha256(f"secrets_at_rest {key}".encode()).digest() for key in keys]
    return [Fernet(base64.urlsafe_b64encode(digest)) for digest in digests]

"""Browsers in which an account was signed in to before. They are counted apart from strangers' guesses, so
that a stranger who guesses all day cannot keep the person out (OWASP calls it device cookies)."""

import secrets
from hashlib import sha256
from typing import Any

from django.conf import settings
from django.core import signing
from django.http import HttpRequest
from django.http.response import HttpResponseBase

SECONDS = 365 * 86_400
ACCOUNTS_MAX = 5  # of one browser; the oldest is forgotten
_SALT = "accounts.known_browsers"


def name(request: HttpRequest, email: str) -> str | None:
    """The name of this browser, if the account was signed in to with it; None for a stranger."""
    known = _read(request)
    return str(known["name"]) if _mark(email) in known["accounts"] else None


def remember(request: HttpRequest, response: HttpResponseBase, email: str) -> None:
    """From now on this browser is known to the account. The cookie opens nothing by itself."""
    known = _read(request)
    accounts = [_mark(email), *(mark for mark in known["accounts"] if mark != _mark(email))]
    response.set_cookie(
        settings.KNOWN_BROWSER_COOKIE_NAME,
        signing.dumps({"name": known["name"], "accounts": accounts[:ACCOUNTS_MAX]}, salt=_SALT),
        max_age=SECONDS,
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Lax",
    )


def _read(request: HttpRequest) -> dict[str, Any]:
    try:
        cookie = request.COOKIES[settings.KNOWN_BROWSER_COOKIE_NAME]
        found: dict[str, Any] = signing.loads(cookie, salt=_SALT, max_age=SECONDS)
    except (KeyError, signing.BadSignature):
        return {"name": secrets.token_hex(16), "accounts": []}
    return found


def _mark(email: str) -> str:
    """Nobody reads from a lost cookie whose it was."""
    return sha256(f"{_SALT}:{email.lower()}".encode()).hexdigest()[:16]

"""How often a key may ask: so many requests a minute, counted in one row a key, whichever process answers.

It is counted in the statement that reads the key, so it costs no round trip; and in a table that PostgreSQL does
not log, so it waits for no disk. A crash of the database forgets the counts, and with them a minute at most.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

from django.conf import settings
from django.db.models import F, Func, JSONField, Value
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from accounts.models import ApiKey
from seedance_saas.errors import RateLimited

WINDOW_SECONDS = 60


@dataclass(frozen=True)
class Rate:
    """What a key has used of its requests, this one among them."""

    limit: int
    used: int
    resets_in_seconds: int

    @property
    def headers(self) -> dict[str, str]:
        """As in the IETF's draft (draft-ietf-httpapi-ratelimit-headers-07)."""
        return {
            "RateLimit-Limit": str(self.limit),
            "RateLimit-Remaining": str(max(0, self.limit - self.used)),
            "RateLimit-Reset": str(self.resets_in_seconds),
            "RateLimit-Policy": f"{self.limit};w={WINDOW_SECONDS}",
        }


def counted() -> Func:
    """For the query that finds the key that asks: `asked`, how often in this window, and for how long it lasts."""
    return Func(
        F("id"),
        Value(WINDOW_SECONDS),
        function="accounts_count_request",
        output_field=JSONField(),
    )


def of(key: ApiKey) -> Rate:
    """Of a key that was found with `counted`."""
    used, seconds = key.asked  # type: ignore[attr-defined]
    return Rate(settings.API_REQUESTS_PER_MINUTE, used, max(1, math.ceil(seconds)))


def require_room(rate: Rate) -> None:
    """Raises RateLimited. What is refused counts, too."""
    if rate.used > rate.limit:
        raise RateLimited(
            f"A key may ask {rate.limit:,} times in {WINDOW_SECONDS} seconds. Wait"
            f" {rate.resets_in_seconds} seconds.",
            limit=rate.limit,
            window_seconds=WINDOW_SECONDS,
            retry_after_seconds=rate.resets_in_seconds,
        )


class RateLimitMiddleware:
    """Tells a program on every answer, a refusal too, what its key has left: `request.rate`, once it is known."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        rate: Rate | None = getattr(request, "rate", None)
        for name, value in rate.headers.items() if rate else ():
            response[name] = value
        return response

"""How many requests an organization's programs may make in a minute, so that one of them leaves room for the others.

Counted in the memory of each web process: a request costs the database nothing more. So the limit is what a caller
may count on; where several processes answer, more gets through.
"""

import threading
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from accounts import api_keys
from seedance_saas.errors import RateLimited

WINDOW_SECONDS = 60

_lock = threading.Lock()
_counts: Counter[str] = Counter()  # requests of this window, by organization
_window = 0


class RateLimit(BaseThrottle):
    """Counts what a good key asks. REST framework asks it once the key's scopes are known to suffice."""

    def allow_request(self, request: Request, view: Any) -> bool:
        """Raises RateLimited."""
        limit = settings.API_REQUESTS_PER_MINUTE
        if not limit or request.auth is None:
            return True
        count, reset_seconds = _count(api_keys.of(request).organization_id, time.time())
        request._request.rate_limit = {  # type: ignore[attr-defined]  # for the middleware below
            "RateLimit-Limit": str(limit),
            "RateLimit-Remaining": str(max(0, limit - count)),
            "RateLimit-Reset": str(reset_seconds),
        }
        if count > limit:
            raise RateLimited(
                f"Your organization may make {limit:,} requests a minute. Try again in {reset_seconds} s.",
                limit=limit,
                retry_after_seconds=reset_seconds,
            )
        return True


def _count(organization_id: str, now: float) -> tuple[int, int]:
    """How many the organization made in this window, with this one; and in how many seconds the next begins."""
    global _window  # one window for the whole process
    window, second = divmod(int(now), WINDOW_SECONDS)
    with _lock:
        if window != _window:
            _window = window
            _counts.clear()
        _counts[organization_id] += 1
        return _counts[organization_id], WINDOW_SECONDS - second


class RateLimitMiddleware:
    """`RateLimit-Limit`, `-Remaining` and `-Reset` (in seconds) on what a key was answered."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        for name, value in getattr(request, "rate_limit", {}).items():
            response[name] = value
        return response

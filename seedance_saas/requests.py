"""What every request carries, whoever asks."""

import re
import secrets
from collections.abc import Callable

from django.http import HttpRequest
from django.http.response import HttpResponseBase

SANE_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{8,64}")


class RequestIdMiddleware:
    """`X-Request-Id`: the caller's if it is sane, else ours; on every answer, error or not."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        given = request.headers.get("X-Request-Id", "")
        request_id = given if SANE_REQUEST_ID.fullmatch(given) else f"req_{secrets.token_hex(12)}"
        request.META["REQUEST_ID"] = request_id
        response = self.get_response(request)
        response["X-Request-Id"] = request_id
        return response


def request_id(request: HttpRequest) -> str | None:
    return request.META.get("REQUEST_ID")


def client_address(request: HttpRequest) -> str | None:
    """The peer's address. Behind a proxy the web server is told whom to trust, not this code."""
    return request.META.get("REMOTE_ADDR") or None

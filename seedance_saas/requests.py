"""What every request carries, whoever asks."""

import re
import secrets
from collections.abc import Callable
from ipaddress import ip_address

from django.conf import settings
from django.core.exceptions import BadRequest
from django.core.handlers.exception import response_for_exception
from django.http import HttpRequest
from django.http.response import HttpResponseBase

SANE_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{8,64}")


class RequestIdMiddleware:
    """`X-Request-Id`: the caller's if it is sane, else ours; on every answer, error or not.

    A request with U+0000 outside its body, which PostgreSQL could not look for, is a 400 here.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        given = request.headers.get("X-Request-Id", "")
        request_id = given if SANE_REQUEST_ID.fullmatch(given) else f"req_{secrets.token_hex(12)}"
        request.META["REQUEST_ID"] = request_id
        if _has_nul(request):
            response: HttpResponseBase = response_for_exception(request, BadRequest("U+0000"))
        else:
            response = self.get_response(request)
        response["X-Request-Id"] = request_id
        return response


def _has_nul(request: HttpRequest) -> bool:
    query = request.META.get("QUERY_STRING", "")
    return (
        "\x00" in request.path
        or "%00" in query
        or "\x00" in query
        or any("\x00" in value for value in request.COOKIES.values())
    )


def request_id(request: HttpRequest) -> str | None:
    return request.META.get("REQUEST_ID")


def client_address(request: HttpRequest) -> str | None:
    """Where the caller is: the peer, or, behind settings.TRUSTED_PROXIES proxies of ours, whom the outermost saw.

    Each proxy adds its own peer at the end of X-Forwarded-For. What stands before that is the caller's own
    word, and a header that is too short came past a proxy: neither is believed.
    """
    peer = request.META.get("REMOTE_ADDR") or None
    seen = request.headers.get("X-Forwarded-For", "").split(",")
    if not settings.TRUSTED_PROXIES or len(seen) < settings.TRUSTED_PROXIES:
        return peer
    try:
        return str(ip_address(seen[-settings.TRUSTED_PROXIES].strip()))
    except ValueError:
        return peer

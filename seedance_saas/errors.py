"""One shape for every error. A refusal is named for what happened and carries a stable code.

    Refusal
      InvalidRequest      400   UnknownField 400   PayloadTooLarge 413
      Unauthenticated     401   Forbidden    403   NotFound        404
      Conflict            409   RateLimited  429

Apps add their own beside their nouns. The codes are API: a test lists them.
"""

import logging
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from rest_framework import exceptions, status
from rest_framework.response import Response

from seedance_saas.requests import request_id

logger = logging.getLogger(__name__)


class Refusal(Exception):
    """The request was understood and is not done; nothing was written.

    `message` is for people, `code` for programs, `param` names the field, `details` the limits.
    """

    code: str = "refused"
    status: int = 400
    retryable: bool = False

    def __init__(self, message: str, *, param: str | None = None, **details: Any) -> None:
        super().__init__(message)
        self.message = message
        self.param = param
        self.details = details


class InvalidRequest(Refusal):
    """A field is missing, of the wrong type or out of its limits."""

    code, status = "invalid_request", 400


class InvalidJson(Refusal):
    """The body is not a JSON object."""

    code, status = "invalid_json", 400


class UnknownField(Refusal):
    """The body has a field that is not known here."""

    code, status = "unknown_field", 400


class PayloadTooLarge(Refusal):
    """The body is too large."""

    code, status = "payload_too_large", 413


class Unauthenticated(Refusal):
    """No key came with the request, or one that is not good."""

    code, status = "unauthenticated", 401


class Forbidden(Refusal):
    """The key or the role may not do this."""

    code, status = "forbidden", 403


class NotFound(Refusal):
    """Nothing is there for whoever asks; a stranger is told the same of what exists."""

    code, status = "not_found", 404


class Conflict(Refusal):
    """It does not fit what is there now."""

    code, status = "conflict", 409


class RateLimited(Refusal):
    """Too many requests at once; the answer says how long to wait."""

    code, status, retryable = "rate_limited", 429, True


def as_dict(refusal: Refusal, request: HttpRequest | None) -> dict[str, Any]:
    return {
        "error": {
            "code": refusal.code,
            "message": refusal.message,
            "retryable": refusal.retryable,
            "param": refusal.param,
            "details": refusal.details,
            "request_id": request_id(request) if request else None,
        }
    }


_FROM_REST_FRAMEWORK: dict[int, tuple[str, bool]] = {
    status.HTTP_400_BAD_REQUEST: ("invalid_request", False),
    status.HTTP_401_UNAUTHORIZED: ("unauthenticated", False),
    status.HTTP_403_FORBIDDEN: ("forbidden", False),
    status.HTTP_404_NOT_FOUND: ("not_found", False),
    status.HTTP_405_METHOD_NOT_ALLOWED: ("method_not_allowed", False),
    status.HTTP_406_NOT_ACCEPTABLE: ("not_acceptable", False),
    status.HTTP_415_UNSUPPORTED_MEDIA_TYPE: ("unsupported_media_type", False),
    status.HTTP_429_TOO_MANY_REQUESTS: ("rate_limited", True),
}


def answer(error: Exception, context: dict[str, Any]) -> Response | None:
    """REST framework's exception handler. None lets an unexpected error through to the 500 page."""
    request = context["request"]._request
    if isinstance(error, Http404):
        error = exceptions.NotFound()
    if isinstance(error, Refusal):
        return Response(as_dict(error, request), status=error.status, headers=_headers_of(error))
    if not isinstance(error, exceptions.APIException):
        return None
    code, retryable = _FROM_REST_FRAMEWORK.get(error.status_code, ("error", False))
    refusal = Refusal(_message_of(error))
    refusal.code, refusal.status, refusal.retryable = code, error.status_code, retryable
    return Response(
        as_dict(refusal, request), status=error.status_code, headers=_headers_of(refusal)
    )


def _headers_of(refusal: Refusal) -> dict[str, str]:
    if refusal.status == status.HTTP_401_UNAUTHORIZED:
        return {"WWW-Authenticate": "Bearer"}
    if "retry_after_seconds" in refusal.details:
        return {"Retry-After": str(refusal.details["retry_after_seconds"])}
    return {}


def _message_of(error: exceptions.APIException) -> str:
    if error.status_code == status.HTTP_404_NOT_FOUND:
        return "There is nothing at this address."
    return str(error.detail)


def is_for_programs(request: HttpRequest) -> bool:
    return request.path.startswith(("/api/", "/webhooks/"))


def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """The 404 for an address that nothing serves, or whose object is not the asker's."""
    if is_for_programs(request):
        return JsonResponse(
            as_dict(NotFound("There is nothing at this address."), request), status=404
        )
    return render(request, "errors/404.html", status=404)


def forbidden(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    if is_for_programs(request):
        return JsonResponse(as_dict(Forbidden("This is not allowed."), request), status=403)
    return render(request, "errors/403.html", {"why": str(exception or "")}, status=403)


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    return render(request, "errors/403.html", {"stale_form": True}, status=403)


def bad_request(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    if is_for_programs(request):
        refusal = InvalidRequest("The request could not be read.")
        return JsonResponse(as_dict(refusal, request), status=400)
    return render(None, "errors/400.html", status=400)


class InternalError(Refusal):
    """The fault is ours. Its message says nothing of what happened; the log says all, under the request's id."""

    code, status, retryable = "internal_error", 500, True


def server_error(request: HttpRequest) -> HttpResponse:
    """The 500. It must not touch the database: that may be what is broken."""
    logger.exception("request.failed id=%s path=%r", request_id(request), request.path)
    if is_for_programs(request):
        message = "Something went wrong on our side. It was logged under this request id."
        return JsonResponse(as_dict(InternalError(message), request), status=500)
    return render(None, "errors/500.html", {"request_id": request_id(request)}, status=500)

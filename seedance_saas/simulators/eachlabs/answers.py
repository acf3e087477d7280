"""How EachLabs answers: keys, errors, request ids.

Sources: EachLabs docs, errors and api/predictions/create-prediction (B); the error tables of the
model pages (A); the OpenAPI file for X-Request-Id.
"""

import hashlib
import uuid
from collections.abc import Awaitable, Callable
from typing import Any

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from seedance_saas.simulators.config import Dialect, SimulatorConfig
from seedance_saas.simulators.wire import json_response

REQUEST_ID_CHARS_MAX = 128


class Refusal(Exception):
    """An error answer. `shared` marks the paths on which B adds status and details to its body."""

    def __init__(
        self,
        status: int,
        error: str,
        details: str | None = None,
        *,
        retry_after_seconds: int | None = None,
        shared: bool = False,
    ) -> None:
        super().__init__(error)
        self.status = status
        self.error = error
        self.details = details
        self.retry_after_seconds = retry_after_seconds
        self.shared = shared


def error_body(refusal: Refusal, dialect: Dialect) -> dict[str, Any]:
    """A: status (a word), message, details. B: error, on shared paths also status (a number)."""
    if dialect == "B":
        if refusal.shared:
            body = {"status": refusal.status, "error": refusal.error, "details": refusal.details}
            return {name: value for name, value in body.items() if value is not None}
        return {"error": refusal.error}
    body = {"status": "error", "message": refusal.error, "details": refusal.details}
    return body if dialect == "A" else body | {"error": refusal.error}


def refusal_handler(
    config: SimulatorConfig,
) -> Callable[[Request, Exception], Awaitable[Response]]:
    async def answer(_: Request, error: Exception) -> Response:
        refusal = error if isinstance(error, Refusal) else _unrouted(error)
        wait = refusal.retry_after_seconds
        headers = {} if wait is None else {"Retry-After": str(wait)}
        return json_response(error_body(refusal, config.dialect), refusal.status, headers)

    return answer


def _unrouted(error: Exception) -> Refusal:
    """The router's own: no such address, or not this method."""
    assert isinstance(error, HTTPException), error
    return Refusal(error.status_code, error.detail)


def require_key(request: Request) -> str:
    """The caller's key, hashed. X-API-Key (A) or Authorization: Bearer (B, since 2026-07-27).

    Any key is good unless it begins with "bad".
    """
    key = request.headers.get("x-api-key", "").strip()
    if not key:
        scheme, _, credentials = request.headers.get("authorization", "").partition(" ")
        key = credentials.strip() if scheme.lower() == "bearer" else ""
    if not key or key.startswith("bad"):
        raise Refusal(401, "Invalid or missing API key")
    return hashlib.sha256(key.encode()).hexdigest()


class RequestId:
    """X-Request-Id on every answer: the caller's own, else a new one."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        given = Headers(scope=scope).get("x-request-id", "")[:REQUEST_ID_CHARS_MAX]
        request_id = given or str(uuid.uuid4())

        async def send_with_id(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message)["X-Request-Id"] = request_id
            await send(message)

        await self._app(scope, receive, send_with_id)

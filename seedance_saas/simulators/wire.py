"""Small tools of the wire: JSON with exact decimals, and a connection that closes unanswered."""

import asyncio
import json
import re
import secrets
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

_MARK = secrets.token_hex(8)  # nobody can write it into a prompt
_MARKED = re.compile(rf'"{_MARK}([0-9.]+)"')


class ConnectionDropped(Exception):
    """The server at hand cannot close a connection; raised instead, so that no answer goes out."""


def usd(microusd: int) -> Decimal:
    """Dollars without trailing zeros: 1451400 -> Decimal("1.4514")."""
    whole, fraction = divmod(microusd, 1_000_000)
    return Decimal(f"{whole}.{fraction:06d}".rstrip("0").rstrip("."))


def to_json(body: Any) -> str:
    """JSON in which a Decimal is a plain number, never having been a float."""
    text = json.dumps(body, default=_marked, separators=(",", ":"), ensure_ascii=False)
    return _MARKED.sub(r"\1", text)


def _marked(value: Any) -> str:
    assert isinstance(value, Decimal), type(value)
    return f"{_MARK}{value:f}"


def json_response(
    body: Any, status: int = 200, headers: Mapping[str, str] | None = None
) -> Response:
    return Response(to_json(body), status, headers, media_type="application/json")


class ClosedUnanswered(Response):
    """Closes the connection: the caller cannot know what became of the request."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await drop(scope)


async def drop(scope: Scope) -> None:
    transport = scope.get("simulators.transport")
    if transport is None:
        raise ConnectionDropped
    transport.close()
    await asyncio.sleep(0.05)  # until the server has noticed; otherwise it answers 500


def remember_transport(scope: Scope, send: Send) -> None:
    """ASGI has no way to hang up, so the server's own transport is kept for `drop` (uvicorn)."""
    cycle = getattr(send, "__self__", None)
    scope["simulators.transport"] = getattr(cycle, "transport", None)


async def json_object(request: Request) -> dict[str, Any] | None:
    """The body, or None if it is not a JSON object."""
    try:
        body = json.loads(await request.body())
    except ValueError:
        return None
    return body if isinstance(body, dict) else None

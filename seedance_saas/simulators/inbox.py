"""A customer's server that takes webhooks: https://inbox.example.com/{any path}, seen at /internet/inbox.example.com/….

It keeps what it gets, and GET on the same path shows it, the newest first. The path may order an answer:
`/status/503` answers so, `/slow/20` waits so many seconds first.
"""

import asyncio
import base64
import re
from collections import deque
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from seedance_saas.simulators.config import SimulatorConfig
from seedance_saas.simulators.wire import json_response

HOST = "inbox.example.com"
KEPT = 100
BYTES_MAX = 1_000_000
SLOW_SECONDS_MAX = 60
HEADERS = ("webhook-id", "webhook-timestamp", "webhook-signature", "content-type")


class Inbox:
    """The last messages, in memory: a restart forgets them."""

    def __init__(self, config: SimulatorConfig) -> None:
        self._config = config
        self._messages: deque[dict[str, Any]] = deque(maxlen=KEPT)

    def clear(self) -> None:
        self._messages.clear()

    async def receive(self, request: Request) -> Response:
        path = request.path_params["path"]
        body = (await request.body())[:BYTES_MAX]
        self._messages.appendleft(
            {
                "path": f"/{path}",
                "received_at_ms": self._config.now_ms(),
                "headers": {name: request.headers.get(name) for name in HEADERS},
                # The bytes as they came, for these are signed.
                "body_base64": base64.b64encode(body).decode(),
                "body": body.decode(errors="replace"),
            }
        )
        if match := re.search(r"(?:^|/)slow/([0-9]{1,2})$", path):
            await asyncio.sleep(min(int(match[1]), SLOW_SECONDS_MAX))
        if match := re.search(r"(?:^|/)status/([2-5][0-9]{2})$", path):
            return json_response({"received": False}, int(match[1]))
        return json_response({"received": True})

    async def show(self, request: Request) -> Response:
        path = f"/{request.path_params['path']}"
        return json_response({"messages": [one for one in self._messages if one["path"] == path]})


def routes(inbox: Inbox) -> list[BaseRoute]:
    return [
        Route(f"/{HOST}/{{path:path}}", inbox.receive, methods=["POST"]),
        Route(f"/{HOST}/{{path:path}}", inbox.show),
    ]

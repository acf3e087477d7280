"""A customer's server on a faked wire. It keeps what it gets, and the test decides what it answers."""

import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from accounts import webhook_endpoints
from accounts.models import Organization, WebhookEndpoint
from seedance_saas import http

URL = "https://hooks.acme.example/seedance"


class Receiver:
    answer: Callable[[httpx.Request], httpx.Response]

    def __init__(self) -> None:
        self.got: list[httpx.Request] = []
        self.answers(204)

    def handle(self, request: httpx.Request) -> httpx.Response:
        self.got.append(request)
        return self.answer(request)

    def answers(self, status: int, text: str = "") -> None:
        self.answer = lambda request: httpx.Response(status, stream=httpx.ByteStream(text.encode()))

    @property
    def bodies(self) -> list[dict[str, Any]]:
        return [json.loads(request.content) for request in self.got]

    @property
    def hosts(self) -> list[str]:
        return [request.headers["host"] for request in self.got]


@pytest.fixture
def receiver(monkeypatch: pytest.MonkeyPatch, settings: Any) -> Receiver:
    settings.SIMULATED_INTERNET_URL = ""
    receiver = Receiver()
    monkeypatch.setattr(http, "TRANSPORT", httpx.MockTransport(receiver.handle))
    monkeypatch.setattr(http, "public_address", lambda host: "93.184.216.34")
    return receiver


@pytest.fixture
def endpoint(acme: Organization) -> WebhookEndpoint:
    """Of acme, for all events."""
    return webhook_endpoints.create(acme, url=URL)[0]

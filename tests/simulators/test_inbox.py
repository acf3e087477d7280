"""A receiver of webhooks on the simulated internet: it shows what it got, and answers as its path orders."""

import base64
import json
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from accounts import courier, deliveries, webhook_endpoints, webhooks
from accounts.models import Delivery, Organization
from accounts.webhook_verification import verify
from seedance_saas.simulators.thread import SimulatorThread


@pytest.fixture
def internet(simulator: SimulatorThread) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=f"{simulator.url}/internet", trust_env=False, timeout=20) as client:
        yield client


def messages(internet: httpx.Client, path: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = internet.get(f"/inbox.example.com{path}").json()["messages"]
    return found


def test_it_shows_what_it_got_the_newest_first_each_under_its_path(
    internet: httpx.Client,
) -> None:
    for number in range(3):
        answer = internet.post("/inbox.example.com/acme", content=f"{number}")
        assert answer.json() == {"received": True}
    internet.post("/inbox.example.com/other", content="x")

    assert [one["body"] for one in messages(internet, "/acme")] == ["2", "1", "0"]
    assert [one["body"] for one in messages(internet, "/other")] == ["x"]
    assert messages(internet, "/nobody") == []


def test_its_path_orders_the_answer(internet: httpx.Client) -> None:
    assert internet.post("/inbox.example.com/a/status/410").status_code == 410
    began = time.monotonic()
    assert internet.post("/inbox.example.com/slow/1").status_code == 200
    assert time.monotonic() - began >= 1


def test_a_reset_empties_it(simulator: SimulatorThread, internet: httpx.Client) -> None:
    internet.post("/inbox.example.com/acme", content="x")
    simulator.reset()

    assert messages(internet, "/acme") == []


def test_our_deliveries_reach_it_over_a_real_wire_and_verify(
    acme: Organization, simulator: SimulatorThread, internet: httpx.Client, settings: Any
) -> None:
    settings.SIMULATED_INTERNET_URL = f"{simulator.url}/internet"
    _, secret = webhook_endpoints.create(acme, url="https://inbox.example.com/acme")
    refusing, _ = webhook_endpoints.create(acme, url="https://inbox.example.com/status/503")
    event = webhooks.publish(acme, "balance.low", {"name": "Zoë"})

    assert courier.run() == 2

    (message,) = messages(internet, "/acme")
    body = base64.b64decode(message["body_base64"])
    verify(body, message["headers"], secret)
    assert json.loads(body)["data"] == {"name": "Zoë"}
    assert message["headers"]["webhook-id"] == event.id
    states = Delivery.objects.values_list("endpoint", "state")
    assert dict(states)[refusing.id] == "pending"
    (failed,) = deliveries.of(acme).filter(state="pending")
    assert failed.attempts.get().status == 503

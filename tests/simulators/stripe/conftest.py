"""The official library against the simulated Stripe, and the simulator's own addresses."""

from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
import stripe

from seedance_saas.simulators.thread import SimulatorThread
from tests.simulators.stripe.shop import Shop
from tests.simulators.stripe.till import Till

KEY = "sk_test_1"
# A Sunday at noon, so that tests can name times; `control("advance", …)` turns it ahead.
NOON = 1_793_534_400


def client_of(simulator: SimulatorThread, key: str = KEY) -> stripe.StripeClient:
    base = f"{simulator.url}/stripe"
    return stripe.StripeClient(
        key,
        base_addresses={"api": base, "connect": base, "files": base, "meter_events": base},
        max_network_retries=0,
    )


@pytest.fixture
def client(simulator: SimulatorThread) -> stripe.StripeClient:
    return client_of(simulator)


@pytest.fixture
def noon(simulator: SimulatorThread) -> int:
    """The clock stands at NOON until it is advanced. Seconds."""
    simulator.config.clock = lambda: float(NOON)
    return NOON


Control = Callable[..., dict[str, Any]]


@pytest.fixture
def control(simulator: SimulatorThread) -> Control:
    """control("advance", seconds=60) posts to /stripe/control/advance; without values it gets."""

    def call(name: str, **values: Any) -> dict[str, Any]:
        url = f"{simulator.url}/stripe/control/{name}"
        answer = (
            httpx.post(url, json=values, trust_env=False)
            if values
            else httpx.get(url, trust_env=False)
        )
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    return call


@pytest.fixture
def shop(client: stripe.StripeClient, noon: int) -> Shop:
    return Shop(client)


@pytest.fixture
def till(simulator: SimulatorThread, client: stripe.StripeClient) -> Iterator[Till]:
    till = Till(client, f"{simulator.url}/stripe")
    yield till
    till.web.close()


@pytest.fixture
def meter(client: stripe.StripeClient, noon: int) -> stripe.billing.Meter:
    return client.v1.billing.meters.create(
        {
            "display_name": "Seconds",
            "event_name": "seconds",
            "default_aggregation": {"formula": "sum"},
        }
    )


@pytest.fixture
def customer(client: stripe.StripeClient, noon: int) -> str:
    return client.v1.customers.create({"name": "Acme"}).id

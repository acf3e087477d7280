"""The simulator without a socket and without its loop: a test is the network."""

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import stripe

from seedance_saas.simulators.config import SimulatorConfig
from seedance_saas.simulators.stripe import StripeSimulator


@pytest.fixture
def simulator(tmp_path: Path) -> Iterator[StripeSimulator]:
    config = SimulatorConfig(tmp_path, stripe_webhooks_by_hand=True)
    simulator = StripeSimulator(config)
    yield simulator
    simulator.close()


def post(simulator: StripeSimulator, path: str, key: str = "", **form: str) -> httpx.Response:
    async def send() -> httpx.Response:
        transport = httpx.ASGITransport(simulator)
        async with httpx.AsyncClient(transport=transport, base_url="http://stripe") as client:
            headers = {"Authorization": "Bearer sk_test_1", "Idempotency-Key": key}
            return await client.post(path, data=form, headers=headers)

    return asyncio.run(send())


def make_endpoint(simulator: StripeSimulator) -> str:
    form = {"url": "https://shop.example/hook", "enabled_events[]": "customer.created"}
    secret: str = post(simulator, "/v1/webhook_endpoints", **form).json()["secret"]
    return secret


def test_what_waits_can_be_taken_by_hand(simulator: StripeSimulator) -> None:
    secret = make_endpoint(simulator)
    post(simulator, "/v1/customers", email="a@b.co")

    (delivery,) = simulator.deliveries.pending()

    assert delivery.url == "https://shop.example/hook"
    event = stripe.Webhook.construct_event(
        delivery.body, delivery.headers["Stripe-Signature"], secret
    )
    assert (event.id, event.type) == (delivery.event_id, "customer.created")

    simulator.deliveries.mark(delivery.id, 500)
    assert len(simulator.deliveries.pending()) == 1
    assert simulator.deliveries.waiting(due_only=True) == []
    simulator.deliveries.mark(delivery.id, 200)
    assert simulator.deliveries.pending() == []


def test_what_was_done_survives_a_restart(simulator: StripeSimulator) -> None:
    make_endpoint(simulator)
    customer = post(simulator, "/v1/customers", email="a@b.co").json()
    simulator.close()

    again = StripeSimulator(simulator.config)

    found = again.store.get(customer["id"], "customer")
    assert found is not None
    assert found["email"] == "a@b.co"
    assert len(again.deliveries.pending()) == 1
    again.close()


def test_a_request_that_breaks_changes_nothing(simulator: StripeSimulator) -> None:
    form = {"email": "a@b.co", "payment_method": "pm_card_chargeDeclined"}
    refused = post(simulator, "/v1/customers", **form)

    assert refused.status_code == 402
    for kind in ("customer", "payment_method", "event"):
        assert simulator.store.select(kind) == []


def test_many_threads_with_one_key_do_it_once(simulator: StripeSimulator) -> None:
    statuses: list[int] = []

    def create() -> None:
        statuses.append(post(simulator, "/v1/customers", key="k1", email="a@b.co").status_code)

    threads = [threading.Thread(target=create) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert set(statuses) <= {200, 409}
    assert 200 in statuses
    assert len(simulator.store.select("customer")) == 1

"""Sends what is due: to each endpoint in order, and a slow one delays no other."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import httpx

from seedance_saas.simulators.stripe.deliveries import Delivery
from seedance_saas.simulators.stripe.errors import Json

if TYPE_CHECKING:
    from seedance_saas.simulators.stripe.simulator import StripeSimulator

LOOK_SECONDS = 0.05
TIMEOUT_SECONDS = 20.0


class Sender:
    def __init__(self, simulator: StripeSimulator) -> None:
        self._simulator = simulator
        self._sending: dict[str, asyncio.Task[None]] = {}  # by endpoint: each gets its own in order

    async def run(self) -> None:
        """For ever: timers that are due, then deliveries that are due."""
        async with _client() as client:
            try:
                while True:
                    self._simulator.catch_up()
                    if not self._simulator.config.stripe_webhooks_by_hand:
                        self._start(client)
                    await asyncio.sleep(LOOK_SECONDS)
            finally:
                for task in list(self._sending.values()):
                    task.cancel()

    async def send_all(self) -> list[Json]:
        """Everything that waits, now and one after the other, due or not."""
        sent: list[Json] = []
        async with _client() as client:
            for id, endpoint in self._simulator.deliveries.waiting():
                delivery = self._simulator.deliveries.message(id)
                if delivery is not None and endpoint not in self._sending:
                    status = await self._send(client, delivery)
                    sent.append({"id": id, "type": delivery.event_type, "status": status})
        return sent

    def _start(self, client: httpx.AsyncClient) -> None:
        async def send(endpoint: str, ids: list[int]) -> None:
            try:
                for id in ids:
                    delivery = self._simulator.deliveries.message(id)
                    if delivery is not None:
                        await self._send(client, delivery)
            finally:
                del self._sending[endpoint]

        due: dict[str, list[int]] = {}
        for id, endpoint in self._simulator.deliveries.waiting(due_only=True):
            due.setdefault(endpoint, []).append(id)
        for endpoint in due.keys() - self._sending.keys():
            self._sending[endpoint] = asyncio.create_task(send(endpoint, due[endpoint]))

    async def _send(self, client: httpx.AsyncClient, delivery: Delivery) -> int | None:
        status, text = None, ""
        try:
            response = await client.post(
                delivery.url, content=delivery.body, headers=delivery.headers
            )
            status, text = response.status_code, response.text
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            text = f"{type(error).__name__}: {error}"
        self._simulator.deliveries.mark(delivery.id, status, text)
        return status


def _client() -> httpx.AsyncClient:
    # trust_env: a proxy of the environment could not reach a receiver on this machine.
    return httpx.AsyncClient(trust_env=False, follow_redirects=False, timeout=TIMEOUT_SECONDS)

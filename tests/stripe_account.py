"""Stripe in the same process: our own gateway, the official library and the simulator, without a network.

Webhooks wait until a test delivers them, twice, late, in another order, or never.
"""

import asyncio
import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping
from io import StringIO
from pathlib import Path
from typing import Any

import httpx
import pytest
import stripe
from django.core.management import call_command
from django.test import Client

from billing.stripe_gateway import connection
from seedance_saas.simulators.config import SimulatorConfig
from seedance_saas.simulators.stripe import StripeSimulator
from seedance_saas.simulators.stripe.deliveries import Delivery
from seedance_saas.simulators.wire import ConnectionDropped

VISA, DECLINED, ASKS = "4242424242424242", "4000000000000002", "4000002760003184"
SECRET = "whsec_of_the_tests"
_number = itertools.count(1)


class InProcess(stripe.HTTPClient):
    """The library's wire, ending in the simulator's application."""

    name = "in-process"

    def __init__(self, account: "StripeAccount") -> None:
        super().__init__()
        self.account = account

    def request(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str] | None,
        post_data: Any = None,
        *,
        _usage: list[str] | None = None,
    ) -> tuple[Any, int, Mapping[str, str]]:
        self.account.before_call(method, url)
        path = url.removeprefix("http://stripe.test")
        try:
            answer = self.account.web(method, path, headers=dict(headers or {}), content=post_data)
        except ConnectionDropped as error:
            raise stripe.APIConnectionError(str(error)) from None  # type: ignore[no-untyped-call]
        self.account.after_call(method, url)
        return answer.content, answer.status_code, answer.headers

    def request_stream(self, *args: Any, **kwargs: Any) -> Any:
        raise NotImplementedError

    def close(self) -> None:
        return None


class StripeAccount:
    """The simulator, and what a person or a bank does at it."""

    def __init__(self, folder: Path) -> None:
        self.config = SimulatorConfig(
            data_dir=folder,
            port=1,
            public_url="http://stripe.test",
            stripe_webhooks_by_hand=True,
            stripe_webhook_secret=SECRET,
        )
        self.simulator = StripeSimulator(self.config)
        self.before_call: Callable[[str, str], None] = lambda method, url: None
        self.after_call: Callable[[str, str], None] = lambda method, url: None
        self.client = stripe.StripeClient(
            "sk_test_1",
            base_addresses=dict.fromkeys(  # type: ignore[arg-type]
                ("api", "connect", "files", "meter_events"), "http://stripe.test"
            ),
            http_client=InProcess(self),
            max_network_retries=0,
        )

    def web(self, method: str, path: str, **fields: Any) -> httpx.Response:
        """One request to the application, without a socket."""

        request = httpx.Request(method, f"http://stripe.test{path}", **fields)

        async def ask() -> httpx.Response:
            answer = await httpx.ASGITransport(self.simulator).handle_async_request(request)
            await answer.aread()
            return answer

        return asyncio.run(ask())

    def control(self, name: str, **values: Any) -> Any:
        answer = self.web("POST", f"/control/{name}", json=values)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def press(self, session_id: str, number: str = VISA, **fields: str) -> Any:
        """A person fills in Stripe's page and presses its button."""
        form = {"number": number, "expiry": "12/34", "cvc": "123", "email": "ann@acme.example"}
        return self.web("POST", f"/c/pay/{session_id}", data={**form, **fields})

    def waiting(self) -> list[Delivery]:
        return self.simulator.deliveries.pending()

    def deliver(self, deliveries: Iterable[Delivery] | None = None) -> int:
        """Send them (all that wait, unless told) to our receiver; how many."""
        count = 0
        for delivery in list(self.waiting() if deliveries is None else deliveries):
            answer = send(delivery)
            assert answer.status_code == 200, answer.content
            self.simulator.deliveries.mark(delivery.id, 200)
            count += 1
        return count


def send(delivery: Delivery) -> Any:
    return Client().post(
        "/webhooks/stripe",
        delivery.body,
        content_type="application/json",
        headers=dict(delivery.headers),
    )


@pytest.fixture
def stripe_account(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, settings: Any, db: None
) -> Iterator[StripeAccount]:
    """Set up as `manage.py stripe_setup` does, with nothing in it."""
    account = StripeAccount(tmp_path / f"stripe{next(_number)}")
    monkeypatch.setattr(connection, "HTTP_CLIENT", InProcess(account))
    settings.STRIPE_URL = "http://stripe.test"
    settings.STRIPE_SECRET_KEY = "sk_test_1"
    settings.STRIPE_WEBHOOK_SECRETS = [SECRET]
    call_command("stripe_setup", stdout=StringIO())
    account.deliver()
    yield account
    account.simulator.close()

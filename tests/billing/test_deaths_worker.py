"""A real kill -9 of the worker's processes while Stripe is at work for them: charged once, and credited once."""

import os
import signal
import sys
from collections.abc import Callable, Iterator
from io import StringIO
from pathlib import Path
from typing import Any

import httpx
import pytest
from django.core.management import call_command

from accounts.models import Organization
from billing import auto_top_ups, purchases
from billing.models import Purchase, StripeCustomer, Transfer
from billing.stripe_gateway import connection
from seedance_saas import queue
from seedance_saas.simulators.config import SimulatorConfig
from seedance_saas.simulators.thread import SimulatorThread
from tests.billing.top_ups import agree
from tests.kernel.programs import cluster_of, is_alive, manage, on_test_database, wait_until
from tests.world import money

pytestmark = [
    pytest.mark.slow,
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(sys.platform != "linux", reason="reads /proc"),
]
WORKERS = 2
FAMILY = 1 + 1 + WORKERS + 1 + 1  # main process, sentinel, workers, monitor, pusher
CARD = {"number": "4242424242424242", "expiry": "12/34", "cvc": "123", "email": "ann@acme.example"}


@pytest.fixture
def stripe_url(tmp_path: Path, settings: Any, db: None) -> Iterator[str]:
    """The simulated Stripe on a port of this machine. Nobody gets its webhooks."""
    config = SimulatorConfig(tmp_path / "stripe", stripe_webhooks_by_hand=True)
    with SimulatorThread(config) as simulator:
        settings.STRIPE_URL = f"{simulator.url}/stripe"
        settings.STRIPE_SECRET_KEY = "sk_test_1"
        call_command("stripe_setup", stdout=StringIO())
        yield settings.STRIPE_URL


class Shop:
    """A worker that asks that Stripe, and what is to be killed of it."""

    def __init__(self, stripe_url: str, pid: int, log: Path) -> None:
        self.stripe_url, self.pid, self.log = stripe_url, pid, log

    def family(self) -> list[int]:
        found = cluster_of(self.pid)
        return found if len(found) == FAMILY else []

    def kill_while_stripe_is_asked(self, method: str, path: str, begin: Callable[[], None]) -> None:
        """The call takes a second at Stripe, and nobody is there any more to hear its answer."""
        assert wait_until(self.family, seconds=30), self.log.read_text()
        control = f"{self.stripe_url}/control/faults"
        slow = {"method": method, "path": path, "delay_ms": 1000}
        httpx.post(control, json={"calls": [slow]}).raise_for_status()
        begin()
        assert wait_until(lambda: not httpx.get(control).json()["calls"], seconds=20), (
            self.log.read_text()
        )
        killed = self.family()
        for pid in killed:
            os.kill(pid, signal.SIGKILL)
        assert wait_until(lambda: not any(is_alive(pid) for pid in killed), seconds=5)

    def becomes_paid(self, purchase: Purchase) -> bool:
        paid = Purchase.objects.filter(pk=purchase.pk, state="paid")
        return wait_until(paid.exists, seconds=30)

    def paid_cents(self) -> list[int]:
        with connection.asking() as client:
            listed = client.v1.charges.list({"limit": 100}).data
            return sorted(charge.amount for charge in listed if charge.paid)


@pytest.fixture
def shop(stripe_url: str, tmp_path: Path, settings: Any) -> Iterator[Shop]:
    environment = {
        "DATABASE_URL": on_test_database()["DATABASE_URL"],
        "SECRET_KEY": settings.SECRET_KEY,
        "DATA_DIR": str(tmp_path / "data"),
        "STRIPE_URL": stripe_url,
        "STRIPE_SECRET_KEY": "sk_test_1",
        "WORKERS": str(WORKERS),
    }
    log = tmp_path / "worker.log"
    with manage("worker", environment=environment, log=log) as program:
        yield Shop(stripe_url, program.pid, log)
        program.kill()


def test_each_purchase_is_paid_once_though_the_worker_is_killed_in_its_middle(
    acme: Organization, shop: Shop
) -> None:
    """By a person and then by the card that they saved: killed while money moves, and while it is read."""
    bought = purchases.open_checkout(
        purchases.begin(
            acme,
            amount_cents=50_00,
            made_by=acme.memberships.select_related("user").get().user,
            token="form",
            last_paid_id="",
        )
    )
    page = f"{shop.stripe_url}/c/pay/{bought.session_id}"
    assert httpx.post(page, data=CARD).status_code == 303

    def follow() -> None:
        queue.enqueue("billing.tasks.follow_purchase", bought.id)

    shop.kill_while_stripe_is_asked("GET", "/v1/checkout/sessions/*", follow)
    assert shop.becomes_paid(bought), shop.log.read_text()
    assert money(acme) == (75_000_000, 0)
    saved = StripeCustomer.objects.filter(card_last4="4242")
    assert wait_until(saved.exists, seconds=20)

    agree(acme, threshold_usd=80, amount_cents=200_00)
    decided: list[Purchase] = []

    def consider() -> None:
        purchase = auto_top_ups.consider(acme)
        assert purchase is not None
        decided.append(purchase)

    shop.kill_while_stripe_is_asked("POST", "/v1/payment_intents", consider)
    assert shop.becomes_paid(decided[0]), shop.log.read_text()

    assert shop.paid_cents() == [50_00, 200_00]
    assert money(acme) == (279_000_000, 0)
    references = [purchase.reference for purchase in (bought, decided[0])]
    assert Transfer.objects.filter(reference__in=references).count() == 2
    assert Purchase.objects.filter(state="paid").count() == 2

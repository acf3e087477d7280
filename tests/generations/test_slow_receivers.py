"""Receivers of webhooks that hang take no worker's time: money moves meanwhile, with one worker, too."""

import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from accounts import webhook_endpoints, webhooks
from accounts.models import Delivery, Organization
from generations.models import Generation
from generations.states import State
from seedance_saas.simulators.config import SimulatorConfig
from seedance_saas.simulators.thread import SimulatorThread
from tests.generations.steps import BODY
from tests.kernel.programs import manage, on_test_database, wait_until
from tests.world import Api, money

pytestmark = [
    pytest.mark.slow,
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(sys.platform != "linux", reason="reads /proc"),
]
HANGING = 20
SETTLED_WITHIN_SECONDS = (
    25  # two steps wait for the polls; a courier among the tasks would hold them for a minute
)


@pytest.fixture
def log(tmp_path: Path, settings: Any) -> Iterator[Path]:
    """A clock and one worker, whose provider and whose internet are a simulator."""
    with ExitStack() as running:
        config = SimulatorConfig(tmp_path / "simulator", work_seconds=0)
        simulator = running.enter_context(SimulatorThread(config))
        environment = {
            "DATABASE_URL": on_test_database()["DATABASE_URL"],
            "SECRET_KEY": settings.SECRET_KEY,
            "DATA_DIR": str(tmp_path / "data"),
            "SIMULATOR_URL": simulator.url,
            "WORKERS": "1",
        }
        for name in ("worker", "clock"):
            program = manage(name, environment=environment, log=tmp_path / f"{name}.log")
            running.enter_context(program)
        yield tmp_path / "worker.log"


def test_a_generation_settles_while_receivers_hang(acme: Organization, api: Api, log: Path) -> None:
    webhook_endpoints.create(acme, url="https://inbox.example.com/slow/60")
    for _ in range(HANGING):
        webhooks.publish(acme, "balance.low", {})
    hangs = Delivery.objects.filter(state="sending")
    assert wait_until(hangs.exists, seconds=60), log.read_text()

    made = api.post("/generations", BODY).json()

    settled = Generation.objects.filter(pk=made["id"], state=State.SUCCEEDED)
    assert wait_until(settled.exists, seconds=SETTLED_WITHIN_SECONDS), log.read_text()
    assert hangs.exists()
    assert not Delivery.objects.filter(state="succeeded").exists()
    assert money(acme) == (24_548_400, 0)

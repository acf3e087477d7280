"""Jobs and due webhooks outlive the process."""

from pathlib import Path

import httpx

from seedance_saas.simulators.config import SimulatorConfig
from seedance_saas.simulators.thread import SimulatorThread
from tests.simulators.conftest import TEXT, Receiver

KEY = {"X-API-Key": "k1"}


def test_a_job_ends_and_its_webhook_is_sent_after_a_restart(
    tmp_path: Path, receiver: Receiver
) -> None:
    body = {
        "model": TEXT,
        "input": {"prompt": "A red kite simulate: work 30"},
        "webhook_url": receiver.url,
    }
    with SimulatorThread(SimulatorConfig(tmp_path, clock=lambda: 1000.0)) as first:
        job_id = httpx.post(f"{first.url}/eachlabs/v1/prediction", json=body, headers=KEY).json()[
            "id"
        ]
        before = httpx.get(f"{first.url}/eachlabs/v1/prediction/{job_id}", headers=KEY).json()

    with SimulatorThread(SimulatorConfig(tmp_path, clock=lambda: 1031.0)) as second:
        after = httpx.get(f"{second.url}/eachlabs/v1/prediction/{job_id}", headers=KEY).json()
        (post,) = receiver.wait_for(1)

    assert (before["status"], after["status"]) == ("created", "success")
    assert after["input"] == body["input"]
    assert job_id.encode() in post.body


def test_the_limit_of_jobs_at_once_remembers_too(tmp_path: Path) -> None:
    body = {"model": TEXT, "input": {"prompt": "simulate: stuck"}}
    statuses = []
    for _ in range(2):
        with SimulatorThread(SimulatorConfig(tmp_path, concurrent_jobs=1)) as simulator:
            url = f"{simulator.url}/eachlabs/v1/prediction"
            statuses.append(httpx.post(url, json=body, headers=KEY).status_code)

    assert statuses == [200, 429]

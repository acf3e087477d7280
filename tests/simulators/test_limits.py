"""Creates a minute and jobs at once, per key."""

import httpx

from seedance_saas.simulators.thread import SimulatorThread
from tests.simulators.conftest import Create


def test_the_eleventh_running_job_of_a_key_is_refused(api: httpx.Client, create: Create) -> None:
    jobs = [create("simulate: work 60").json()["id"] for _ in range(10)]

    refused = create()

    assert refused.status_code == 429
    assert refused.headers["retry-after"] == "1"
    assert refused.json()["error"] == "too many requests"
    assert refused.json()["details"] == (
        "Account rate limited: accounts with a balance of $10.00 or less are limited to "
        "10 concurrent executions."
    )
    assert api.get("/v1/executions").json()["total_count"] == 10
    api.post(f"/v1/prediction/{jobs[0]}/cancel")
    assert create().status_code == 200


def test_another_key_has_its_own_limit(
    simulator: SimulatorThread, api: httpx.Client, create: Create
) -> None:
    simulator.config.concurrent_jobs = 1
    create("simulate: work 60")
    assert create().status_code == 429

    api.headers["X-API-Key"] = "k2"
    assert create().status_code == 200


def test_creates_a_minute_are_counted_and_the_wait_is_said(
    simulator: SimulatorThread, create: Create
) -> None:
    simulator.config.creates_per_minute = 3
    for now in (1000.0, 1020.0, 1040.0):
        simulator.config.clock = lambda now=now: now  # type: ignore[misc]
        assert create().status_code == 200

    refused = create()
    assert (refused.status_code, refused.headers["retry-after"]) == (429, "20")

    simulator.config.clock = lambda: 1060.0
    assert create().status_code == 200


def test_in_dialect_b_a_limit_says_its_status_as_a_number(
    simulator: SimulatorThread, create: Create
) -> None:
    simulator.config.dialect = "B"
    simulator.config.creates_per_minute = 0

    assert create().json() == {
        "status": 429,
        "error": "too many requests",
        "details": "Account rate limited: 0 creates per minute.",
    }

"""GET /v1/prediction/{id} in each dialect."""

from typing import Any

import httpx
import pytest

from seedance_saas.simulators.thread import SimulatorThread
from tests.simulators.conftest import Create


def read(api: httpx.Client, job_id: str) -> dict[str, Any]:
    response = api.get(f"/v1/prediction/{job_id}")
    assert response.status_code == 200
    body = response.json()
    assert isinstance(body, dict)
    return body


def test_success_in_dialect_b_is_as_documented(
    simulator: SimulatorThread, api: httpx.Client, create: Create
) -> None:
    simulator.config.dialect = "B"
    job_id = create("A red kite", duration="6", resolution="720p").json()["id"]

    address = f"{simulator.url}/eachlabs/v1/prediction/{job_id}"
    assert read(api, job_id) == {
        "id": job_id,
        "input": {"prompt": "A red kite", "duration": "6", "resolution": "720p"},
        "status": "success",
        "output": f"{simulator.url}/cdn/{job_id}.mp4",
        "logs": None,
        "metrics": {"predict_time": 0.0, "cost": 1.8144},
        "urls": {"cancel": f"{address}/cancel", "get": address},
    }


def test_success_in_dialect_a_is_as_documented(
    simulator: SimulatorThread, api: httpx.Client, create: Create
) -> None:
    simulator.config.dialect = "A"
    job_id = create().json()["id"]

    assert read(api, job_id) == {
        "status": "success",
        "predictionID": job_id,
        "output": f"{simulator.url}/cdn/{job_id}.mp4",
        "metrics": {"predict_time": 0.0},
    }


def test_by_default_a_success_has_the_names_of_both(api: httpx.Client, create: Create) -> None:
    body = read(api, create().json()["id"])

    assert body["id"] == body["predictionID"]
    assert set(body) == {
        "id", "predictionID", "input", "status", "output", "logs", "metrics", "urls",
    }  # fmt: skip


def test_a_failure_has_the_envelope_of_b_and_the_words_of_a(
    api: httpx.Client, create: Create
) -> None:
    body = read(api, create("simulate: fail invalid").json()["id"])

    assert body["status"] == "error"
    assert body["output"] == {
        "classification": {"category": "VALIDATION"},
        "error": "Execution failed",
        "error_code": "INPUT_VALIDATION_ERROR",
        "error_message": "The input does not fit the model.",
        "error_step": "generate",
        "execution_id": body["id"],
        "model_slug": "bytedance-seedance-2-0-text-to-video",
        "provider": "bytedance",
        "retryable": False,
        "status": "ERROR",
        "success": False,
    }
    assert (body["message"], body["details"]) == (
        "The input does not fit the model.",
        "INPUT_VALIDATION_ERROR",
    )
    assert body["metrics"]["cost"] == 0


def test_a_failure_in_dialect_a_says_message_and_details(
    simulator: SimulatorThread, api: httpx.Client, create: Create
) -> None:
    simulator.config.dialect = "A"
    job_id = create("simulate: fail timeout").json()["id"]

    assert read(api, job_id) == {
        "status": "error",
        "predictionID": job_id,
        "message": "The execution timed out.",
        "details": "EXECUTION_TIMEOUT",
    }


def test_the_status_follows_from_the_time_alone(
    simulator: SimulatorThread, api: httpx.Client, create: Create
) -> None:
    simulator.config.clock = lambda: 1_000_000.0
    job_id = create("simulate: work 100").json()["id"]

    seen = []
    for elapsed in (0, 4.9, 5, 12.4, 12.5, 99.9, 100, 5000):
        simulator.config.clock = lambda now=1_000_000 + elapsed: now  # type: ignore[misc]
        seen.append(read(api, job_id)["status"])

    assert seen == [
        "created", "created", "starting", "starting", "processing", "processing", "success",
        "success",
    ]  # fmt: skip
    assert read(api, job_id)["metrics"]["predict_time"] == 100.0


def test_dialect_a_knows_only_processing_before_the_end(
    simulator: SimulatorThread, api: httpx.Client, create: Create
) -> None:
    simulator.config.dialect = "A"
    job_id = create("simulate: work 100").json()["id"]

    assert read(api, job_id) == {"status": "processing", "predictionID": job_id}


@pytest.mark.parametrize(
    ("tier", "resolution", "seconds", "cost"),
    [
        ("", "480p", "10", "1.412"),
        ("", "720p", "15", "4.536"),
        ("-fast", "480p", "10", "1.129"),
        ("-fast", "720p", "6", "1.4514"),
    ],
)
def test_the_cost_is_exact_seconds_times_rate(
    api: httpx.Client, create: Create, tier: str, resolution: str, seconds: str, cost: str
) -> None:
    model = f"bytedance-seedance-2-0-text-to-video{tier}"
    job_id = create(model=model, resolution=resolution, duration=seconds).json()["id"]

    assert f'"cost":{cost}}}' in api.get(f"/v1/prediction/{job_id}").text


def test_auto_takes_the_same_length_for_the_same_prompt_and_seed(
    api: httpx.Client, create: Create
) -> None:
    def cost(prompt: str, **given: Any) -> Any:
        job_id = create(prompt, duration="auto", **given).json()["id"]
        return read(api, job_id)["metrics"]["cost"]

    assert cost("A red kite") == cost("A red kite")
    assert len({cost("A red kite", seed=str(seed)) for seed in range(20)}) > 5


def test_an_unknown_id_is_404(api: httpx.Client) -> None:
    response = api.get("/v1/prediction/nothing/")

    assert (response.status_code, response.json()["error"]) == (404, "Prediction not found")

"""What prompts can order, beyond webhooks, cancels and files, which have their own tests."""

import time
from typing import Any

import httpx
import pytest

from seedance_saas.simulators import commands
from seedance_saas.simulators.thread import SimulatorThread
from tests.simulators.conftest import Create


def test_the_reference_lists_every_command(api: httpx.Client) -> None:
    body = api.get("/simulate").json()

    assert [row["command"] for row in body["commands"]] == [row.name for row in commands.TABLE]
    assert body["commands"][0] == {
        "command": "fail content_policy",
        "prompt": "simulate: fail content_policy",
        "meaning": "Ends in error after the work: refused by moderation.",
    }


@pytest.mark.parametrize("row", commands.TABLE, ids=lambda row: row.name)
def test_every_command_is_understood_as_it_is_written(row: commands.Command) -> None:
    prompt = f"A kite. Simulate: {row.words}{' 7' if row.takes_number else ''}, please"

    assert commands.parse(prompt) == {row.words: 7 if row.takes_number else 0}


@pytest.mark.parametrize(
    ("prompt", "found"),
    [
        ("A kite", {}),
        ("simulate: rain", {}),
        ("simulate: seconds", {}),
        ("simulate: dropping", {}),
        ("simulate: work 3 simulate: fail provider", {"work": 3, "fail provider": 0}),
        ("simulate: work 9999", {"work": 3600}),
    ],
)
def test_only_whole_commands_count(prompt: str, found: dict[str, int]) -> None:
    assert commands.parse(prompt) == found


def test_a_caption_shows_the_prompt_without_its_orders() -> None:
    assert commands.without("A kite. simulate: work 3") == "A kite"
    assert commands.without("simulate: stuck") == "simulate: stuck"


@pytest.mark.parametrize(
    ("command", "code", "retryable", "classification"),
    [
        ("fail content_policy", "PROVIDER_REJECTED", False, "content_moderation"),
        ("fail provider", "PROVIDER_FAILED", True, "provider_error"),
        ("fail invalid", "INPUT_VALIDATION_ERROR", False, "invalid_user_input"),
        ("fail download", "INPUT_DOWNLOAD_ERROR", False, "invalid_user_input"),
        ("fail timeout", "EXECUTION_TIMEOUT", True, "execution_timeout"),
    ],
)
def test_a_failure_costs_nothing_and_says_its_code(
    api: httpx.Client,
    create: Create,
    command: str,
    code: str,
    retryable: bool,
    classification: str,
) -> None:
    job_id = create(f"A kite, simulate: {command}").json()["id"]

    body = api.get(f"/v1/prediction/{job_id}").json()
    assert body["status"] == "error"
    assert (body["output"]["error_code"], body["output"]["retryable"]) == (code, retryable)
    assert body["metrics"]["cost"] == 0
    listed = api.get("/v1/executions", params={"error_classification": classification}).json()
    assert [row["id"] for row in listed["executions"]] == [job_id]


@pytest.mark.parametrize(
    ("command", "status", "message"),
    [
        ("refuse", 400, "Invalid input for model"),
        ("http 400", 400, "Invalid input for model"),
        ("http 401", 401, "Invalid or missing API key"),
        ("http 402", 402, "payment required"),
        ("http 404", 404, "Model not found"),
        ("http 429", 429, "too many requests"),
        ("http 500", 500, "Failed to create prediction"),
        ("http 503", 503, "Simulated"),
    ],
)
def test_a_refused_create_starts_nothing(
    api: httpx.Client, create: Create, command: str, status: int, message: str
) -> None:
    response = create(f"simulate: {command}")

    assert (response.status_code, response.json()["error"]) == (status, message)
    assert response.headers.get("retry-after") == ("1" if status == 429 else None)
    assert api.get("/v1/executions").json()["total_count"] == 0


@pytest.mark.parametrize(("command", "started"), [("drop", 1), ("drop before", 0)])
def test_a_dropped_connection_hides_whether_the_job_started(
    api: httpx.Client, create: Create, command: str, started: int
) -> None:
    with pytest.raises(httpx.RemoteProtocolError):
        create(f"simulate: {command}")

    assert api.get("/v1/executions").json()["total_count"] == started


def test_a_slow_answer_comes_after_the_job_ended(api: httpx.Client, create: Create) -> None:
    started = time.monotonic()

    job_id = create("simulate: slow answer 1").json()["id"]

    assert time.monotonic() - started >= 1.0
    assert api.get(f"/v1/prediction/{job_id}").json()["metrics"]["predict_time"] == 0.0


def test_an_unknown_status_is_shown_until_the_work_is_done(
    simulator: SimulatorThread, api: httpx.Client, create: Create
) -> None:
    simulator.config.clock = lambda: 1000.0
    job_id = create("simulate: unknown status").json()["id"]
    assert api.get(f"/v1/prediction/{job_id}").json()["status"] == "warming_up"

    simulator.config.clock = lambda: 1003.0
    assert api.get(f"/v1/prediction/{job_id}").json()["status"] == "success"


def test_stuck_work_never_ends(
    simulator: SimulatorThread, api: httpx.Client, create: Create
) -> None:
    job_id = create("simulate: stuck").json()["id"]

    simulator.config.clock = lambda: time.time() + 1e6
    assert api.get(f"/v1/prediction/{job_id}").json()["status"] == "processing"


def test_a_lost_job_is_found_nowhere(api: httpx.Client, create: Create) -> None:
    job_id = create("simulate: lost").json()["id"]

    assert api.get(f"/v1/prediction/{job_id}").status_code == 404
    assert api.post(f"/v1/prediction/{job_id}/cancel").status_code == 404
    assert api.get("/v1/executions").json()["executions"] == []


@pytest.mark.parametrize(("given", "cost"), [({"duration": "auto"}, 1.8144), ({}, 1.8144)])
def test_seconds_decides_the_length_whatever_was_asked(
    api: httpx.Client, create: Create, given: dict[str, Any], cost: float
) -> None:
    job_id = create("simulate: seconds 6", resolution="720p", **given).json()["id"]

    assert api.get(f"/v1/prediction/{job_id}").json()["metrics"]["cost"] == cost

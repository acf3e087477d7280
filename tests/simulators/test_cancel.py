"""POST /v1/prediction/{id}/cancel."""

import time

import httpx

from seedance_saas.simulators.thread import SimulatorThread
from tests.simulators.conftest import Create, Receiver


def test_running_work_can_be_canceled_once(api: httpx.Client, create: Create) -> None:
    job_id = create("simulate: work 60").json()["id"]

    response = api.post(f"/v1/prediction/{job_id}/cancel")
    again = api.post(f"/v1/prediction/{job_id}/cancel")

    assert (response.status_code, response.json()) == (
        200,
        {
            "status": "cancelled",
            "message": "Prediction canceled successfully",
            "predictionID": job_id,
        },
    )
    assert (again.status_code, again.json()["error"]) == (400, "prediction already finished")
    body = api.get(f"/v1/prediction/{job_id}").json()
    assert (body["status"], body["output"], body["metrics"]["cost"]) == ("cancelled", None, 0)


def test_finished_work_cannot_be_canceled(api: httpx.Client, create: Create) -> None:
    job_id = create().json()["id"]

    response = api.post(f"/v1/prediction/{job_id}/cancel")

    assert (response.status_code, response.json()["error"]) == (400, "prediction already finished")
    assert api.get(f"/v1/prediction/{job_id}").json()["status"] == "success"


def test_uncancelable_work_goes_on(api: httpx.Client, create: Create) -> None:
    job_id = create("simulate: work 60 simulate: uncancelable").json()["id"]

    response = api.post(f"/v1/prediction/{job_id}/cancel")

    assert response.status_code == 400
    assert api.get(f"/v1/prediction/{job_id}").json()["status"] == "created"


def test_stuck_work_can_be_canceled(api: httpx.Client, create: Create) -> None:
    job_id = create("simulate: stuck").json()["id"]

    assert api.post(f"/v1/prediction/{job_id}/cancel").status_code == 200


def test_a_cancel_sends_no_webhook(
    simulator: SimulatorThread, api: httpx.Client, create: Create, receiver: Receiver
) -> None:
    canceled = create("simulate: work 60", webhook_url=receiver.url).json()["id"]
    api.post(f"/v1/prediction/{canceled}/cancel")

    simulator.config.clock = lambda: time.time() + 61
    finished = create(webhook_url=receiver.url).json()["id"]

    assert [finished.encode() in post.body for post in receiver.wait_for(1)] == [True]


def test_an_unknown_id_is_404(api: httpx.Client) -> None:
    response = api.post("/v1/prediction/nothing/cancel")

    assert (response.status_code, response.json()["error"]) == (404, "Prediction not found")

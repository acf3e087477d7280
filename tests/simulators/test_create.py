"""POST /v1/prediction: what it accepts, what it answers, what it refuses."""

from typing import Any

import httpx
import pytest

from seedance_saas.simulators.thread import SimulatorThread
from tests.simulators.conftest import IMAGE, REFERENCE, TEXT, Create

PICTURE = "https://your-cdn.example.com/lion.jpg"


@pytest.mark.parametrize("path", ["/v1/prediction", "/v1/prediction/"])
@pytest.mark.parametrize("headers", [{"X-API-Key": "k1"}, {"Authorization": "Bearer k1"}])
def test_either_path_and_either_key_header_creates(
    simulator: SimulatorThread, path: str, headers: dict[str, str]
) -> None:
    body = {"model": f"{TEXT}-fast", "input": {"prompt": "A red kite"}}

    response = httpx.post(f"{simulator.url}/eachlabs{path}", json=body, headers=headers)

    assert response.status_code == 200
    answer = response.json()
    assert answer == {
        "status": "success",
        "message": "Prediction created successfully",
        "predictionID": answer["id"],
        "id": answer["id"],
    }


@pytest.mark.parametrize(
    "headers", [{}, {"X-API-Key": ""}, {"X-API-Key": "bad-key"}, {"Authorization": "Bearer bad"}]
)
def test_no_key_or_a_bad_one_is_401(simulator: SimulatorThread, headers: dict[str, str]) -> None:
    response = httpx.post(f"{simulator.url}/eachlabs/v1/prediction", json={}, headers=headers)

    assert response.status_code == 401
    assert response.json() == {
        "status": "error",
        "error": "Invalid or missing API key",
        "message": "Invalid or missing API key",
        "details": None,
    }


@pytest.mark.parametrize(
    ("_case", "body", "status", "message"),
    [
        ("no model", {"input": {"prompt": "x"}}, 400, "model field is required"),
        ("unknown model", {"model": "veo", "input": {"prompt": "x"}}, 404, "Model not found"),
        ("no input", {"model": TEXT}, 400, "Invalid input for model"),
        ("not an object", [], 400, "Invalid request body"),
        ("webhook", {"model": TEXT, "input": {"prompt": "x"}, "webhook_url": "ftp://x"}, 400,
         "Invalid request body"),
    ],
)  # fmt: skip
def test_a_wrong_envelope_is_refused(
    api: httpx.Client, _case: str, body: Any, status: int, message: str
) -> None:
    response = api.post("/v1/prediction", json=body)

    assert (response.status_code, response.json()["error"]) == (status, message)


@pytest.mark.parametrize(
    ("model", "given", "details"),
    [
        (TEXT, {"prompt": ""}, "prompt: is required"),
        (TEXT, {"resolution": "1080p"}, "resolution: must be one of 480p, 720p"),
        (TEXT, {"duration": "16"}, None),
        (TEXT, {"duration": 3}, None),
        (TEXT, {"duration": 4.5}, None),
        (TEXT, {"aspect_ratio": "2:1"}, None),
        (TEXT, {"generate_audio": "yes"}, "generate_audio: must be a boolean"),
        (TEXT, {"seed": [1]}, "seed: must be a string"),
        (IMAGE, {}, "image_url: is required"),
        (REFERENCE, {"image_urls": [PICTURE] * 10}, "image_urls: at most 9 files"),
        (
            REFERENCE,
            {"image_urls": [PICTURE] * 9, "video_urls": [PICTURE] * 3, "audio_urls": [PICTURE]},
            "at most 12 files in all",
        ),
        (
            REFERENCE,
            {"audio_urls": [PICTURE]},
            "audio_urls: at least one reference image or video is required",
        ),
    ],
)
def test_an_input_outside_the_schema_is_refused_and_creates_nothing(
    api: httpx.Client, create: Create, model: str, given: dict[str, Any], details: str | None
) -> None:
    response = create(model=model, **given)

    assert response.status_code == 400
    assert response.json()["error"] == "Invalid input for model"
    if details:
        assert response.json()["details"] == details
    assert api.get("/v1/executions").json()["total_count"] == 0


@pytest.mark.parametrize(
    "url",
    [
        "data:image/png;base64,iVBORw0KGgo=",
        "http://your-cdn.example.com/lion.jpg",
        "https://localhost/lion.jpg",
        "https://127.0.0.1/lion.jpg",
        "https://[::1]/lion.jpg",
        "https://10.0.0.8/lion.jpg",
        "https://169.254.169.254/latest",
        "https://printer.local/lion.jpg",
        "https://intranet/lion.jpg",
        "lion.jpg",
        "https://[",
        7,
    ],
)
def test_data_uris_and_addresses_that_are_not_public_are_refused(create: Create, url: Any) -> None:
    response = create(model=IMAGE, image_url=url)

    assert response.status_code == 400
    assert response.json()["details"] == (
        "image_url: must be a publicly reachable HTTPS URL; data URIs and localhost are rejected"
    )


@pytest.mark.parametrize(
    ("model", "given"),
    [
        (TEXT, {"duration": "auto"}),
        (TEXT, {"duration": 15}),
        (TEXT, {"seed": 42}),
        (TEXT, {"seed": "42", "unknown": 1, "x_url": 3}),
        (IMAGE, {"image_url": PICTURE, "end_image_url": "https://8.8.8.8/end.png"}),
        (REFERENCE, {}),
        (REFERENCE, {"image_urls": [PICTURE], "audio_urls": PICTURE, "video_urls": []}),
    ],
)
def test_what_the_pages_allow_is_accepted(
    create: Create, model: str, given: dict[str, Any]
) -> None:
    assert create(model=model, **given).status_code == 200


def test_1080p_opens_by_configuration_for_the_standard_models_only(
    simulator: SimulatorThread, create: Create
) -> None:
    simulator.config.open_1080p = True

    assert create(resolution="1080p").status_code == 200
    assert create(model=f"{TEXT}-fast", resolution="1080p").status_code == 400


def test_an_empty_webhook_url_means_none(api: httpx.Client, create: Create) -> None:
    job_id = create(webhook_url="").json()["id"]

    execution = api.get("/v1/executions").json()["executions"][0]
    assert (execution["id"], execution["webhook_url"]) == (job_id, None)


def test_the_request_id_is_echoed_or_made(api: httpx.Client) -> None:
    assert api.get("/v1/models", headers={"X-Request-Id": "r-7"}).headers["x-request-id"] == "r-7"
    made = [api.get("/v1/nothing").headers["x-request-id"] for _ in range(2)]
    assert len(set(made)) == 2
    assert len(made[0]) == 36

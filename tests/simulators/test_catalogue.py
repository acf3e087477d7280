"""Models and balance."""

import time

import httpx
import pytest

from seedance_saas.simulators.thread import SimulatorThread
from tests.simulators.conftest import IMAGE, TEXT, Create


def test_a_model_shows_its_schema_in_both_ways_and_without_a_key(
    simulator: SimulatorThread,
) -> None:
    base = f"{simulator.url}/eachlabs"

    body = httpx.get(f"{base}/v1/models/{IMAGE}").json()

    assert httpx.get(f"{base}/v1/model", params={"slug": IMAGE}).json() == body
    assert (body["slug"], body["version"], body["output_type"]) == (IMAGE, "0.0.1", "video")
    assert body["cost"] == "720p resolution: $0.3024 per second based on output duration."
    assert body["request_schema"]["required"] == ["prompt", "image_url"]
    assert body["request_schema"]["properties"]["resolution"]["enum"] == ["480p", "720p"]
    assert body["request_schema"]["properties"]["duration"]["enum"][:3] == ["auto", "4", "5"]


def test_the_schema_offers_1080p_when_it_is_open(
    simulator: SimulatorThread, api: httpx.Client
) -> None:
    simulator.config.open_1080p = True

    def offered(slug: str) -> list[str]:
        schema = api.get(f"/v1/models/{slug}").json()["request_schema"]
        return list(schema["properties"]["resolution"]["enum"])

    assert offered(TEXT) == ["480p", "720p", "1080p"]
    assert offered(f"{TEXT}-fast") == ["480p", "720p"]


def test_the_list_has_the_six_models_and_filters_by_name(api: httpx.Client) -> None:
    slugs = [model["slug"] for model in api.get("/v1/models").json()]

    assert sorted(slugs) == sorted(
        f"bytedance-seedance-2-0-{task}-to-video{tier}"
        for task in ("text", "image", "reference")
        for tier in ("", "-fast")
    )
    assert len(api.get("/v1/models", params={"name": "FAST", "limit": 2}).json()) == 2


@pytest.mark.parametrize(
    ("path", "status", "message"),
    [
        ("/v1/model", 400, "slug parameter is required"),
        ("/v1/model?slug=veo", 404, "Failed to fetch model: model not found"),
        ("/v1/models/veo", 404, "Failed to fetch model: model not found"),
    ],
)
def test_an_unknown_model_is_an_error(
    api: httpx.Client, path: str, status: int, message: str
) -> None:
    response = api.get(path)

    assert (response.status_code, response.json()["error"]) == (status, message)


def test_the_balance_falls_by_what_succeeded(api: httpx.Client, create: Create) -> None:
    create(duration="6", resolution="720p")
    create("simulate: fail provider")
    create("simulate: work 60")

    assert api.get("/v1/billing/balance").text == "998.1856"


def test_the_balance_is_read_three_times_a_second_at_most(
    simulator: SimulatorThread, api: httpx.Client
) -> None:
    now = time.time()
    simulator.config.clock = lambda: now
    api.headers["X-API-Key"] = "one that nobody else uses"

    answers = [api.get("/v1/billing/balance") for _ in range(4)]

    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    assert answers[3].headers["retry-after"] == "1"

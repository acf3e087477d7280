"""What is on sale, what each model accepts, and what it costs."""

import pytest

from tests.generations.steps import refused
from tests.world import Api


def test_six_models_are_on_sale_at_their_rates(api: Api) -> None:
    body = api.get("/models").json()

    assert body["next_cursor"] is None
    assert {
        row["id"]: [(rate["resolution"], rate["rate_usd_per_second"]) for rate in row["rates"]]
        for row in body["data"]
    } == {
        f"seedance-2.0-{tier}{family}-to-video": rates
        for tier, rates in {
            "": [("480p", "0.1412"), ("720p", "0.3024")],
            "fast-": [("480p", "0.1129"), ("720p", "0.2419")],
        }.items()
        for family in ("text", "image", "reference")
    }


def test_a_model_tells_what_it_accepts(api: Api) -> None:
    model = api.get("/models/seedance-2.0-fast-reference-to-video").json()

    url = {"type": "string", "format": "uri"}
    ratios = ["auto", "21:9", "16:9", "4:3", "1:1", "3:4", "9:16"]
    durations = ["auto", *range(4, 16)]
    assert model["object"] == "model"
    assert model["typical_seconds"] == 150
    assert model["options"] == {
        "resolution": ["480p", "720p"],
        "duration": durations,
        "aspect_ratio": ratios,
    }
    assert model["input_schema"] == {
        "type": "object",
        "properties": {
            "prompt": {"type": "string", "maxLength": 10_000},
            "resolution": {"enum": ["480p", "720p"], "default": "720p"},
            "duration": {"enum": durations, "default": "auto"},
            "aspect_ratio": {"enum": ratios, "default": "auto"},
            "generate_audio": {"type": "boolean", "default": True},
            "seed": {"type": "integer", "minimum": 0, "maximum": 2_147_483_647},
            "image_urls": {"type": "array", "items": url, "maxItems": 9},
            "video_urls": {"type": "array", "items": url, "maxItems": 3},
            "audio_urls": {"type": "array", "items": url, "maxItems": 3},
        },
        "required": ["prompt"],
        "additionalProperties": False,
    }


def test_image_to_video_requires_its_image(api: Api) -> None:
    schema = api.get("/models/seedance-2.0-image-to-video").json()["input_schema"]

    assert schema["required"] == ["prompt", "image_url"]
    assert {"image_url", "end_image_url"} <= set(schema["properties"])


@pytest.mark.parametrize("slash", ["", "/"])
def test_every_alias_leads_to_its_model(api: Api, slash: str) -> None:
    for row in api.get("/models").json()["data"]:
        for name in [row["id"], *row["aliases"]]:
            assert api.get(f"/models/{name}{slash}").json() == row


def test_an_unknown_model_is_not_found(api: Api) -> None:
    refused(api.get("/models/sora"), 404, "not_found", None)


def test_a_key_is_needed(api: Api) -> None:
    api.headers = {}

    refused(api.get("/models"), 401, "unauthenticated", None)

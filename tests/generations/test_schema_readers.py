"""What fal and Oxen say of a model is read as they document it, and nothing else is learned."""

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from generations import offers
from generations.providers.base import ProviderUnavailable
from generations.providers.fal_schemas import FalSchemas
from generations.providers.oxen_schemas import OxenSchemas

FAL_NAME = "bytedance/seedance-2.0/text-to-video"
OXEN_NAME = "bytedance-seedance-2-0-text-to-video"
SECONDS = ["auto", *map(str, range(4, 16))]
Answer = Callable[[httpx.Request], httpx.Response]


def fal_document(resolutions: list[str], path: str = f"/{FAL_NAME}") -> dict[str, Any]:
    """The shape of fal's documents: one POST, its results beside it, its input by reference."""
    reference = {"$ref": "#/components/schemas/TextToVideoInput"}
    return {
        "openapi": "3.0.4",
        "components": {
            "schemas": {
                "QueueStatus": {"properties": {"status": {"enum": ["IN_QUEUE"]}}},
                "Resolution": {"type": "string", "enum": resolutions, "default": "720p"},
                "TextToVideoInput": {
                    "type": "object",
                    "required": ["prompt"],
                    "properties": {
                        "prompt": {"type": "string"},
                        "resolution": {"$ref": "#/components/schemas/Resolution"},
                        "duration": {"enum": SECONDS, "default": "auto"},
                        "seed": {"anyOf": [{"type": "integer"}, {"type": "null"}]},
                    },
                },
            }
        },
        "paths": {
            f"{path}/requests/{{request_id}}/status": {"get": {}},
            f"{path}/requests/{{request_id}}/cancel": {"put": {}},
            path: {
                "post": {"requestBody": {"content": {"application/json": {"schema": reference}}}}
            },
            f"{path}/requests/{{request_id}}": {"get": {}},
        },
    }


def oxen_model(name: str, resolutions: list[str]) -> dict[str, Any]:
    """An entry of Oxen's list of models; -1 is its word for auto."""
    duration = {"anyOf": [{"const": -1}, {"type": "integer", "minimum": 4, "maximum": 15}]}
    properties = {
        "prompt": {"type": "string"},
        "duration": duration,
        "resolution": {"type": "string", "enum": resolutions, "default": "720p"},
        "watermark": {"type": "boolean"},
    }
    return {
        "id": name,
        "object": "model",
        "endpoint": "/videos/generate",
        "pricing": {"method": "per_video_output_second", "cost_per_second": 0.3},
        "json_request_schema": {"type": "object", "properties": properties},
    }


def fal(answer: Answer) -> FalSchemas:
    return FalSchemas("https://fal.ai", "id:secret", transport=httpx.MockTransport(answer))


def oxen(answer: Answer) -> OxenSchemas:
    return OxenSchemas("https://hub.oxen.ai/api", "key", transport=httpx.MockTransport(answer))


def test_fals_document_is_asked_for_by_name_and_its_references_are_followed() -> None:
    asked: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return httpx.Response(200, json=fal_document(["480p", "720p", "1080p"]))

    read = fal(answer).schema(FAL_NAME)

    assert str(asked[0].url) == (
        "https://fal.ai/api/openapi/queue/openapi.json"
        "?endpoint_id=bytedance%2Fseedance-2.0%2Ftext-to-video"
    )
    assert asked[0].headers["Authorization"] == "Key id:secret"
    assert "$ref" not in str(read)
    assert offers.read(read) == offers.Options(
        ("480p", "720p", "1080p"),
        tuple(range(4, 16)),
        ("duration", "prompt", "resolution", "seed"),
    )


def test_a_fal_document_under_an_alias_is_read_all_the_same() -> None:
    document = fal_document(["720p"], path="/fal-ai/seedance-2/text-to-video")

    read = fal(lambda _: httpx.Response(200, json=document)).schema(FAL_NAME)

    assert offers.read(read).resolutions == ("720p",)


@pytest.mark.parametrize("name", ["request_schema", "json_request_schema"])
def test_oxens_model_is_asked_for_by_name_and_both_names_of_its_schema_are_known(
    name: str,
) -> None:
    asked: list[httpx.Request] = []
    model = oxen_model(OXEN_NAME, ["480p", "720p", "4k"])
    model[name] = model.pop("json_request_schema")
    if name == "json_request_schema":
        model["request_schema"] = None

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return httpx.Response(200, json=model)

    read = oxen(answer).schema(OXEN_NAME)

    assert str(asked[0].url) == f"https://hub.oxen.ai/api/ai/models/{OXEN_NAME}"
    assert asked[0].headers["Authorization"] == "Bearer key"
    assert offers.read(read).resolutions == ("480p", "720p", "4k")
    assert offers.read(read).seconds == tuple(range(4, 16))


@pytest.mark.parametrize("reader", [fal, oxen])
def test_a_model_that_is_not_known_has_an_empty_schema(reader: Any) -> None:
    unknown = {"error": {"message": "Model not found: x"}}

    assert reader(lambda _: httpx.Response(404, json=unknown)).schema("x") == {}


def _loop() -> dict[str, Any]:
    document = fal_document(["720p"])
    schemas = document["components"]["schemas"]
    schemas["Resolution"] = {"anyOf": [{"$ref": "#/components/schemas/Resolution"}]}
    return document


def _two_posts() -> dict[str, Any]:
    document = fal_document(["720p"])
    document["paths"]["/another"] = document["paths"][f"/{FAL_NAME}"]
    return document


@pytest.mark.parametrize(
    "said",
    [
        httpx.Response(401, json={"detail": "invalid key credentials"}),
        httpx.Response(500, text="oops"),
        httpx.Response(302, headers={"Location": "https://elsewhere.example"}),
        httpx.Response(200, text="<html>"),
        httpx.Response(200, json=[]),
        httpx.Response(200, json={}),
        httpx.Response(200, json={"paths": []}),
        httpx.Response(200, json={"paths": {"/x": {"post": {}}}}),
        httpx.Response(200, json={"request_schema": None}),
        httpx.Response(200, json={"request_schema": "text"}),
        httpx.Response(200, json=_loop()),
        httpx.Response(200, json=_two_posts()),
        httpx.Response(200, text='{"request_schema": ' + "[" * 20_000 + "]" * 20_000 + "}"),
        httpx.Response(200, text='{"request_schema": {"a": "' + "x" * 1_000_000 + '"}}'),
    ],
)
@pytest.mark.parametrize("reader", [fal, oxen])
def test_what_makes_no_sense_is_not_learned(reader: Any, said: httpx.Response) -> None:
    with pytest.raises(ProviderUnavailable, match=f"status {said.status_code} without a schema"):
        reader(lambda _: said).schema(FAL_NAME)


@pytest.mark.parametrize("reader", [fal, oxen])
def test_a_provider_that_is_down_is_unavailable(reader: Any) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("down")

    with pytest.raises(ProviderUnavailable, match="ConnectError"):
        reader(answer).schema(FAL_NAME)

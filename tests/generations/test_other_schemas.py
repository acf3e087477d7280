"""What fal and Oxen offer is read as they document it, kept and told, and changes nothing that we sell."""

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from accounts.models import Organization
from generations import catalog, catalog_sync, offers
from generations.models import ModelSchema
from generations.providers import registry
from generations.providers.base import ProviderUnavailable
from generations.providers.eachlabs import EachLabs
from generations.providers.fal_schemas import FalSchemas
from generations.providers.oxen_schemas import OxenSchemas
from tests.generations.steps import BODY, nothing_happened, refused
from tests.generations.test_catalog_sync import Vendor, schema
from tests.upstream import Upstream
from tests.world import Api

STANDARD, FAST = "seedance-2.0-text-to-video", "seedance-2.0-fast-text-to-video"
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


# -- beside what we sell ------------------------------------------------------------------------------


class Three:
    """The three providers of one night; what each lists can be changed."""

    def __init__(self) -> None:
        self.eachlabs = Vendor()
        self.fal: list[str] = ["480p", "720p"]
        self.oxen: list[str] | None = ["480p", "720p"]  # None: not known there

    def fal_says(self, request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, json=fal_document(self.fal))

    def oxen_says(self, request: httpx.Request) -> httpx.Response:
        name = request.url.path.rsplit("/", 1)[1]
        if self.oxen is None:
            return httpx.Response(404, json={"error": {"message": f"Model not found: {name}"}})
        return httpx.Response(200, json=oxen_model(name, self.oxen))


@pytest.fixture
def three(upstream: Upstream, monkeypatch: pytest.MonkeyPatch) -> Three:
    three = Three()
    sold = EachLabs("https://api.eachlabs.ai", "key", transport=httpx.MockTransport(three.eachlabs))
    readers = {"eachlabs": sold, "fal": fal(three.fal_says), "oxen": oxen(three.oxen_says)}
    monkeypatch.setattr(registry, "schema_readers", lambda: readers)
    return three


def synced(model: str = STANDARD) -> list[str]:
    found = [str(difference) for difference in catalog_sync.sync()]
    return [words for words in found if f" {model}: " in words]


def test_all_three_are_kept_version_by_version(three: Three, db: None) -> None:
    assert synced() == []
    assert ModelSchema.objects.count() == 18
    three.fal = ["480p", "720p", "1080p"]

    assert synced() == [f"fal {STANDARD}: 1080p listed"]
    assert synced() == []

    rows = ModelSchema.objects.filter(provider="fal", model=STANDARD)
    assert sorted(row.number for row in rows) == [1, 2]
    assert ModelSchema.objects.count() == 24


def test_what_others_open_is_told_and_not_sold(three: Three, api: Api, acme: Organization) -> None:
    synced()
    three.fal = ["480p", "720p", "1080p"]
    three.oxen = ["480p", "720p", "1080p", "4k"]

    assert synced() == [
        f"fal {STANDARD}: 1080p listed",
        f"oxen {STANDARD}: 1080p listed",
        f"oxen {STANDARD}: 4k listed",
    ]

    response = api.post("/generations", {**BODY, "model": STANDARD, "resolution": "1080p"})
    refused(response, 400, "invalid_request", "resolution")
    nothing_happened(acme)


def test_what_others_close_stays_on_sale(three: Three, api: Api) -> None:
    synced()
    three.fal, three.oxen = ["720p"], None

    assert synced(FAST) == [
        f"fal {FAST}: 480p not listed any more",
        f"oxen {FAST}: the provider does not know it any more",
    ]

    assert api.post("/generations", BODY).status_code == 201


def test_what_eachlabs_closes_is_closed_whatever_the_others_list(
    three: Three, api: Api, acme: Organization
) -> None:
    three.eachlabs.says[FAST] = schema(("720p",))
    synced()

    refused(api.post("/generations", BODY), 400, "invalid_request", "resolution")
    nothing_happened(acme)


def test_once_we_sell_through_a_provider_what_it_opens_is_sold(
    three: Three, db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(registry, "SOLD_THROUGH", ("eachlabs", "fal"))
    three.fal = ["480p", "720p", "1080p"]

    assert synced() == [f"fal {STANDARD}: 1080p opened"]

    assert offers.of(catalog.MODELS[0]).resolutions == ("480p", "720p", "1080p")


def test_one_that_is_down_stops_no_other(
    three: Three, db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    readers = {**registry.schema_readers(), "fal": fal(lambda _: httpx.Response(500))}
    monkeypatch.setattr(registry, "schema_readers", lambda: readers)

    differences = catalog_sync.sync()

    assert {(one.provider, one.is_trouble) for one in differences} == {("fal", True)}
    assert ModelSchema.objects.filter(provider="oxen").count() == 6


def test_json_that_the_database_does_not_take_stops_no_other_and_is_told(
    three: Three, db: None
) -> None:
    three.oxen = ["480p", "720p", "a\0b"]

    assert synced() == [f"oxen {STANDARD}: not learned, what was known stays: it cannot be kept"]

    assert ModelSchema.objects.filter(provider="fal").count() == 6
    assert not ModelSchema.objects.filter(provider="oxen").exists()


def test_only_those_whose_key_we_have_are_asked(settings: Any) -> None:
    assert set(registry.schema_readers()) == {"eachlabs"}
    settings.FAL_KEY = "id:secret"
    assert set(registry.schema_readers()) == {"eachlabs", "fal"}
    settings.OXEN_API_KEY = "key"
    assert set(registry.schema_readers()) == {"eachlabs", "fal", "oxen"}


def test_numbers_with_a_point_in_a_schema_are_kept(three: Three, db: None) -> None:
    three.eachlabs.says[STANDARD] = schema(strength={"type": "number", "maximum": 1.5})
    synced()

    kept = ModelSchema.objects.get(provider="eachlabs", model=STANDARD)
    assert kept.schema["properties"]["strength"]["maximum"] == 1.5


def test_only_the_two_names_that_no_document_shows_are_marked() -> None:
    assert [
        (model.slugs[provider], provider)
        for model in catalog.MODELS
        for provider in model.unverified
    ] == [
        ("bytedance-seedance-2-0-text-to-video", "eachlabs"),
        ("bytedance-seedance-2-0-reference-to-video-fast", "eachlabs"),
    ]

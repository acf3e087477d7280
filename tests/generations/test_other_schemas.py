"""What fal and Oxen offer is kept and told as EachLabs' is, and changes nothing that we sell."""

from typing import Any

import httpx
import pytest

from accounts.models import Organization
from generations import catalog, catalog_sync, offers
from generations.models import ModelSchema
from generations.providers import registry
from generations.providers.eachlabs import EachLabs
from tests.generations.steps import BODY, nothing_happened, refused
from tests.generations.test_catalog_sync import Vendor, schema
from tests.generations.test_schema_readers import fal, fal_document, oxen, oxen_model
from tests.upstream import Upstream
from tests.world import Api

STANDARD, FAST = "seedance-2.0-text-to-video", "seedance-2.0-fast-text-to-video"


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

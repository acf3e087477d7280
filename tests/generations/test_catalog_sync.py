"""What a provider's live schema opens is sold where it has a price, and what it closes is closed at once."""

import io
import logging
from typing import Any

import httpx
import pytest
from django.core.management import call_command

from accounts.models import Organization
from generations import catalog, catalog_sync, offers, tasks
from generations.models import ModelSchema
from generations.providers import registry
from generations.providers.eachlabs import EachLabs
from tests.generations.steps import BODY, nothing_happened, refused
from tests.upstream import Upstream
from tests.world import Api, money

STANDARD = "seedance-2.0-text-to-video"
FAST = "seedance-2.0-fast-text-to-video"
SECONDS = ["auto", *map(str, range(4, 16))]


class Vendor:
    """What GET /v1/model says, by our slugs; a number is a status."""

    def __init__(self) -> None:
        self.says: dict[str, Any] = {model.slug: schema() for model in catalog.MODELS}

    def __call__(self, request: httpx.Request) -> httpx.Response:
        assert request.url.path == "/v1/model"
        model = catalog.find(request.url.params["slug"])
        assert model is not None
        assert request.url.params["slug"] == model.slugs["eachlabs"]
        said = self.says[model.slug]
        if isinstance(said, int):
            return httpx.Response(said, json={"error": "Failed to fetch model: model not found"})
        return httpx.Response(200, json={"slug": model.slug, "request_schema": said})


def schema(
    resolutions: Any = ("480p", "720p"), seconds: Any = SECONDS, **more: Any
) -> dict[str, Any]:
    properties = {
        "prompt": {"type": "string"},
        "resolution": {"enum": list(resolutions)},
        "duration": {"enum": seconds} if isinstance(seconds, list) else seconds,
    }
    return {"type": "object", "properties": properties | more}


@pytest.fixture
def vendor(upstream: Upstream, monkeypatch: pytest.MonkeyPatch) -> Vendor:
    vendor = Vendor()
    provider = EachLabs("https://api.eachlabs.ai", "key", transport=httpx.MockTransport(vendor))
    monkeypatch.setattr(registry, "get", lambda name: provider)
    return vendor


def synced() -> list[str]:
    return [str(difference) for difference in catalog_sync.sync()]


def test_before_anything_was_read_the_documents_hold(db: None) -> None:
    for model in catalog.MODELS:
        assert offers.of(model) == offers.Offer(("480p", "720p"), tuple(range(4, 16)))


def test_a_schema_as_documented_changes_nothing_and_is_kept_once(vendor: Vendor, db: None) -> None:
    assert synced() == []
    assert synced() == []

    assert ModelSchema.objects.count() == 6
    assert {row.number for row in ModelSchema.objects.all()} == {1}


def test_1080p_is_sold_once_the_schema_lists_it(
    vendor: Vendor, api: Api, acme: Organization
) -> None:
    body = {**BODY, "model": STANDARD, "resolution": "1080p"}
    refused(api.post("/generations", body), 400, "invalid_request", "resolution")
    vendor.says[STANDARD] = schema(("480p", "720p", "1080p"))

    assert synced() == [f"eachlabs {STANDARD}: 1080p opened"]

    made = api.post("/generations", body)
    assert made.status_code == 201
    assert made.json()["price"]["held_usd"] == "2.7400"
    assert money(acme) == (25_000_000 - 2_740_000, 2_740_000)
    shown = api.get(f"/models/{STANDARD}").json()
    assert shown["options"]["resolution"] == ["480p", "720p", "1080p"]
    assert [row["rate_usd_per_second"] for row in shown["rates"]] == ["0.1412", "0.3024", "0.6850"]


@pytest.mark.parametrize(
    ("model", "resolution"), [(FAST, "1080p"), (STANDARD, "4k"), (STANDARD, "8k")]
)
def test_what_has_no_price_is_not_sold(
    vendor: Vendor, api: Api, acme: Organization, model: str, resolution: str
) -> None:
    vendor.says[model] = schema(("480p", "720p", resolution))

    assert synced() == [f"eachlabs {model}: {resolution} is listed, and has no price: not sold"]

    response = api.post("/generations", {**BODY, "model": model, "resolution": resolution})
    error = refused(response, 400, "invalid_request", "resolution")
    assert error["details"]["allowed"] == ["480p", "720p"]
    nothing_happened(acme)


def test_what_disappears_is_closed_at_once(vendor: Vendor, api: Api, acme: Organization) -> None:
    synced()
    vendor.says[FAST] = schema(("720p",), ["auto", "4", "5"])

    assert synced() == [
        f"eachlabs {FAST}: 480p closed",
        f"eachlabs {FAST}: durations closed: 6, 7, 8, 9, 10, 11, 12, 13, 14, 15 s",
    ]

    refused(api.post("/generations", BODY), 400, "invalid_request", "resolution")
    refused(
        api.post("/generations", {**BODY, "resolution": "720p", "duration": 6}),
        400,
        "invalid_request",
        "duration",
    )
    nothing_happened(acme)
    made = api.post("/generations", {**BODY, "resolution": "720p", "duration": "auto"})
    assert made.json()["price"]["max_seconds"] == 5


def test_a_model_that_the_provider_does_not_know_is_closed(
    vendor: Vendor, api: Api, acme: Organization
) -> None:
    vendor.says[FAST] = 404

    assert synced() == [f"eachlabs {FAST}: the provider does not know it any more; closed"]

    refused(api.post("/generations", BODY), 400, "invalid_request", "model")
    nothing_happened(acme)
    assert api.get(f"/models/{FAST}").json()["options"]["resolution"] == []
    vendor.says[FAST] = schema()
    synced()
    assert api.post("/generations", BODY).status_code == 201


def test_longer_videos_are_sold_and_auto_holds_the_longest(vendor: Vendor, api: Api) -> None:
    vendor.says[FAST] = schema(seconds={"minimum": 4, "maximum": 20})

    assert synced() == [f"eachlabs {FAST}: durations opened: 16, 17, 18, 19, 20 s"]

    made = api.post("/generations", {**BODY, "duration": 20}).json()
    assert made["price"]["held_usd"] == "2.2580"
    made = api.post("/generations", {**BODY, "duration": "auto"}).json()
    assert (made["price"]["max_seconds"], made["price"]["held_usd"]) == (20, "2.2580")


@pytest.mark.parametrize(
    "said",
    [
        500,
        403,
        {},
        {"properties": {}},
        schema(resolutions=[1, 2]),
        schema(seconds=[]),
        schema(seconds={}),
    ],
)
def test_what_cannot_be_read_leaves_things_as_they_were(
    vendor: Vendor, api: Api, caplog: pytest.LogCaptureFixture, said: Any
) -> None:
    vendor.says[STANDARD] = schema(("480p", "720p", "1080p"))
    synced()
    vendor.says[STANDARD] = said

    with caplog.at_level(logging.ERROR):
        (difference,) = catalog_sync.sync()

    assert difference.is_trouble
    assert "what was known stays" in caplog.text
    assert offers.of(catalog.MODELS[0]).resolutions == ("480p", "720p", "1080p")
    assert ModelSchema.objects.filter(model=STANDARD).count() == 1


def test_every_version_stays_and_the_newest_holds(vendor: Vendor, db: None) -> None:
    for resolutions in (("480p", "720p"), ("720p",), ("480p", "720p")):
        vendor.says[FAST] = schema(resolutions)
        synced()

    rows = ModelSchema.objects.filter(model=FAST).order_by("number")
    listed = [row.schema["properties"]["resolution"]["enum"] for row in rows]
    assert listed == [["480p", "720p"], ["720p"], ["480p", "720p"]]
    assert offers.of(catalog.MODELS[3]).resolutions == ("480p", "720p")


def test_a_new_field_is_told(vendor: Vendor, db: None) -> None:
    synced()
    vendor.says[FAST] = schema(camera_fixed={"type": "boolean"})

    assert synced() == [f"eachlabs {FAST}: new field camera_fixed"]


def test_the_nightly_task_and_the_command_do_the_same(vendor: Vendor, db: None) -> None:
    vendor.says[STANDARD] = schema(("480p", "720p", "1080p"))
    tasks.sync_catalog()
    said = io.StringIO()

    call_command("sync_catalog", stdout=said)

    lines = said.getvalue().splitlines()
    assert lines[0] == "Nothing differs."
    assert len(lines) == 1 + 13
    (shown,) = [line.split() for line in lines if "1080p" in line]
    assert shown[:3] == [STANDARD, "1080p", "4..15"]
    assert "$0.6850" in shown
    assert "bytedance/seedance-2.0/text-to-video," in shown
    assert "(unverified)," in shown


def test_the_create_page_offers_what_is_sold(
    vendor: Vendor, acme: Organization, member_of: Any, page_for: Any
) -> None:
    vendor.says[STANDARD] = schema(("480p", "720p", "1080p"), ["4", "5", "20"])
    synced()

    page = page_for(member_of(acme)).get(f"/create?model={STANDARD}").content.decode()

    assert 'value="1080p"' in page
    assert 'value="20"' in page
    assert 'value="6"' not in page


def test_the_names_of_the_three_providers_are_those_of_their_documents() -> None:
    assert catalog.MODELS[5].slugs == {
        "eachlabs": "bytedance-seedance-2-0-reference-to-video-fast",
        "fal": "bytedance/seedance-2.0/fast/reference-to-video",
        "oxen": "bytedance-seedance-2-0-fast-reference-to-video",
    }

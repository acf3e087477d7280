"""The pages about the models say what is sold now, to everybody, and what they show runs as pasted."""

import json
import re
import shlex
from collections.abc import Callable, Iterator
from html import unescape
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import Organization
from generations import catalog, limits, model_pages, offers, rate_cards, requests
from generations.models import ModelSchema
from generations.prober.images import look
from tests.generations.test_catalog_sync import schema
from tests.world import Api

STANDARD = "seedance-2.0-text-to-video"
FAST_IMAGE = "seedance-2.0-fast-image-to-video"
REFERENCE = "seedance-2.0-reference-to-video"


def text(path: str) -> str:
    """What a person reads, without being signed in."""
    page = Client().get(path)
    assert page.status_code == 200
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", page.content.decode())).split())


@pytest.fixture
def lists(db: None) -> Iterator[Callable[[str, dict[str, Any]], None]]:
    """Let the provider's live schema of a model say something from now on."""

    def say(model: str, said: dict[str, Any]) -> None:
        now = timezone.now()
        ModelSchema.objects.create(
            provider="eachlabs", model=model, number=1, schema=said, read_at=now, confirmed_at=now
        )
        offers.forget_cached()

    yield say
    offers.forget_cached()


def test_the_list_has_every_model_with_its_prices(db: None) -> None:
    page = text("/docs/models")

    for model in catalog.MODELS:
        assert f"{model.title} {model.slug}" in page
    assert page.count("480p $0.1412 720p $0.3024") == 3
    assert page.count("480p $0.1129 720p $0.2419") == 3


@pytest.mark.parametrize("model", catalog.MODELS, ids=lambda model: model.slug)
def test_every_model_has_a_page_that_says_what_the_api_says(
    acme: Organization, api_for: Callable[[Organization], Api], model: catalog.Model
) -> None:
    page = text(f"/docs/models/{model.slug}")
    said = api_for(acme).get(f"/models/{model.slug}").json()

    for name in said["input_schema"]["properties"]:
        assert f" {name} " in page
    for rate in said["rates"]:
        assert f"${rate['rate_usd_per_second']}" in page
    for alias in model.aliases:
        assert alias in page
    assert "4 to 15 s, or auto" in page


def test_prices_are_those_of_the_list_with_the_shortest_and_the_longest(db: None) -> None:
    page = text(f"/docs/models/{STANDARD}")

    assert "480p 4 to 15 s, or auto $0.1412 $0.56 48 4 s $2.11 80 15 s" in page
    assert "720p default 4 to 15 s, or auto $0.3024 $1.20 96 4 s $4.53 60 15 s" in page
    assert "1080p" not in page


def test_every_limit_on_files_stands_there_by_its_name_and_number(db: None) -> None:
    page = text(f"/docs/models/{REFERENCE}")

    for name in limits.LIMITS:
        assert f" {name} " in page
    for words in (
        "images_max 9",
        "files_max 12",
        "image_bytes_max 30 MB (30,000,000 bytes)",
        "video_pixels_min 409,600",
        "video_pixels_max 927,408",
        "videos_milliseconds_min 2 s",
        "audios_milliseconds_max 15 s",
    ):
        assert words in page


def test_a_page_names_only_the_limits_on_what_its_model_takes(db: None) -> None:
    image = text(f"/docs/models/{FAST_IMAGE}")

    assert "image_bytes_max" in image
    assert "video" not in [limit.name[:5] for limit in model_pages.limits_of(catalog.MODELS[4])]
    assert "audio_bytes_max" not in image
    assert "Files and their limits" not in text(f"/docs/models/{STANDARD}")


def test_what_the_provider_opens_is_on_the_page_at_once(
    lists: Callable[[str, dict[str, Any]], None],
) -> None:
    lists(STANDARD, schema(("480p", "720p", "1080p"), {"minimum": 4, "maximum": 20}))

    page = text(f"/docs/models/{STANDARD}")

    assert "1080p 4 to 20 s, or auto $0.6850" in page
    assert "auto, 4 to 20" in page


def test_a_closed_model_says_so_and_shows_no_request(
    lists: Callable[[str, dict[str, Any]], None],
) -> None:
    lists(STANDARD, {})

    page = text(f"/docs/models/{STANDARD}")

    assert "This model is not offered now" in page
    assert "curl" not in page
    assert "not offered now" in text("/docs/models")


def test_durations_with_gaps_are_listed_one_by_one(
    lists: Callable[[str, dict[str, Any]], None],
) -> None:
    lists(STANDARD, schema(seconds=["auto", "4", "5", "10"]))

    assert "auto, 4, 5, 10" in text(f"/docs/models/{STANDARD}")


@pytest.mark.parametrize("model", catalog.MODELS, ids=lambda model: model.slug)
def test_the_request_is_one_that_the_api_reads(db: None, model: catalog.Model) -> None:
    lines = model_pages.sample(model)

    words = shlex.split(lines.replace("\\\n", " "))
    body = json.loads(words[words.index("-d") + 1].replace("$UPLOAD", "upl_" + "0" * 32))
    read = requests.read(body)

    assert read.model == model
    assert (read.resolution, read.duration_seconds) == ("480p", 4)
    assert bool(read.files and any(read.files.values())) == (model.family != "text")


def test_the_picture_of_the_requests_is_one_that_every_model_takes(
    settings: Any, tmp_path: Any
) -> None:
    picture = settings.BASE_DIR / "static" / "pictures" / model_pages.SAMPLE

    found = look(picture, "image/jpeg", tmp_path / "clean", tmp_path / "small")
    assert found == {"width": 960, "height": 540}


def test_an_upstreams_name_leads_to_ours(db: None) -> None:
    for name in catalog.MODELS[3].aliases:
        answer = Client().get(f"/docs/models/{name}")
        assert answer.status_code == 302
        assert answer["Location"] == f"/docs/models/{catalog.MODELS[3].slug}"


def test_an_unknown_model_has_no_page_and_nothing_can_be_posted(db: None) -> None:
    assert Client().get("/docs/models/veo").status_code == 404
    assert Client().post("/docs/models").status_code == 405


def test_the_pages_ask_the_database_nothing_once_prices_are_known(db: None) -> None:
    rate_cards.forget_cached()
    offers.forget_cached()
    text("/docs/models")
    with CaptureQueriesContext(connection) as asked:
        text("/docs/models")
        text(f"/docs/models/{REFERENCE}")

    assert len(asked) == 0


def test_the_account_menu_leads_there(acme: Organization, browser: Any) -> None:
    assert 'href="/docs"' in browser(acme).get("/").content.decode()

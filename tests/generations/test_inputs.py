"""Uploads, data URIs and addresses of others beside each other, up to every limit and one beyond it."""

import base64
import hashlib
from fractions import Fraction
from typing import Any

import httpx
import pytest
from django.test import Client

from accounts.models import Organization
from generations import inputs
from generations.models import InputFile, StoredFile
from tests.generations.files import bare, picture, sound, video, wav
from tests.generations.steps import (
    BODY,
    IMAGE,
    REFERENCE,
    Line,
    nothing_happened,
    refused,
    run_all,
    waiting,
)
from tests.generations.test_uploads import objects, sent
from tests.upstream import served
from tests.world import Api

ON_EVERY_STORAGE = True
SITE = "https://acme.example"


def data_uri(content: bytes, said: str = "image/png") -> str:
    return f"data:{said};base64,{base64.b64encode(content).decode()}"


def upload(api: Api, content: bytes) -> str:
    return f"upload:{sent(api, content)['id']}"


def at(line: Line, name: str, content: bytes) -> str:
    line.upstream.files[f"{SITE}/{name}"] = content
    return f"{SITE}/{name}"


def view(number: int) -> bytes:
    return picture("PNG", 10 + number, 10)


def film(seconds: Fraction | int, number: int = 0) -> bytes:
    return bare(video(seconds, 640, 640 + 2 * number, rate=10))


def asked(api: Api, **fields: Any) -> Any:
    return api.post("/generations", {**BODY, "model": REFERENCE, **fields})


def test_a_file_that_is_deleted_at_that_very_moment_leaves_nothing_behind(
    acme: Organization, api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    url, take = upload(api, picture()), inputs.take

    def slowly(*args: Any) -> list[inputs.Given]:
        given = take(*args)
        StoredFile.objects.update(state=StoredFile.State.LEAVING)
        return given

    monkeypatch.setattr(inputs, "take", slowly)

    answer = api.post("/generations", {**BODY, "model": IMAGE, "image_url": url})

    refused(answer, 400, "invalid_request", "image_url")
    nothing_happened(acme)


def test_nine_images_and_three_videos_by_every_way_run_to_the_end(line: Line) -> None:
    images = [view(number) for number in range(9)]
    films = [film(5, number) for number in range(3)]
    generation = line.create(
        model=REFERENCE,
        prompt="@Image1 and @Image9 as in @Video1, @Video2 and @Video3",
        image_urls=[
            *(upload(line.api, one) for one in images[:3]),
            *(data_uri(one) for one in images[3:6]),
            *(at(line, f"{n}.png", one) for n, one in enumerate(images[6:])),
        ],
        video_urls=[upload(line.api, films[0]), data_uri(films[1]), at(line, "a.mp4", films[2])],
    )
    line.held(generation, "preparing")
    run_all()

    got = line.upstream.job.body["input"]
    for urls, contents in ((got["image_urls"], images), (got["video_urls"], films)):
        assert len(urls) == len(contents)
        for url, content in zip(urls, contents, strict=True):
            seen = Client().get("/media/" + url.split("/media/")[1])
            assert b"".join(seen) == content
    line.upstream.finish(line.upstream.job)
    line.reconcile()
    run_all()
    line.charged(generation, 4 * 141_200)


def test_what_is_here_already_needs_no_preparing(line: Line) -> None:
    generation = line.create(model=IMAGE, image_url=upload(line.api, picture()))

    line.held(generation, "queued")
    assert waiting() == ["dispatch_queued"]
    run_all()
    line.held(generation, "running")
    assert line.upstream.fetches == []


def test_the_address_of_an_upload_is_the_upload(line: Line) -> None:
    generation = line.create(model=IMAGE, image_url=sent(line.api, picture())["url"])

    line.held(generation, "queued")
    assert len(objects()) == 1


def test_a_data_uri_is_told_by_its_bytes_and_shown_in_short(line: Line) -> None:
    content = picture()

    generation = line.create(model=IMAGE, image_url=data_uri(content, "text/html"))

    line.held(generation, "queued")
    assert StoredFile.objects.get().content_type == "image/jpeg"
    shown = line.api.get(f"/generations/{generation.id}").json()["input"]["image_url"]
    assert shown == f"data:;sha256,{hashlib.sha256(content).hexdigest()}"


def test_a_bad_data_uri_is_refused_at_once(line: Line) -> None:
    response = line.api.post(
        "/generations", {**BODY, "model": IMAGE, "image_url": data_uri(b"<svg>")}
    )

    error = refused(response, 422, "unsupported_media", "image_url")
    assert "SVG" in error["message"]
    nothing_happened(line.organization)
    assert objects() == []


def test_the_same_file_by_three_ways_lies_in_storage_once(line: Line) -> None:
    content = picture()
    line.create(
        model=REFERENCE,
        image_urls=[upload(line.api, content), data_uri(content), at(line, "a.jpg", content)],
    )
    run_all()

    assert len(objects()) == 1
    assert InputFile.objects.filter(stored=StoredFile.objects.get()).count() == 3


def test_an_upload_of_another_kind_is_refused(line: Line) -> None:
    response = asked(line.api, image_urls=[upload(line.api, wav())])

    refused(response, 422, "unsupported_media", "image_urls")
    nothing_happened(line.organization)


def test_an_upload_that_is_not_there_is_refused(line: Line) -> None:
    response = asked(line.api, image_urls=["upload:upl_" + "0" * 32])

    refused(response, 400, "invalid_request", "image_urls")
    nothing_happened(line.organization)


# -- one beyond each limit, when all is here --------------------------------------------------------


def _of(api: Api, *contents: bytes) -> list[str]:
    return [upload(api, content) for content in contents]


@pytest.mark.parametrize(
    ("status", "code", "param", "limit", "fields"),
    [
        (400, "invalid_request", "image_urls", "images_max", {"image_urls": [f"{SITE}/a"] * 10}),
        (400, "invalid_request", "video_urls", "videos_max", {"video_urls": [f"{SITE}/a"] * 4}),
        (
            400,
            "invalid_request",
            "image_urls",
            "files_max",
            {"image_urls": [f"{SITE}/a"] * 9, "video_urls": [f"{SITE}/a"] * 3, "audio_urls": [f"{SITE}/a"]},
        ),
        (
            422,
            "media_too_long",
            "video_urls",
            "videos_milliseconds_max",
            {"video_urls": [film(10), film(Fraction("5.1"), 1)]},
        ),
        (422, "media_too_short", "video_urls", "videos_milliseconds_min", {"video_urls": [film(1)]}),
        (
            422,
            "media_too_long",
            "audio_urls",
            "audios_milliseconds_max",
            {"image_urls": [view(1)], "audio_urls": [wav(10_000), wav(5_100)]},
        ),
    ],
    ids=["10 images", "4 videos", "13 files", "15.1 s", "1 s", "15.1 s of sound"],
)  # fmt: skip
def test_one_beyond_a_limit_is_refused_with_its_name(
    line: Line, status: int, code: str, param: str, limit: str, fields: dict[str, list[Any]]
) -> None:
    given = {
        name: [one if isinstance(one, str) else upload(line.api, one) for one in values]
        for name, values in fields.items()
    }

    error = refused(asked(line.api, **given), status, code, param)

    assert error["details"]["limit"] == limit
    nothing_happened(line.organization)


def test_just_within_the_limits_is_taken(line: Line) -> None:
    generation = line.create(
        model=REFERENCE,
        video_urls=_of(line.api, film(10), film(5, 1)),
        audio_urls=_of(line.api, wav(10_000), wav(5_000)),
    )

    line.held(generation, "queued")


# -- and when it must be fetched first --------------------------------------------------------------


def large(size: int) -> Any:
    start = picture()

    def answer(request: httpx.Request) -> httpx.Response:
        return served(start + bytes(size - len(start)))

    return answer


@pytest.mark.parametrize(
    ("code", "words", "limit", "fields"),
    [
        ("media_too_large", "image_urls[0]: The file is larger than 30,000,000 bytes.",
         {"limit": "image_bytes_max", "at_most": 30_000_000},
         {"image_urls": [large(30_000_001)]}),
        ("media_wrong_size", "video_urls[0]: the video has 639x640 = 408,960 pixels; at least 409,600",
         {"limit": "video_pixels_min", "at_least": 409_600, "given": 408_960},
         {"video_urls": [video(2, 639, 640, pixels="yuv444p")]}),
        ("media_wrong_size", "at most 927,408 are allowed",
         {"limit": "video_pixels_max", "at_most": 927_408, "given": 929_632},
         {"video_urls": [video(2, 836, 1112)]}),
        ("media_too_long", "video_urls[1]: the video is 15.1 s long; 15 s are allowed.",
         {"limit": "videos_milliseconds_max", "at_most": 15_000, "given": 15_100},
         {"video_urls": [film(2), film(Fraction("15.1"))]}),
        ("media_too_long", "video_urls: the videos are together 15.1 s long; 15 s are allowed.",
         {"limit": "videos_milliseconds_max", "at_most": 15_000, "given": 15_100},
         {"video_urls": [film(10), film(Fraction("5.1"), 1)]}),
        ("media_too_short", "video_urls: the videos are together 1 s long; at least 2 s are needed.",
         {"limit": "videos_milliseconds_min", "at_least": 2000, "given": 1000},
         {"video_urls": [film(1)]}),
        ("media_too_long", "audio_urls: the sounds are together 15.1 s long; 15 s are allowed.",
         {"limit": "audios_milliseconds_max", "at_most": 15_000, "given": 15_100},
         {"image_urls": [view(1)], "audio_urls": [wav(10_000), wav(5_100)]}),
        ("unsupported_media", "audio_urls[0]: the file is a FLAC sound; allowed are audio/mpeg, audio/wav.",
         {"limit": "types", "allowed": ["audio/mpeg", "audio/wav"], "given": "a FLAC sound"},
         {"image_urls": [view(1)], "audio_urls": [sound("flac", "flac", samples="s16")]}),
    ],
)  # fmt: skip
def test_a_fetched_file_beyond_a_limit_ends_it_free_with_field_reason_and_limit(
    line: Line, code: str, words: str, limit: dict[str, Any], fields: dict[str, list[Any]]
) -> None:
    given = {
        name: [at(line, f"{name}{n}", one) for n, one in enumerate(values)]
        for name, values in fields.items()
    }
    generation = line.create(model=REFERENCE, **given)
    run_all()

    line.free(generation, "failed", code)
    assert words in line.now(generation).failure_message
    failure = line.api.get(f"/generations/{generation.id}").json()["failure"]
    assert failure["details"] == {"param": list(fields)[-1]} | limit
    assert line.upstream.creates == 0


def test_an_image_of_just_the_limit_is_taken(line: Line) -> None:
    generation = line.create(model=REFERENCE, image_urls=[at(line, "a", large(30_000_000))])
    run_all()

    line.held(generation, "running")

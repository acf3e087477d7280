"""Files that a request names are fetched, told by their bytes, and served by us from then on."""

import hashlib
import socket
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from django.db import connections
from django.test import Client

from generations import fetcher, limits, stored_files
from generations.models import Generation, StoredFile
from seedance_saas import http
from tests.generations.files import bare, picture, sound, video, wav
from tests.generations.kept import Kept
from tests.generations.steps import REFERENCE, Line, run_all
from tests.upstream import JPEG, served

ON_EVERY_STORAGE = True
SITE = "https://acme.example"
PNG, WEBP = picture("PNG"), picture("WEBP")
WAV, MP3_TAGGED = wav(), sound()
MP3 = MP3_TAGGED[MP3_TAGGED.index(b"\xff\xfb") :]
MP4, MOV = bare(video()), bare(video(format="mov"))
Answer = bytes | int | Callable[[httpx.Request], httpx.Response]


def files(line: Line, answers: dict[str, Answer]) -> None:
    line.upstream.files.update({f"{SITE}/{name}": answer for name, answer in answers.items()})


def prepared(line: Line, **fields: Any) -> Generation:
    generation = line.create(model=REFERENCE, **fields)
    run_all()
    return line.now(generation)


@pytest.mark.parametrize(
    ("field", "content", "content_type", "extension"),
    [
        ("image_urls", JPEG, "image/jpeg", "jpg"),
        ("image_urls", PNG, "image/png", "png"),
        ("image_urls", WEBP, "image/webp", "webp"),
        ("video_urls", MP4, "video/mp4", "mp4"),
        ("video_urls", MOV, "video/quicktime", "mov"),
        ("audio_urls", MP3_TAGGED, "audio/mpeg", "mp3"),
        ("audio_urls", MP3, "audio/mpeg", "mp3"),
        ("audio_urls", WAV, "audio/wav", "wav"),
    ],
)
def test_a_file_is_told_by_its_bytes(
    line: Line, storage: Kept, field: str, content: bytes, content_type: str, extension: str
) -> None:
    files(line, {"a.exe": content, "b": JPEG})
    beside = {"image_urls": [f"{SITE}/b"]} if field == "audio_urls" else {}

    generation = prepared(line, **{**beside, field: [f"{SITE}/a.exe"]})

    line.held(generation, "running")
    sha256 = hashlib.sha256(content).hexdigest()
    stored = StoredFile.objects.get(input_files__field=field)
    assert (stored.content_type, stored.bytes, stored.sha256) == (
        content_type,
        len(content),
        sha256,
    )
    assert stored.name == f"{line.organization.id}/inputs/{stored.id}.{extension}"
    assert storage.read(stored.name) == content


def test_the_provider_gets_only_addresses_of_ours(line: Line, settings: Any) -> None:
    settings.MEDIA_URL_FOR_PROVIDERS = "https://media.example.com"
    files(line, {"one": JPEG, "two": PNG, "clip": MP4})

    prepared(
        line,
        prompt="@Image1, then @Image2 as in @Video1",
        image_urls=[f"{SITE}/one", f"{SITE}/two"],
        video_urls=[f"{SITE}/clip"],
    )

    sent = line.upstream.job.body["input"]
    assert "acme.example" not in str(sent)
    assert "audio_urls" not in sent
    urls = [*sent["image_urls"], *sent["video_urls"]]
    assert len(urls) == 3
    for url, content in zip(urls, (JPEG, PNG, MP4), strict=True):
        assert url.startswith("https://media.example.com/media/")
        response = Client().get(url.removeprefix("https://media.example.com"))
        assert b"".join(response) == content


def test_the_customer_sees_what_it_sent(line: Line) -> None:
    files(line, {"one": JPEG})

    generation = prepared(line, image_urls=[f"{SITE}/one"])

    shown = line.api.get(f"/generations/{generation.id}").json()["input"]
    assert shown["image_urls"] == [f"{SITE}/one"]


def test_a_file_that_is_named_twice_is_kept_once(line: Line, storage: Kept) -> None:
    files(line, {"one": JPEG, "two": JPEG})

    prepared(line, image_urls=[f"{SITE}/one", f"{SITE}/two"])

    assert len(storage.names()) == 1
    assert len(set(line.upstream.job.body["input"]["image_urls"])) == 1


def large(size: int, *, said: bool) -> Answer:
    content = JPEG + b"\0" * (size - len(JPEG))
    return (
        content if said else lambda request: httpx.Response(200, stream=httpx.ByteStream(content))
    )


def unreachable(request: httpx.Request) -> httpx.Response:
    raise httpx.ConnectError("refused", request=request)


IMAGES = "image/jpeg, image/png, image/webp"
VIDEOS = "video/mp4, video/quicktime"


def types(allowed: str, given: str) -> dict[str, Any]:
    return {"limit": "types", "given": given, "allowed": allowed.split(", ")}


@pytest.mark.parametrize(
    ("field", "answer", "code", "message", "details"),
    [
        ("image_urls", 404, "input_unavailable", "The server answered 404.", {}),
        ("image_urls", 500, "input_unavailable", "The server answered 500.", {}),
        ("image_urls", unreachable, "input_unavailable", "The server could not be reached.", {}),
        ("image_urls", b"<svg>", "unsupported_media", f"; allowed are {IMAGES}.",
         types(IMAGES, "an SVG drawing or another XML file")),
        ("image_urls", b"", "unsupported_media", f"the file is empty; allowed are {IMAGES}.",
         types(IMAGES, "empty")),
        ("image_urls", MP4, "unsupported_media", f"the file is video/mp4; allowed are {IMAGES}.",
         types(IMAGES, "video/mp4")),
        ("video_urls", JPEG, "unsupported_media", f"is image/jpeg; allowed are {VIDEOS}.",
         types(VIDEOS, "image/jpeg")),
        ("video_urls", WEBP, "unsupported_media", f"is image/webp; allowed are {VIDEOS}.",
         types(VIDEOS, "image/webp")),
        ("image_urls", JPEG[:-9], "unsupported_media", "(9 bytes not processed)",
         {"limit": "readable"}),
        ("image_urls", large(4001, said=True), "media_too_large", "larger than 4,000 bytes.",
         {"limit": "image_bytes_max", "at_most": 4000}),
        ("image_urls", large(4001, said=False), "media_too_large", "larger than 4,000 bytes.",
         {"limit": "image_bytes_max", "at_most": 4000}),
    ],
)  # fmt: skip
def test_a_bad_file_ends_it_free_and_says_which_and_why(
    line: Line,
    monkeypatch: pytest.MonkeyPatch,
    field: str,
    answer: Answer,
    code: str,
    message: str,
    details: dict[str, Any],
) -> None:
    monkeypatch.setitem(limits.BYTES_MAX, "image", 4000)
    files(line, {"good": JPEG if field == "image_urls" else MP4, "bad": answer})

    generation = prepared(line, **{field: [f"{SITE}/good", f"{SITE}/bad"]})

    line.free(generation, "failed", code)
    assert generation.failure_message.startswith(f"{field}[1]: ")
    assert generation.failure_message.endswith(message)
    failure = line.api.get(f"/generations/{generation.id}").json()["failure"]
    assert failure == {
        "code": code,
        "message": generation.failure_message,
        "retryable": code == "input_unavailable",
        "charged": False,
        "details": {"param": field} | details,
    }
    assert line.upstream.creates == 0


def test_videos_have_a_limit_together(line: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    most = len(MP4) + len(MOV) - 1
    monkeypatch.setitem(limits.LIMITS, "videos_bytes_max", most)
    files(line, {"one": MP4, "two": MOV})

    generation = prepared(line, video_urls=[f"{SITE}/one", f"{SITE}/two"])

    line.free(generation, "failed", "media_too_large")
    assert generation.failure_message == (
        f"video_urls: the videos are together larger than {most:,} bytes."
    )
    assert generation.failure_details == {
        "param": "video_urls",
        "limit": "videos_bytes_max",
        "at_most": most,
        "given": most + 1,
    }


def test_a_name_that_leads_inside_is_not_fetched(
    line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It looked public when it was asked for."""
    monkeypatch.undo()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: [(0, 0, 0, "", ("10.0.0.7",))])
    monkeypatch.setattr(http, "TRANSPORT", httpx.MockTransport(line.upstream.file))
    generation = line.create(model=REFERENCE, image_urls=[f"{SITE}/one"])

    fetcher.run()

    line.free(generation, "failed", "input_unavailable")
    message = line.now(generation).failure_message
    assert message == "image_urls[0]: The address is not public."
    assert line.upstream.fetches == []


def test_a_redirect_is_followed_to_the_file(line: Line) -> None:
    def moved(request: httpx.Request) -> httpx.Response:
        return httpx.Response(302, headers={"Location": "/there.jpg"})

    files(line, {"here.jpg": moved, "there.jpg": JPEG})

    line.held(prepared(line, image_urls=[f"{SITE}/here.jpg"]), "running")
    assert line.upstream.fetches == [f"{SITE}/here.jpg", f"{SITE}/there.jpg"]


def test_a_repeat_goes_on_where_it_stopped(line: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    class Killed(BaseException):
        pass

    keep = stored_files.keep_input
    kept: list[StoredFile] = []

    def keep_one(*args: Any, **how: Any) -> StoredFile:
        if kept:
            raise Killed
        kept.append(keep(*args, **how))
        return kept[0]

    files(line, {"one": JPEG, "two": PNG})
    generation = line.create(model=REFERENCE, image_urls=[f"{SITE}/one", f"{SITE}/two"])
    with monkeypatch.context() as patch:
        patch.setattr(stored_files, "keep_input", keep_one)
        with pytest.raises(Killed):
            fetcher.run()

    line.sweep(fetcher.LEASE.total_seconds() - 10)
    line.held(generation, "preparing")
    line.sweep(11)

    line.held(generation, "running")
    # Fetched beside each other, in no promised order.
    assert sorted(line.upstream.fetches) == [f"{SITE}/one", f"{SITE}/two", f"{SITE}/two"]


def test_a_stranger_is_waited_for_without_the_database(line: Line) -> None:
    """A thread has a connection of its own as soon as it asks the database anything."""
    seen: list[object] = []

    def look(request: httpx.Request) -> httpx.Response:
        seen.append(connections["default"].connection)
        return served(JPEG)

    files(line, {"one": look})
    prepared(line, image_urls=[f"{SITE}/one"])

    assert seen == [None]

"""A finished video is brought home once, measured, and charged for what it is."""

import hashlib
import io
import logging
from collections.abc import Callable

import httpx
import pytest
from PIL import Image

from generations import collecting, tasks
from generations.models import Generation, StoredFile
from tests.generations.kept import Kept
from tests.generations.steps import Line, lose_tasks, run_next
from tests.upstream import clip, served

ON_EVERY_STORAGE = True
URL = "https://cdn-us.eachlabs.ai/job-1.mp4"
Answer = bytes | int | Callable[[httpx.Request], httpx.Response]


def collected(line: Line, answer: Answer) -> Generation:
    """The provider is done, its file is such an answer, and one collector has tried."""
    generation = line.collecting()
    line.upstream.files[URL] = answer
    assert run_next() == "collect"
    return line.now(generation)


def broken(request: httpx.Request) -> httpx.Response:
    raise httpx.ReadError("reset", request=request)


def cut(request: httpx.Request) -> httpx.Response:
    """Half of the video, under a promise of all of it."""
    whole = clip(4)
    return httpx.Response(
        200,
        headers={"Content-Length": str(len(whole))},
        stream=httpx.ByteStream(whole[: len(whole) // 2]),
    )


def redirect(request: httpx.Request) -> httpx.Response:
    return httpx.Response(302, headers={"Location": "http://169.254.169.254/latest/meta-data"})


def test_the_video_is_measured_and_kept_under_its_content(line: Line, storage: Kept) -> None:
    generation = collected(line, clip(4))

    sha256 = hashlib.sha256(clip(4)).hexdigest()
    line.charged(generation, 451_600)
    stored = StoredFile.objects.get(name=generation.video_file)
    assert stored.name == f"{line.organization.id}/{generation.id}/{stored.id}.mp4"
    assert storage.read(generation.video_file) == clip(4)
    assert (generation.video_sha256, generation.video_bytes) == (sha256, len(clip(4)))
    assert (generation.video_milliseconds, generation.billed_seconds) == (4000, 4)
    assert (generation.video_width, generation.video_height) == (864, 480)


def test_the_poster_is_a_jpeg_of_the_picture(line: Line, storage: Kept) -> None:
    generation = collected(line, clip(4))

    with Image.open(io.BytesIO(storage.read(generation.poster_file))) as poster:
        assert (poster.format, poster.size) == ("JPEG", (864, 480))


def half(video: bytes) -> bytes:
    return video[: len(video) // 2]


@pytest.mark.parametrize(
    "answer",
    [404, 403, b"<html>Not found</html>", b"", half(clip(4)), redirect],
    ids=["404", "403", "html", "empty", "half", "redirect to a private address"],
)
def test_what_is_no_video_ends_it_free(line: Line, storage: Kept, answer: Answer) -> None:
    generation = collected(line, answer)

    line.free(generation, "failed", "output_unusable")
    assert generation.video_file == ""
    assert storage.names() == []


def test_an_address_that_no_database_takes_as_text_ends_it_free(line: Line) -> None:
    generation = line.running()
    line.upstream.job.answer = {"status": "success", "output": "https://cdn.example/\x00\ud83c"}

    line.sweep(30)

    line.free(generation, "failed", "output_unusable")


def test_a_provider_that_names_no_file_ends_it_free(line: Line) -> None:
    generation = line.running()
    line.upstream.job.answer = {"status": "success", "output": None}

    line.sweep(30)

    line.free(generation, "failed", "output_unusable")
    assert line.upstream.fetches == []


def test_a_file_that_is_too_large_ends_it_free(
    line: Line, monkeypatch: pytest.MonkeyPatch, storage: Kept
) -> None:
    monkeypatch.setattr(collecting, "VIDEO_BYTES_MAX", len(clip(4)) - 1)

    generation = collected(line, clip(4))

    line.free(generation, "failed", "output_unusable")
    assert storage.names() == []


@pytest.mark.parametrize("trouble", [500, 503, broken, cut])
def test_trouble_on_the_way_is_tried_again(line: Line, trouble: Answer) -> None:
    generation = collected(line, trouble)
    line.held(generation, "collecting")
    line.upstream.files[URL] = clip(4)

    line.sweep(4)
    line.held(generation, "collecting")
    line.sweep(1)

    line.charged(generation, 451_600)
    assert line.upstream.fetches == [URL, URL]


def test_trouble_that_stays_ends_it_free_after_a_quarter_of_an_hour(line: Line) -> None:
    generation = collected(line, 503)

    line.sweep(890)
    line.held(generation, "collecting")
    line.sweep(15)

    line.free(generation, "failed", "output_unusable")


def test_a_second_collector_does_nothing(line: Line) -> None:
    generation = line.collecting()
    beside: list[str] = []

    def meanwhile(request: httpx.Request) -> httpx.Response:
        beside.append(str(request.url))
        tasks.collect(generation.pk)
        return served(clip(4))

    line.upstream.files[URL] = meanwhile

    tasks.collect(generation.pk)
    tasks.collect(generation.pk)

    assert len(beside) == 1
    line.charged(generation, 451_600)


def test_a_dead_collector_is_followed_when_its_lease_has_run_out(line: Line) -> None:
    class Killed(BaseException):
        pass

    def die(request: httpx.Request) -> httpx.Response:
        raise Killed

    generation = line.collecting()
    line.upstream.files[URL] = die
    with pytest.raises(Killed):
        tasks.collect(generation.pk)
    lose_tasks()
    line.upstream.files[URL] = clip(4)

    line.sweep(74)
    line.held(generation, "collecting")
    line.sweep(1)

    line.charged(generation, 451_600)


def test_a_collector_that_comes_back_after_another_finished_changes_nothing(line: Line) -> None:
    """Its lease ran out while it slept; the other one has charged."""
    generation = line.collecting()

    def sleep(request: httpx.Request) -> httpx.Response:
        line.upstream.files[URL] = clip(4)
        line.clock.shift(80)
        tasks.collect(generation.pk)
        line.charged(generation, 451_600)
        return served(clip(9))

    line.upstream.files[URL] = sleep

    tasks.collect(generation.pk)

    line.charged(generation, 451_600)
    assert line.now(generation).video_milliseconds == 4000


def test_longer_than_held_charges_what_was_held_and_tells_us(
    line: Line, caplog: pytest.LogCaptureFixture
) -> None:
    generation = line.collecting(seconds=6)

    assert run_next() == "collect"

    line.charged(generation, 451_600)
    assert line.now(generation).video_milliseconds == 6000
    errors = [row.getMessage() for row in caplog.records if row.levelno == logging.ERROR]
    assert errors == [
        f"generation.longer_than_held id={generation.id} milliseconds=6000 held_seconds=4"
    ]


def test_shorter_than_held_gives_the_rest_back(line: Line) -> None:
    generation = line.collecting(seconds=3)

    assert run_next() == "collect"

    line.charged(generation, 338_700)

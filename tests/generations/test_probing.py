"""Whatever the file, there is an answer, within the limits of time and memory."""

import io
import resource
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from generations.limits import BadFile
from generations.prober import MEMORY_BYTES_MAX
from generations.probing import probe
from tests.generations import corpus
from tests.generations.files import EXIF_GPS, picture

ROWS = {name: (data, answer) for name, data, answer in corpus.rows()}
POLYGLOTS = [n for n, (_, a) in ROWS.items() if " and " in n or "page" in n if a[:6] == "image/"]
CHANGED = list(corpus.changed(ROWS.values(), 40))
SECONDS_MAX = 5


def _one_in(count: int, rows: Iterable[Any]) -> list[Any]:
    """All of them in the thorough tests, some of them on each day."""
    return [
        pytest.param(
            *(row if isinstance(row, tuple) else (row,)),
            marks=pytest.mark.thorough if number % count else (),
        )
        for number, row in enumerate(rows)
    ]


# Between us and the process: what is started counts the memory of who starts it as its own for a moment.
NURSE = """
import resource, subprocess, sys
ended = subprocess.run(sys.argv[2:])
used = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024
open(sys.argv[1], "w").write(str(used))
sys.exit(ended.returncode and 1)
"""


@pytest.fixture(autouse=True)
def used_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where it is written how much memory the process that read a file took."""
    real, report = subprocess.run, tmp_path / "used"

    def run(words: list[str], **how: Any) -> Any:
        return real([sys.executable, "-S", "-c", NURSE, str(report), *words], **how)

    monkeypatch.setattr(subprocess, "run", run)
    return report


def _cpu_seconds() -> float:
    """Of the processes that were asked: how long a busy machine lets them wait says nothing about the file."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def answer_to(data: bytes, folder: Path) -> str:
    path = folder / "file"
    path.write_bytes(data)
    started = _cpu_seconds()
    try:
        found = probe(path, clean=folder / "clean")
    except BadFile as bad:
        return f"{bad.code} {bad.details['limit']}: {bad.message}"
    finally:
        assert _cpu_seconds() - started < SECONDS_MAX
        if (folder / "used").exists():  # killed at the end of its time, it tells nothing
            assert int((folder / "used").read_text()) < MEMORY_BYTES_MAX
    words = [found.content_type]
    if found.width:
        words.append(f"{found.width}x{found.height}")
    if found.milliseconds:
        words.append(str(found.milliseconds))
    return " ".join(words)


def cleaned(data: bytes, folder: Path) -> bytes:
    (folder / "file").write_bytes(data)
    probe(folder / "file", "image", clean=folder / "clean")
    return (folder / "clean").read_bytes()


def test_the_corpus_is_large() -> None:
    assert len(ROWS) >= 150


@pytest.mark.parametrize("name", _one_in(8, ROWS))
def test_every_odd_file_has_its_answer(name: str, tmp_path: Path) -> None:
    data, decided = ROWS[name]

    given = answer_to(data, tmp_path)

    head, _, words = decided.partition(": ")
    assert given.startswith(head)
    assert words in given


@pytest.mark.parametrize(("name", "data"), _one_in(8, CHANGED))
def test_a_changed_file_has_some_answer(name: str, data: bytes, tmp_path: Path) -> None:
    answer = answer_to(data, tmp_path)

    assert answer.split()[0] in {
        "image/jpeg", "image/png", "image/webp", "video/mp4", "video/quicktime", "audio/mpeg",
        "audio/wav", "unsupported_media", "media_too_long", "media_wrong_size",
    }  # fmt: skip


@pytest.mark.parametrize("name", POLYGLOTS)
def test_a_second_file_inside_a_picture_is_not_kept(name: str, tmp_path: Path) -> None:
    kept = cleaned(ROWS[name][0], tmp_path)

    for mark in (b"PK\3\4", b"<script", b"<?php"):
        assert mark not in kept


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize("orientation", [0, 6])
def test_where_a_picture_was_taken_is_not_kept(
    tmp_path: Path, format: str, orientation: int
) -> None:
    whole = picture(format, 64, 48, gps=True, orientation=orientation)
    assert b"A telephone" in whole

    kept = cleaned(whole, tmp_path)

    assert b"A telephone" not in kept
    with Image.open(io.BytesIO(kept)) as image:
        assert len(image.getexif()) == 0
        assert not image.getexif().get_ifd(EXIF_GPS)


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP"])
def test_the_pixels_of_an_upright_picture_stay_as_they_were(tmp_path: Path, format: str) -> None:
    whole = picture(format, 64, 48, gps=True)

    with (
        Image.open(io.BytesIO(whole)) as before,
        Image.open(io.BytesIO(cleaned(whole, tmp_path))) as after,
    ):
        assert after.format == format
        assert after.tobytes() == before.tobytes()


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize(
    ("orientation", "light"),
    [(1, (60, 24)), (3, (4, 24)), (6, (24, 60)), (8, (24, 4)), (5, (24, 60)), (7, (24, 4))],
)
def test_a_picture_is_turned_upright(
    tmp_path: Path, format: str, orientation: int, light: tuple[int, int]
) -> None:
    """The light half is right; with 6 the camera lay on its side, and the half belongs below."""
    kept = cleaned(picture(format, 64, 48, orientation=orientation), tmp_path)

    with Image.open(io.BytesIO(kept)) as image:
        assert image.size == ((48, 64) if orientation > 4 else (64, 48))
        grey = image.convert("L")
        assert (grey.getpixel(light) or 0) > 180  # type: ignore[operator]


def test_a_picture_where_a_video_is_needed_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(picture())

    with pytest.raises(BadFile) as bad:
        probe(tmp_path / "file", "video", clean=tmp_path / "clean")

    assert bad.value.code == "unsupported_media"
    assert bad.value.message == "the file is image/jpeg; allowed are video/mp4, video/quicktime."


def test_the_process_that_reads_knows_no_secret_of_ours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Even a decoder that a file has taken over finds nothing in its environment."""
    monkeypatch.setenv("SECRET_KEY", "secret")
    seen: list[dict[str, str]] = []
    real = subprocess.run

    def run(*args: Any, **how: Any) -> Any:
        seen.append(how["env"])
        return real(*args, **how)

    monkeypatch.setattr(subprocess, "run", run)
    cleaned(picture(), tmp_path)

    assert [set(env) for env in seen] == [{"MALLOC_ARENA_MAX", "PYTHONSAFEPATH", "PYTHONPATH"}]

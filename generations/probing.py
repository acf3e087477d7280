"""Asks a guarded process what a file is (`generations/prober`), and answers within its limits, whatever the file."""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

from django.conf import settings

from generations import file_types, limits
from generations.limits import BadFile, Measured
from generations.prober import OUTPUT_SECONDS_MAX, SECONDS_MAX, WAIT_SECONDS_MAX
from seedance_saas.errors import Refusal


class TooBusy(Refusal):
    """Nothing is known of the file: the machine had no time to read it."""

    code, status, retryable = "too_busy", 503, True


def probe(path: Path, kind: str | None = None, *, clean: Path) -> Measured:
    """What the file at `path` is, once every limit on one file has been checked. Raises BadFile or TooBusy.

    A picture or a video is written to `clean` without whatever is not needed to see it, unless there is nothing
    to leave out, and measured there. `kind` is what is needed; None takes any. Nobody waits here for a stranger,
    and no longer than WAIT_SECONDS_MAX.
    """
    with path.open("rb") as source:
        head = source.read(file_types.HEAD_BYTES)
    content_type = file_types.type_of(head)
    if content_type is None or (kind and not content_type.startswith(f"{kind}/")):
        allowed = [name for name in file_types.EXTENSIONS if name.startswith(kind or "")]
        found = content_type or file_types.said(head)
        raise BadFile(
            "unsupported_media",
            f"the file is {found}; allowed are {', '.join(allowed)}.",
            limit="types",
            given=found,
            allowed=allowed,
        )
    limits.refuse_too_many_bytes(content_type.split("/")[0], path.stat().st_size)
    small = clean.with_suffix(".small")
    written = [clean, small] if content_type.startswith("image/") else [clean]
    found_there = _ask([content_type, str(path), *map(str, written)])
    size = (clean if clean.exists() else path).stat().st_size
    measured = Measured(content_type, size, **found_there, thumbnail=_thumbnail(small))
    limits.check(measured)
    return measured


class NotAVideo(Exception):
    """The file cannot be read as a video."""


def measure_output(path: Path, *, poster: Path, preview: Path) -> Measured:
    """What a finished video measures, with a thumbnail; its picture and a short silent piece are written.

    Raises NotAVideo or TooBusy.
    """
    small = poster.with_suffix(".small")
    try:
        found = _ask(
            ["output", *map(str, (path, poster, preview, small))],
            cpu_seconds=OUTPUT_SECONDS_MAX,
            wait_seconds=OUTPUT_SECONDS_MAX,
        )
    except BadFile as bad:
        raise NotAVideo(bad.message[0].upper() + bad.message[1:]) from None
    return Measured("video/mp4", path.stat().st_size, **found, thumbnail=_thumbnail(small))


def _thumbnail(small: Path) -> bytes:
    return small.read_bytes() if small.exists() else b""


def _ask(
    words: list[str], *, cpu_seconds: int = SECONDS_MAX, wait_seconds: int = WAIT_SECONDS_MAX
) -> dict[str, int]:
    """The process's own words, BadFile if it had none, or TooBusy if it did not get to say them."""
    root = str(settings.BASE_DIR)
    with tempfile.TemporaryFile() as said:
        try:
            ended = subprocess.run(
                [sys.executable, "-m", "generations.prober", *words],
                stdin=subprocess.DEVNULL,
                stdout=said,  # a file, for it cannot grow beyond the process's limit
                stderr=subprocess.DEVNULL,
                cwd=root,
                # No secret of ours is in its environment; one arena wastes less address space.
                env={"MALLOC_ARENA_MAX": "1", "PYTHONSAFEPATH": "1", "PYTHONPATH": root},
                timeout=wait_seconds,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise TooBusy("The file could not be read just now. Try again in a moment.") from None
        said.seek(0)
        try:
            found = json.load(said)
        except ValueError:
            found = None
    if ended.returncode or not isinstance(found, dict):
        raise _unreadable(f"it cannot be read within {cpu_seconds} s and the memory allowed.")
    if "bad" in found:
        raise BadFile("unsupported_media", f"the file {found['bad']}", limit="readable")
    return {name: int(found[name]) for name in ("width", "height", "milliseconds") if name in found}


def _unreadable(why: str) -> BadFile:
    message = f"the file is damaged, or made to do damage: {why}"
    return BadFile("unsupported_media", message, limit="readable")

"""Files of ours: where they lie, the signed addresses under which they are seen, and what a video measures."""

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path

import av
from django.conf import settings
from django.core.files import File
from django.core.files.storage import default_storage
from django.utils import timezone
from django.utils.crypto import constant_time_compare, salted_hmac

from generations.models import Generation

POSTER_AT_SECONDS = 1
POSTER_QUALITY = 82


@dataclass(frozen=True)
class Video:
    """A finished video in our storage, as we measured it."""

    file: str
    poster_file: str
    sha256: str
    bytes: int
    milliseconds: int
    width: int
    height: int


class NotAVideo(Exception):
    """The file cannot be read as a video."""


# -- signed addresses -----------------------------------------------------------------------------


def url(file: str, *, expires_at: datetime) -> str:
    """The path under which `file` is served until then. Who has it may see the file: it is the key."""
    expires = int(expires_at.timestamp())
    return f"/media/{expires}/{_signature(file, expires)}/{file}"


def is_signed(file: str, expires: int, signature: str) -> bool:
    """Is this address ours and still good?"""
    good = constant_time_compare(_signature(file, expires), signature)
    return good and expires > timezone.now().timestamp()


def _signature(file: str, expires: int) -> str:
    return salted_hmac("media", f"{expires}:{file}", algorithm="sha256").hexdigest()[:40]


def urls_expire_at() -> datetime:
    """One moment for a whole period, at least a period away: a page that is drawn again keeps its URLs."""
    period = settings.MEDIA_URL_SECONDS
    now = int(timezone.now().timestamp())
    return datetime.fromtimestamp(now - now % period + 2 * period, UTC)


def video_url(generation: Generation) -> str | None:
    return (
        url(generation.video_file, expires_at=urls_expire_at()) if generation.video_file else None
    )


def poster_url(generation: Generation) -> str | None:
    return (
        url(generation.poster_file, expires_at=urls_expire_at()) if generation.poster_file else None
    )


def absolute(path: str | None) -> str | None:
    """The path as an address that a program can follow."""
    return f"{settings.PUBLIC_URL}{path}" if path else None


# -- storing --------------------------------------------------------------------------------------


def keep(name: str, path: Path) -> str:
    """Put the file at `path` into storage, and give its name there, which tells the content.

    A repeat finds it. One that is shorter is the rest of a worker that died while it wrote.
    """
    if not default_storage.exists(name) or default_storage.size(name) != path.stat().st_size:
        with path.open("rb") as source:
            name = default_storage.save(name, File(source))
    return name


def sha256(path: Path) -> str:
    with path.open("rb") as source:
        return hashlib.file_digest(source, "sha256").hexdigest()


# -- measuring ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Measured:
    milliseconds: int
    width: int
    height: int


def measure(path: Path, poster: Path) -> Measured:
    """Length and pixels of the video at `path`, and a JPEG of its picture at `poster`.

    The length is where the last packet ends, for a header may promise more than the file holds.
    Raises NotAVideo.
    """
    try:
        with av.open(str(path)) as container:
            if not container.streams.video:
                raise NotAVideo("The file has no picture.")
            end, picture = _read(container, container.streams.video[0])
    except (av.FFmpegError, OSError, ValueError) as error:
        raise NotAVideo(f"The file cannot be read as a video: {type(error).__name__}.") from None
    if picture is None or end <= 0:
        raise NotAVideo("The file has no picture.")
    image = picture.to_image()  # type: ignore[no-untyped-call]
    image.save(poster, "JPEG", quality=POSTER_QUALITY)
    return Measured(round(end * 1000), picture.width, picture.height)


def _read(
    container: av.container.InputContainer, stream: av.VideoStream
) -> tuple[Fraction, av.VideoFrame | None]:
    """Where the stream ends, in seconds, and its last frame before POSTER_AT_SECONDS, or its first."""
    end, picture = Fraction(0), None
    for packet in container.demux(stream):
        if packet.pts is not None:
            start = (packet.pts - (stream.start_time or 0)) * Fraction(packet.time_base)
            end = max(end, start + (packet.duration or 0) * Fraction(packet.time_base))
        if picture is None or picture.time is None or picture.time < POSTER_AT_SECONDS:
            for frame in packet.decode():
                picture = frame
    return end, picture

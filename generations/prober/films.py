"""Videos and sounds: demuxed to the end by the one reader that their type has, decoded as far as needed."""

from collections import defaultdict
from fractions import Fraction
from pathlib import Path
from typing import Any

import av

from generations.prober import (
    FRAMES_PER_SECOND_MAX,
    HEADER_SLACK_SECONDS,
    VIDEO_PIXELS_MAX,
    Bad,
    boxes,
)

# The reader is named: left to guess, it would open playlists, and with them other files.
READERS = {"video/mp4": "mov", "video/quicktime": "mov", "audio/mpeg": "mp3", "audio/wav": "wav"}
VIDEO_CODECS = {"h264": "H.264", "hevc": "H.265"}


SOUND_SLACK_SECONDS = Fraction(1, 4)
ENOUGH_SECONDS = 120  # what is longer than this is too long, and need not be read to its end


def look(path: Path, content_type: str, clean: Path) -> dict[str, int]:
    """Raises Bad. A picture of too many pixels is only measured: the limit is the caller's to explain.

    A video is measured as it is kept: without what tells where and by whom it was made.
    """
    if content_type.startswith("video/") and boxes.strip(path, clean):
        path = clean
    try:
        # A file object, not a path: the reader can reach nothing else.
        with path.open("rb") as file, av.open(file, format=READERS[content_type]) as container:
            return _video(container) if content_type.startswith("video/") else _sound(container)
    except av.error.MemoryError:
        raise MemoryError from None
    except (av.FFmpegError, OSError, ValueError, OverflowError) as error:
        words = getattr(error, "strerror", None) or type(error).__name__
        raise Bad(f"is damaged: {words}.") from None


def _video(container: Any) -> dict[str, int]:
    pictures = [s for s in container.streams.video if not _is_cover(s)]
    if not pictures:
        raise Bad("has no moving picture.")
    stream = pictures[0]
    codec = stream.codec_context
    if codec.name not in VIDEO_CODECS:
        allowed = " and ".join(VIDEO_CODECS.values())
        raise Bad(f"is coded as {codec.name}; {allowed} are accepted.")
    if codec.width * codec.height > VIDEO_PIXELS_MAX:
        return {"width": codec.width, "height": codec.height, "milliseconds": _promised(stream)}
    codec.options = {"max_pixels": str(VIDEO_PIXELS_MAX)}
    codec.thread_count = 1  # each thread would take address space
    ends, counts, picture = _read(container, stream)
    if picture is None or ends[stream.index] <= 0:
        raise Bad("has no moving picture.")
    if counts[stream.index] > FRAMES_PER_SECOND_MAX * (ends[stream.index] + 1):
        raise Bad(f"shows more than {FRAMES_PER_SECOND_MAX} pictures a second.")
    _refuse_if_shorter_than_promised(stream, ends[stream.index])
    width, height = picture.width, picture.height
    if picture.rotation % 180:
        width, height = height, width
    # A sound that fills its last block makes the film no longer; one that goes on does.
    longest = max(ends.values())
    length = longest if longest - ends[stream.index] > SOUND_SLACK_SECONDS else ends[stream.index]
    return {"width": width, "height": height, "milliseconds": round(length * 1000)}


def _sound(container: Any) -> dict[str, int]:
    if not container.streams.audio:
        raise Bad("has no sound.")
    stream = container.streams.audio[0]
    codec = stream.codec_context.name
    if not codec.startswith(("mp3", "pcm_")):
        raise Bad(f"is coded as {codec}; MP3 and plain WAV are accepted.")
    ends, _, frame = _read(container, stream)
    if frame is None or ends[stream.index] <= 0:
        raise Bad("has no sound.")
    _refuse_if_shorter_than_promised(stream, ends[stream.index])
    length = round(ends[stream.index] * 1000)
    # One that was not read to its end is at least as long as it promises, or too long anyway.
    return {
        "milliseconds": max(length, _promised(stream)) if length > ENOUGH_SECONDS * 1000 else length
    }


def _read(container: Any, stream: Any) -> tuple[dict[int, Fraction], dict[int, int], Any]:
    """Where each stream ends, in seconds, how many packets it has, and the first frame of `stream`.

    The end is where the last packet ends: a header may promise anything.
    """
    ends: dict[int, Fraction] = defaultdict(Fraction)
    counts: dict[int, int] = defaultdict(int)
    first = None
    for packet in container.demux():
        if ends[stream.index] > ENOUGH_SECONDS:
            break
        if packet.stream.type not in {"video", "audio"} or _is_cover(packet.stream):
            continue
        if packet.is_corrupt:
            raise Bad("is damaged: it ends too early.")
        index = packet.stream.index
        if packet.pts is not None:
            counts[index] += 1
            start = packet.pts - (packet.stream.start_time or 0)
            ends[index] = max(
                ends[index], (start + (packet.duration or 0)) * Fraction(packet.time_base)
            )
        if first is None and index == stream.index:
            for frame in packet.decode():
                first = first or frame
    return ends, counts, first


def _is_cover(stream: Any) -> bool:
    """A still picture in a video or a sound, as albums have."""
    return bool(stream.type == "video" and stream.disposition & av.stream.Disposition.attached_pic)


def _promised(stream: Any) -> int:
    return round((stream.duration or 0) * Fraction(stream.time_base) * 1000)


def _refuse_if_shorter_than_promised(stream: Any, end: Fraction) -> None:
    promised = Fraction(_promised(stream), 1000)
    if end < ENOUGH_SECONDS and promised - end > HEADER_SLACK_SECONDS:
        raise Bad(
            f"is damaged: it promises {float(promised):.1f} s, and {float(end):.1f} s are there."
        )

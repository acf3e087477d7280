"""A finished video: what it measures, a picture of it, and a short silent piece for the gallery."""

from fractions import Fraction
from pathlib import Path
from typing import Any

import av

from generations.prober import VIDEO_PIXELS_MAX, Bad, thumbnails

POSTER_AT_SECONDS = 1
POSTER_QUALITY = 82
PREVIEW_SECONDS = 4
PREVIEW_WIDTH = 320
PREVIEW_FRAMES_PER_SECOND = 12


def look(path: Path, poster: Path, preview: Path, thumbnail: Path) -> dict[str, int]:
    """Write the poster, its thumbnail and the preview, and measure.

    The length is where the last packet ends, for a header may promise more.

    Raises Bad.
    """
    try:
        with path.open("rb") as file, av.open(file, format="mov") as container:
            if not container.streams.video:
                raise Bad("has no picture.")
            stream: Any = container.streams.video[0]
            stream.codec_context.options = {"max_pixels": str(VIDEO_PIXELS_MAX)}
            return _look(container, stream, poster, preview, thumbnail)
    except av.error.MemoryError:
        raise MemoryError from None
    except (av.FFmpegError, OSError, ValueError) as error:
        raise Bad(f"cannot be read as a video: {type(error).__name__}.") from None


def _look(
    container: Any, stream: Any, poster: Path, preview: Path, thumbnail: Path
) -> dict[str, int]:
    end, picture, first, kept = Fraction(0), None, None, 0
    with av.open(str(preview), "w", format="mp4", options={"movflags": "faststart"}) as small:
        film: Any = None
        for packet in container.demux(stream):
            if packet.pts is not None:
                start = (packet.pts - (stream.start_time or 0)) * Fraction(packet.time_base)
                end = max(end, start + (packet.duration or 0) * Fraction(packet.time_base))
            if first is not None and kept >= PREVIEW_SECONDS * PREVIEW_FRAMES_PER_SECOND:
                continue  # nothing more is to be seen; the rest is only counted
            for frame in packet.decode():
                first = first or frame
                at = (frame.time or 0) - (first.time or 0)
                if picture is None or at < POSTER_AT_SECONDS:
                    picture = frame
                if at * PREVIEW_FRAMES_PER_SECOND >= kept and at < PREVIEW_SECONDS:
                    film = film or _start(small, frame)
                    _add(small, film, frame, kept)
                    kept += 1
        if film:
            small.mux(film.encode(None))
        else:
            small.add_stream("libx264")  # a file must have something to be closed
    if picture is None or end <= 0:
        raise Bad("has no picture.")
    still = picture.to_image()
    still.save(poster, "JPEG", quality=POSTER_QUALITY)
    thumbnails.write(still, thumbnail)
    return {
        "width": picture.width,
        "height": picture.height,
        "milliseconds": round(end * 1000),
    }


def _start(small: Any, frame: Any) -> Any:
    film = small.add_stream(
        "libx264",
        rate=PREVIEW_FRAMES_PER_SECOND,
        options={"preset": "veryfast", "crf": "30", "threads": "1"},
    )
    film.width, film.pix_fmt = PREVIEW_WIDTH, "yuv420p"
    film.height = max(2, round(frame.height * PREVIEW_WIDTH / frame.width / 2) * 2)
    return film


def _add(small: Any, film: Any, frame: Any, number: int) -> None:
    scaled = frame.reformat(width=film.width, height=film.height, format="yuv420p")
    scaled.pts, scaled.time_base = number, Fraction(1, PREVIEW_FRAMES_PER_SECOND)
    small.mux(film.encode(scaled))

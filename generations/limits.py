"""What a file may be. Every limit has a name and a number, and a refusal says both.

Sources: the upstreams' model pages (30 MB, 15 MB, 50 MB together, 2 to 15 s together, 640x640 to 834x1112).
"""

from dataclasses import dataclass, field

from generations.prober import IMAGE_PIXELS_MAX

LIMITS = {
    "image_bytes_max": 30_000_000,
    "video_bytes_max": 50_000_000,
    "audio_bytes_max": 15_000_000,
    "videos_bytes_max": 50_000_000,  # together
    "image_pixels_max": IMAGE_PIXELS_MAX,
    "video_pixels_min": 640 * 640,
    "video_pixels_max": 834 * 1112,
    "videos_milliseconds_min": 2_000,  # together
    "videos_milliseconds_max": 15_000,  # together
    "audios_milliseconds_max": 15_000,  # together
}
BYTES_MAX = {kind: LIMITS[f"{kind}_bytes_max"] for kind in ("image", "video", "audio")}
SLACK_MILLISECONDS = 60  # an encoder fills its last block; that makes no sound longer


class BadFile(Exception):
    """A file that the model cannot use. `code` is one of generations.errors.FAILURES; the message begins
    with a small letter, to stand after the name of a field; `details` name the limit and its number."""

    def __init__(self, code: str, message: str, **details: object) -> None:
        super().__init__(message)
        self.code, self.message, self.details = code, message, details


Webp = bytes


@dataclass(frozen=True)
class Measured:
    """What a file of ours is. Pictures have no length, sounds no pixels."""

    content_type: str
    bytes: int
    width: int | None = None
    height: int | None = None
    milliseconds: int | None = None
    thumbnail: Webp = field(default=b"", repr=False)  # a small WebP, of a picture

    @property
    def kind(self) -> str:
        return self.content_type.split("/")[0]


def _refuse(code: str, limit: str, given: int, message: str) -> None:
    side = "at_least" if limit.endswith("_min") else "at_most"
    raise BadFile(code, message, limit=limit, given=given, **{side: LIMITS[limit]})


def refuse_too_many_bytes(kind: str, size: int) -> None:
    """Raises BadFile. `size` may be what was seen so far: it only grows."""
    most = BYTES_MAX[kind]
    if size > most:
        _refuse(
            "media_too_large",
            f"{kind}_bytes_max",
            size,
            f"the {kind} is larger than {most:,} bytes.",
        )


def check(file: Measured) -> None:
    """Whether one file alone can be used at all. Raises BadFile."""
    refuse_too_many_bytes(file.kind, file.bytes)
    if file.kind == "image":
        _check_pixels(file, None, "image_pixels_max")
    elif file.kind == "video":
        _check_pixels(file, "video_pixels_min", "video_pixels_max")
        _check_length([file], "the video is", "videos_milliseconds_max")
    else:
        _check_length([file], "the sound is", "audios_milliseconds_max")


def check_videos_together(videos: list[Measured]) -> None:
    """Whether the videos of one request can be used beside each other. Raises BadFile."""
    if not videos:
        return
    size = sum(file.bytes for file in videos)
    if size > (most := LIMITS["videos_bytes_max"]):
        _refuse(
            "media_too_large",
            "videos_bytes_max",
            size,
            f"the videos are together larger than {most:,} bytes.",
        )
    _check_length(videos, "the videos are together", "videos_milliseconds_max")
    if (total := _milliseconds(videos)) < (least := LIMITS["videos_milliseconds_min"]):
        _refuse(
            "media_too_short",
            "videos_milliseconds_min",
            total,
            f"the videos are together {_seconds(total)} s long; at least {_seconds(least)} s are needed.",
        )


def check_audios_together(audios: list[Measured]) -> None:
    """As `check_videos_together`, of sounds."""
    _check_length(audios, "the sounds are together", "audios_milliseconds_max")


def _check_pixels(file: Measured, least_name: str | None, most_name: str) -> None:
    assert file.width is not None, file
    assert file.height is not None, file
    pixels, most = file.width * file.height, LIMITS[most_name]
    least = LIMITS[least_name] if least_name else 0
    if pixels > most:
        words = f"at most {most:,} are allowed"
    elif pixels < least:
        words = f"at least {least:,} are needed"
    else:
        return
    _refuse(
        "media_wrong_size",
        most_name if pixels > most or not least_name else least_name,
        pixels,
        f"the {file.kind} has {file.width}x{file.height} = {pixels:,} pixels; {words}.",
    )


def _check_length(files: list[Measured], who: str, limit: str) -> None:
    total, most = _milliseconds(files), LIMITS[limit]
    if total > most + SLACK_MILLISECONDS:
        _refuse(
            "media_too_long",
            limit,
            total,
            f"{who} {_seconds(total)} s long; {_seconds(most)} s are allowed.",
        )


def _milliseconds(files: list[Measured]) -> int:
    return sum(file.milliseconds or 0 for file in files)


def _seconds(milliseconds: int) -> str:
    """15 for 15,000 and 15.1 for 15,100: never rounded down to what is allowed."""
    return f"{milliseconds / 1000:.3f}".rstrip("0").rstrip(".")

"""What the pages about the models say, all of it from the catalog: prices, fields, limits and a request to try."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.utils import timezone

from generations import catalog, limits, offers, presentation, rate_cards, snippets
from generations.catalog import Family, Model
from generations.file_types import EXTENSIONS

DOES = {
    Family.TEXT: "Makes a video from a prompt alone.",
    Family.IMAGE: "Sets a picture in motion: it is the first frame, and another one may be the last.",
    Family.REFERENCE: "Makes a new video from pictures, videos and sounds that the prompt refers to.",
}
FIELD_WORDS = {
    "prompt": "What the video shows.",
    "resolution": "How many pixels, and so the price of a second.",
    "duration": "Seconds. auto lets the model choose; the longest is held, the seconds produced are charged.",
    "aspect_ratio": "The shape of the picture. auto follows the prompt or the files.",
    "generate_audio": "With sound or without; the price is the same.",
    "seed": "The same seed and request give a similar video.",
    "image_url": "The first frame.",
    "end_image_url": "The last frame.",
    "image_urls": "The prompt calls them @Image1, @Image2, …",
    "video_urls": "The prompt calls them @Video1, @Video2, …",
    "audio_urls": "The prompt calls them @Audio1, @Audio2, …; there must be an image or a video, too.",
}
LIMIT_WORDS = {
    "images_max": "Images in one request",
    "videos_max": "Videos in one request",
    "audios_max": "Sounds in one request",
    "files_max": "Files of all kinds in one request",
    "image_bytes_max": "Size of an image",
    "image_pixels_max": "Pixels of an image",
    "video_bytes_max": "Size of a video",
    "videos_bytes_max": "Size of the videos together",
    "video_pixels_min": "Pixels of a video, at least",
    "video_pixels_max": "Pixels of a video",
    "videos_milliseconds_min": "Length of the videos together, at least",
    "videos_milliseconds_max": "Length of the videos together",
    "audio_bytes_max": "Size of a sound",
    "audios_milliseconds_max": "Length of the sounds together",
}
COUNTS = {
    "images_max": catalog.IMAGES_MAX,
    "videos_max": catalog.VIDEOS_MAX,
    "audios_max": catalog.AUDIOS_MAX,
    "files_max": catalog.FILES_MAX,
}
SAMPLE = "kite.jpg"  # a picture of ours, that everybody may fetch


@dataclass(frozen=True)
class Price:
    """A resolution on sale, by the list: what a second costs, and with that the shortest and the longest video."""

    resolution: str
    rule: str
    rate_microusd: int
    seconds: tuple[int, ...]

    @property
    def least_microusd(self) -> int:
        return self.seconds[0] * self.rate_microusd

    @property
    def most_microusd(self) -> int:
        return self.seconds[-1] * self.rate_microusd


@dataclass(frozen=True)
class Field:
    name: str
    takes: str
    words: str
    is_required: bool = False
    default: str = ""


@dataclass(frozen=True)
class Limit:
    """A refusal names it so, in `details.limit`."""

    name: str
    words: str
    number: str


def does(model: Model) -> str:
    return DOES[model.family]


def prices(model: Model) -> list[Price]:
    """None when nothing of the model is on sale."""
    card, offer = rate_cards.list_card(timezone.now()), offers.of(model)
    return [
        Price(name, rule.name, rule.rate_microusd_per_second, offer.seconds)
        for name in offer.resolutions
        for rule in card.rules_for(model, name)[:1]
    ]


def fields(model: Model) -> list[Field]:
    """The fields of a request that are the model's own; those that every request has are the API's to explain."""
    schema = presentation.input_schema(model)
    return [
        Field(
            name,
            _takes(said),
            FIELD_WORDS[name],
            is_required=name in schema["required"],
            default=str(said["default"]).lower() if "default" in said else "",
        )
        for name, said in schema["properties"].items()
    ]


def _takes(said: dict[str, Any]) -> str:
    if "enum" in said:
        words = list(map(str, said["enum"]))
        numbers = [word for word in words if word.isdigit()]
        if len(numbers) > 2 and numbers == [
            str(n) for n in range(int(numbers[0]), int(numbers[-1]) + 1)
        ]:
            others = [word for word in words if not word.isdigit()]
            words = [*others, f"{numbers[0]} to {numbers[-1]}"]
        return ", ".join(words)
    if said["type"] == "array":
        return f"a list of {said['maxItems']} URLs at most"
    if said.get("format") == "uri":
        return "a URL"
    if said["type"] == "integer":
        return f"a whole number, {said['minimum']} to {said['maximum']:,}"
    if said["type"] == "boolean":
        return "true, false"
    return f"a text of {said['maxLength']:,} characters at most"


def kinds(model: Model) -> list[tuple[str, str]]:
    """("image", "JPEG, PNG, WEBP") for each kind of file that the model takes."""
    return [
        (kind, ", ".join(_spelled(name) for name in EXTENSIONS if name.startswith(f"{kind}/")))
        for kind in limits.BYTES_MAX
        if any(kind in field for field in model.fields)
    ]


def _spelled(content_type: str) -> str:
    return {"image/jpeg": "JPEG", "image/webp": "WebP", "audio/mpeg": "MP3"}.get(
        content_type, EXTENSIONS[content_type].upper()
    )


def limits_of(model: Model) -> list[Limit]:
    """Every limit on the model's files, kind by kind."""
    return [
        Limit(name, LIMIT_WORDS[name], _number(name, number)) for name, number in _limits(model)
    ]


def _limits(model: Model) -> Iterator[tuple[str, int]]:
    if model.family == Family.REFERENCE:
        yield from COUNTS.items()
    for kind, _ in kinds(model):
        yield from ((name, most) for name, most in limits.LIMITS.items() if name.startswith(kind))


def _number(name: str, number: int) -> str:
    if "bytes" in name:
        return f"{number // 1_000_000} MB ({number:,} bytes)"
    if "milliseconds" in name:
        return f"{number // 1000} s"
    return f"{number:,}"


def sample(model: Model) -> str:
    """Lines for a shell that run as pasted, with the key in the environment. A file is sent first."""
    body: dict[str, Any] = {"model": model.slug, "prompt": snippets.PROMPT_UNTIL_TYPED}
    offer = offers.of(model)
    body |= {"resolution": offer.resolutions[0], "duration": offer.seconds[0]}
    if model.family == Family.TEXT:
        return snippets.of(body)[0].code
    if model.family == Family.IMAGE:
        body |= {"image_url": "upload:$UPLOAD", "prompt": "The kite climbs; the camera follows it."}
    else:
        body |= {
            "image_urls": ["upload:$UPLOAD"],
            "prompt": "The kite of @Image1 over a city at night.",
        }
    return snippets.with_upload(
        settings.PUBLIC_URL, f"{settings.STATIC_URL}pictures/{SAMPLE}", body
    )

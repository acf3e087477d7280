"""The six Seedance 2.0 models: what each accepts and what a second costs.

Sources: the model pages of reference-to-video and image-to-video (2026-05-28 and 2026-06-01) and the
skill page of the two fast models. The slugs of standard text-to-video and fast reference-to-video
follow the pattern of the others; no document shows them.
"""

from collections.abc import Callable
from typing import Any

from seedance_saas.simulators.internet import is_public_address
from seedance_saas.simulators.order import RATIOS

DURATIONS = ("auto", *(str(seconds) for seconds in range(4, 16)))
FILES_MAX = {"image_urls": 9, "video_urls": 3, "audio_urls": 3}
FILES_TOTAL_MAX = 12
# Per second of output. 1080p has a price on the standard pages although the schema does not offer it.
RATES_MICROUSD = {
    "standard": {"480p": 141_200, "720p": 302_400, "1080p": 685_000},
    "fast": {"480p": 112_900, "720p": 241_900},
}
_STEM = "bytedance-seedance-2-0"
_TASKS = {"text": "Text to Video", "image": "Image to Video", "reference": "Reference to Video"}
SLUGS = {
    f"{_STEM}-{task}-to-video{suffix}": (task, tier)
    for task in _TASKS
    for suffix, tier in (("", "standard"), ("-fast", "fast"))
}


class InvalidInput(Exception):
    """The input does not fit the model's schema; the text says which field and why."""


def rate_microusd(slug: str, resolution: str) -> int:
    return RATES_MICROUSD[SLUGS[slug][1]][resolution]


def resolutions(slug: str, *, open_1080p: bool) -> list[str]:
    names = ["480p", "720p"]
    return [*names, "1080p"] if open_1080p and SLUGS[slug][1] == "standard" else names


def describe(slug: str, *, open_1080p: bool) -> dict[str, Any]:
    """One model as GET /v1/models/{slug} shows it (ModelDetail of the OpenAPI file)."""
    task, tier = SLUGS[slug]
    dollars, cents = divmod(rate_microusd(slug, "720p") // 100, 10_000)
    return {
        "title": f"Bytedance | Seedance 2.0{' Fast' if tier == 'fast' else ''} | {_TASKS[task]}",
        "slug": slug,
        "version": "0.0.1",
        "output_type": "video",
        "cost": f"720p resolution: ${dollars}.{cents:04d} per second based on output duration.",
        "request_schema": {
            "type": "object",
            "required": ["prompt", "image_url"] if task == "image" else ["prompt"],
            "properties": _properties(task, resolutions(slug, open_1080p=open_1080p)),
        },
    }


def _properties(task: str, names: list[str]) -> dict[str, Any]:
    address = {"type": "string", "format": "uri"}
    files: dict[str, Any] = {}
    if task == "image":
        files = {"image_url": address, "end_image_url": address}
    if task == "reference":
        files = {
            "image_urls": {"type": "array", "items": address, "maxItems": 9},
            "video_urls": {"type": "array", "items": address, "maxItems": 3},
            "audio_urls": {"type": "array", "items": address, "maxItems": 3},
        }
    return {
        "prompt": {"type": "string"},
        **files,
        "resolution": {"type": "string", "enum": names, "default": "720p"},
        "duration": {"type": "string", "enum": list(DURATIONS), "default": "auto"},
        "aspect_ratio": {"type": "string", "enum": ["auto", *RATIOS], "default": "auto"},
        "generate_audio": {"type": "boolean", "default": True},
        "seed": {"type": "string"},
        "end_user_id": {"type": "string"},
    }


def check(slug: str, given: dict[str, Any], *, open_1080p: bool) -> dict[str, Any]:
    """The input with its defaults and file lists filled in. Raises InvalidInput.

    Unknown fields are left alone: whether the original refuses them is in no document.
    """
    task, _ = SLUGS[slug]
    prompt = given.get("prompt")
    _must(isinstance(prompt, str) and bool(prompt.strip()), "prompt: is required")
    checked = dict(given)
    offered = resolutions(slug, open_1080p=open_1080p)
    checked["resolution"] = _choice(given, "resolution", offered, "720p")
    checked["duration"] = _choice(given, "duration", DURATIONS, "auto", accept=_as_text)
    checked["aspect_ratio"] = _choice(given, "aspect_ratio", ("auto", *RATIOS), "auto")
    checked["generate_audio"] = True if (wanted := given.get("generate_audio")) is None else wanted
    _must(isinstance(checked["generate_audio"], bool), "generate_audio: must be a boolean")
    _must(isinstance(given.get("seed"), str | int | None), "seed: must be a string")
    _must(isinstance(given.get("end_user_id"), str | None), "end_user_id: must be a string")
    if task == "image":
        _must(bool(given.get("image_url")), "image_url: is required")
        for name in ("image_url", "end_image_url"):
            if given.get(name):
                _address(name, given[name])
    if task == "reference":
        _check_references(checked)
    return checked


def _check_references(checked: dict[str, Any]) -> None:
    counts = {}
    for name, most in FILES_MAX.items():
        # video_urls and audio_urls are typed "string" and described as lists: both are read.
        value = checked.get(name) or []
        urls = [value] if isinstance(value, str) else value
        _must(isinstance(urls, list), f"{name}: must be an array")
        _must(len(urls) <= most, f"{name}: at most {most} files")
        for url in urls:
            _address(name, url)
        checked[name], counts[name] = urls, len(urls)
    _must(sum(counts.values()) <= FILES_TOTAL_MAX, f"at most {FILES_TOTAL_MAX} files in all")
    _must(
        not counts["audio_urls"] or bool(counts["image_urls"] or counts["video_urls"]),
        "audio_urls: at least one reference image or video is required",
    )


def _choice(
    given: dict[str, Any],
    name: str,
    offered: tuple[str, ...] | list[str],
    default: str,
    accept: Callable[[Any], Any] = lambda value: value,
) -> str:
    value = accept(given.get(name))
    if value in (None, ""):
        return default
    _must(value in offered, f"{name}: must be one of {', '.join(offered)}")
    return str(value)


def _as_text(value: Any) -> Any:
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _address(name: str, value: Any) -> None:
    _must(
        isinstance(value, str) and is_public_address(value),
        f"{name}: must be a publicly reachable HTTPS URL; data URIs and localhost are rejected",
    )


def _must(holds: bool, message: str) -> None:
    if not holds:
        raise InvalidInput(message)

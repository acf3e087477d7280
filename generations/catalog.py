"""The models we sell and what each accepts. Facts from the upstreams' own model pages; no prices here."""

from dataclasses import dataclass, field
from enum import StrEnum


class Tier(StrEnum):
    STANDARD = "standard"
    FAST = "fast"


class Family(StrEnum):
    TEXT = "text"
    IMAGE = "image"
    REFERENCE = "reference"


RESOLUTIONS = ("480p", "720p", "1080p", "4k")  # all that may have a price
# 640x640 is 480p and 834x1112 is 720p, whatever their sides; between two the border is the geometric mean.
_PIXELS_BELOW = {"480p": 616_000, "720p": 1_387_000, "1080p": 4_147_000}
RESOLUTION_DEFAULT = "720p"
ASPECT_RATIOS = ("auto", "21:9", "16:9", "4:3", "1:1", "3:4", "9:16")
SECONDS_MIN, SECONDS_MAX = 4, 15
SEED_MAX = 2**31 - 1
PROMPT_LENGTH_MAX = 10_000
IMAGES_MAX, VIDEOS_MAX, AUDIOS_MAX, FILES_MAX = 9, 3, 3, 12


@dataclass(frozen=True)
class Model:
    """One thing on sale. What of it is offered today is `offers.of(model)`; this is what the documents say."""

    slug: str
    family: Family
    tier: Tier
    typical_seconds: int  # to render, until we have measured it ourselves
    slugs: dict[str, str] = field(hash=False)  # provider -> its name there
    unverified: tuple[
        str, ...
    ] = ()  # providers whose name for it follows the others' pattern, unseen
    resolutions: tuple[str, ...] = ("480p", "720p")
    seconds: tuple[int, ...] = tuple(range(SECONDS_MIN, SECONDS_MAX + 1))

    @property
    def aliases(self) -> tuple[str, ...]:
        """The names under which the upstreams sell the same."""
        return tuple(self.slugs.values())

    @property
    def title(self) -> str:
        name = {
            "text": "Text to video",
            "image": "Image to video",
            "reference": "Reference to video",
        }
        return name[self.family] + (", fast" if self.tier == Tier.FAST else "")

    @property
    def fields(self) -> tuple[str, ...]:
        """The file fields that this model takes beside the options that all take."""
        return {
            Family.TEXT: (),
            Family.IMAGE: ("image_url", "end_image_url"),
            Family.REFERENCE: ("image_urls", "video_urls", "audio_urls"),
        }[self.family]


def _slugs(eachlabs: str, fal: str, oxen: str) -> dict[str, str]:
    return {
        "eachlabs": f"bytedance-seedance-2-0-{eachlabs}",
        "fal": f"bytedance/seedance-2.0/{fal}",
        "oxen": f"bytedance-seedance-2-0-{oxen}",
    }


_T, _I, _R = Family.TEXT, Family.IMAGE, Family.REFERENCE
_STANDARD, _FAST = Tier.STANDARD, Tier.FAST
# Ours, what it is, how long it usually takes, and what EachLabs, fal and Oxen call it: "fast" stands last,
# first in the path, and in the middle.
# fmt: off
MODELS: tuple[Model, ...] = (
    Model("seedance-2.0-text-to-video", _T, _STANDARD, 180,
          _slugs("text-to-video", "text-to-video", "text-to-video"), unverified=("eachlabs",)),
    Model("seedance-2.0-image-to-video", _I, _STANDARD, 220,
          _slugs("image-to-video", "image-to-video", "image-to-video")),
    Model("seedance-2.0-reference-to-video", _R, _STANDARD, 200,
          _slugs("reference-to-video", "reference-to-video", "reference-to-video")),
    Model("seedance-2.0-fast-text-to-video", _T, _FAST, 120,
          _slugs("text-to-video-fast", "fast/text-to-video", "fast-text-to-video")),
    Model("seedance-2.0-fast-image-to-video", _I, _FAST, 150,
          _slugs("image-to-video-fast", "fast/image-to-video", "fast-image-to-video")),
    Model("seedance-2.0-fast-reference-to-video", _R, _FAST, 150,
          _slugs("reference-to-video-fast", "fast/reference-to-video", "fast-reference-to-video"),
          unverified=("eachlabs",)),
)
# fmt: on
_AS_OURS = {
    "Image": ("image_url", "end_image_url", "image_urls"),
    "Video": ("video_urls",),
    "Audio": ("audio_urls",),
}
# The fields in which a provider takes the files of a kind, in the order in which its @Image1, @Image2, …
# count them. Oxen counts what shows faces first (its model pages of July 2026).
FILE_ORDER: dict[str, dict[str, tuple[str, ...]]] = {
    "eachlabs": _AS_OURS,
    "fal": _AS_OURS,
    "oxen": {
        "Image": ("input_image", "tail_image_url", "input_face_images", "input_images"),
        "Video": ("input_face_videos", "input_videos"),
        "Audio": ("input_audios",),
    },
}
_BY_NAME = {name: model for model in MODELS for name in (model.slug, *model.aliases)}


def resolution_of(pixels: int) -> str:
    """Which of RESOLUTIONS a picture of so many pixels is nearest to, whatever its sides."""
    return next((name for name, most in _PIXELS_BELOW.items() if pixels < most), RESOLUTIONS[-1])


def find(name: str) -> Model | None:
    """The model under its own slug or under any upstream's name for it."""
    return _BY_NAME.get(name)

"""The models we sell and what each accepts. Facts from the upstreams' own model pages; no prices here."""

from dataclasses import dataclass
from enum import StrEnum


class Tier(StrEnum):
    STANDARD = "standard"
    FAST = "fast"


class Family(StrEnum):
    TEXT = "text"
    IMAGE = "image"
    REFERENCE = "reference"


RESOLUTIONS = ("480p", "720p", "1080p")  # all that have a price; what is sold is on the model
# 640x640 is 480p and 834x1112 is 720p, whatever their sides; between two the border is the geometric mean.
_PIXELS_BELOW = {"480p": 616_000, "720p": 1_387_000}
RESOLUTION_DEFAULT = "720p"
ASPECT_RATIOS = ("auto", "21:9", "16:9", "4:3", "1:1", "3:4", "9:16")
SECONDS_MIN, SECONDS_MAX = 4, 15
SEED_MAX = 2**31 - 1
PROMPT_LENGTH_MAX = 10_000
IMAGES_MAX, VIDEOS_MAX, AUDIOS_MAX, FILES_MAX = 9, 3, 3, 12


@dataclass(frozen=True)
class Model:
    """One thing on sale. `aliases` are the names under which the upstreams sell the same."""

    slug: str
    family: Family
    tier: Tier
    typical_seconds: int  # to render, until we have measured it ourselves
    aliases: tuple[str, ...]
    resolutions: tuple[str, ...] = ("480p", "720p")

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


def _model(family: Family, tier: Tier, typical_seconds: int) -> Model:
    fast = tier == Tier.FAST
    return Model(
        slug=f"seedance-2.0-{'fast-' if fast else ''}{family}-to-video",
        family=family,
        tier=tier,
        typical_seconds=typical_seconds,
        aliases=(
            f"bytedance-seedance-2-0-{family}-to-video{'-fast' if fast else ''}",  # EachLabs
            f"bytedance/seedance-2.0{'/fast' if fast else ''}/{family}-to-video",  # fal
            f"bytedance-seedance-2-0-{'fast-' if fast else ''}{family}-to-video",  # Oxen
        ),
    )


MODELS: tuple[Model, ...] = (
    _model(Family.TEXT, Tier.STANDARD, 180),
    _model(Family.IMAGE, Tier.STANDARD, 220),
    _model(Family.REFERENCE, Tier.STANDARD, 200),
    _model(Family.TEXT, Tier.FAST, 120),
    _model(Family.IMAGE, Tier.FAST, 150),
    _model(Family.REFERENCE, Tier.FAST, 150),
)
_BY_NAME = {name: model for model in MODELS for name in (model.slug, *model.aliases)}


def resolution_of(pixels: int) -> str:
    """Which of RESOLUTIONS a picture of so many pixels is nearest to, whatever its sides."""
    return next((name for name, most in _PIXELS_BELOW.items() if pixels < most), RESOLUTIONS[-1])


def find(name: str) -> Model | None:
    """The model under its own slug or under any upstream's name for it."""
    return _BY_NAME.get(name)

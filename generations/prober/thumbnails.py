"""A picture as lists show it: small enough that a page of many stays light."""

from contextlib import suppress
from pathlib import Path

from PIL import Image

SIDE_MAX = 384  # of a card at its widest
QUALITY = 62


def write(image: Image.Image, small: Path) -> None:
    """The picture in at most SIDE_MAX pixels a side, as WebP, with nothing but its pixels.

    What no thumbnail can be made of is still a good picture: then nothing is written.
    """
    scale = min(1.0, SIDE_MAX / max(image.size))
    size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
    with suppress(OSError, ValueError):
        reduced = image.resize(size)  # before anything else, so that no second large one is held
        has_alpha = reduced.mode in ("RGBA", "LA", "PA") or "transparency" in image.info
        plain = reduced.convert("RGBA" if has_alpha else "RGB")
        plain.info = {}
        plain.save(small, "WEBP", quality=QUALITY, method=4)

"""A camera that moves over given pictures and dissolves from one to the next."""

import io
import random
from collections.abc import Sequence

from PIL import Image, ImageOps

BILINEAR = Image.Resampling.BILINEAR
ROOM = 1.16  # how much larger than the frame a picture is kept, for the camera to move in
PIXELS_MAX = 50_000_000


def read(content: bytes) -> Image.Image:
    """A picture as a person sees it: turned by its EXIF, without transparency."""
    with Image.open(io.BytesIO(content)) as image:
        if image.width * image.height > PIXELS_MAX:
            raise ValueError("too many pixels")
        return ImageOps.exif_transpose(image).convert("RGB")


class Pan:
    def __init__(self, text: str, pictures: Sequence[Image.Image], size: tuple[int, int]) -> None:
        chance = random.Random(f"pan {text}")  # noqa: S311 (a picture)
        self._size = size
        room = (round(size[0] * ROOM), round(size[1] * ROOM))
        self._pictures = [
            ImageOps.fit(picture, room, Image.Resampling.LANCZOS, centering=(0.5, 0.42))
            for picture in pictures
        ]
        self._goes_in = [index % 2 == 0 for index in range(len(pictures))]
        self._drift = [(chance.uniform(0.2, 0.8), chance.uniform(0.25, 0.75)) for _ in pictures]

    def frame(self, at: float) -> Image.Image:
        """The picture at `at` (0 to 1): each has its share of the film, a third of it dissolving."""
        count = len(self._pictures)
        index = min(int(at * count), count - 1)
        within = at * count - index
        shown = self._view(index, (within + 0.5) / 2 if count > 1 else within)
        if index + 1 < count and within > 0.66:
            share = (within - 0.66) / 0.34
            following = self._view(index + 1, (within - 0.5) / 2)
            return Image.blend(shown, following, share * share * (3 - 2 * share))
        return shown

    def _view(self, index: int, at: float) -> Image.Image:
        picture = self._pictures[index]
        eased = at * at * (3 - 2 * at) * 0.4 + at * 0.6
        zoom = 1 - (1 - 1 / ROOM) * (eased if self._goes_in[index] else 1 - eased)
        width, height = picture.width * zoom, picture.height * zoom
        across, down = self._drift[index]
        left = (picture.width - width) * across
        top = (picture.height - height) * down
        return picture.resize(self._size, BILINEAR, box=(left, top, left + width, top + height))

"""Colours of the invented films: a teal-and-orange grade, chosen by what the prompt says."""

import random
import re
from dataclasses import dataclass

from PIL import Image

Colour = tuple[int, int, int]


@dataclass(frozen=True)
class Palette:
    """`sky` from zenith to horizon. Things far away take on `sky[-1]`, things near `near`."""

    sky: tuple[Colour, Colour, Colour, Colour]
    sun: Colour
    near: Colour
    cloud: Colour
    has_stars: bool = False
    haze: float = 0.35  # how much of the upper sky is in the distance


DUSK = Palette(
    ((9, 38, 62), (30, 96, 116), (214, 150, 104), (255, 190, 116)),
    (255, 222, 168),
    (7, 24, 33),
    (255, 196, 148),
)
DAWN = Palette(
    ((22, 72, 98), (88, 154, 166), (238, 190, 150), (255, 222, 182)),
    (255, 240, 206),
    (12, 42, 52),
    (255, 232, 208),
)
EMBER = Palette(
    ((14, 26, 46), (58, 62, 88), (204, 100, 64), (255, 156, 82)),
    (255, 206, 140),
    (15, 17, 27),
    (255, 150, 104),
)
CLEAR = Palette(
    ((10, 78, 104), (60, 146, 162), (176, 206, 196), (255, 228, 188)),
    (255, 246, 220),
    (9, 46, 54),
    (255, 250, 240),
)
NIGHT = Palette(
    ((3, 10, 24), (8, 32, 52), (24, 78, 94), (206, 126, 80)),
    (250, 236, 208),
    (3, 10, 17),
    (64, 110, 124),
    has_stars=True,
    haze=0.82,
)
_WORDS = (
    (EMBER, r"deserts?|mars|martian|fires?|volcano\w*|canyons?|lava|autumn|lions?|savann\w+"),
    (NIGHT, r"nights?|stars?|moon\w*|space|galaxy|neon|midnight"),
    (DUSK, r"sunset|dusk|evening|golden|amber|twilight"),
    (DAWN, r"sunrise|dawn|morning|mist\w*|fog\w*|soft"),
    (CLEAR, r"day|noon|blue|sea|ocean|beach|summer|snow\w*|sky|lake"),
)
_PLACES = (
    ("city", r"city|street\w*|town|tower\w*|skyscraper\w*|neon|urban|houses?|traffic"),
    (
        "sea",
        r"seas?|ocean\w*|beach\w*|waves?|lake\w*|boats?|ships?|island\w*|surf\w*|water|harbou?r",
    ),
    ("dunes", r"deserts?|dunes?|mars|martian|canyons?|sand\w*|savann\w+"),
    ("hills", r"mountain\w*|hills?|forest\w*|tree\w*|valley\w*|snow\w*|alp\w*"),
)


def choose(text: str) -> Palette:
    for palette, words in _WORDS:
        if re.search(rf"\b({words})\b", text, re.IGNORECASE):
            return palette
    return random.Random(f"palette {text}").choice((DUSK, DUSK, DAWN, EMBER, CLEAR))  # noqa: S311 (a picture)


def place(text: str) -> str:
    for name, words in _PLACES:
        if re.search(rf"\b({words})\b", text, re.IGNORECASE):
            return name
    return random.Random(f"place {text}").choice(("hills", "hills", "sea", "dunes", "city"))  # noqa: S311 (a picture)


def mix(first: Colour, second: Colour, share: float) -> Colour:
    """`share` of the second, the rest of the first."""
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(first, second, strict=True))
    return red, green, blue


def gradient(
    colours: tuple[Colour, ...], stops: tuple[float, ...], size: tuple[int, int]
) -> Image.Image:
    """Top to bottom through `colours` at `stops` (0 to 1), eased so that no edge is seen."""
    height = 256
    column = Image.new("RGB", (1, height))
    for y in range(height):
        at = y / (height - 1)
        index = max(i for i, stop in enumerate(stops[:-1]) if stop <= at or i == 0)
        share = (at - stops[index]) / (stops[index + 1] - stops[index])
        share = min(max(share, 0.0), 1.0)
        share = share * share * (3 - 2 * share) * 0.5 + share * 0.5
        column.putpixel((0, y), mix(colours[index], colours[index + 1], share))
    return column.resize(size, Image.Resampling.BICUBIC)

"""What stands before the sky: ridges, dunes, a skyline, a headland. Drawn once per film."""

import math
import random
from collections.abc import Callable
from dataclasses import dataclass

from PIL import Image, ImageDraw

Drawn = tuple[Image.Image, Image.Image | None]


@dataclass(frozen=True)
class Plan:
    """Shares of the frame's height: no point above `top`, the valleys at `base`. `travel`: drift in widths."""

    draw: Callable[[random.Random, tuple[int, int], "Plan", int, int], Drawn]
    top: float
    base: float
    travel: float
    roughness: float = 1.0


def ridge(chance: random.Random, size: tuple[int, int], plan: Plan, height: int, top: int) -> Drawn:
    mask = Image.new("L", (size[0] * 2, size[1] * 2))
    heights = _profile(chance, size[0], plan, height, top)
    _fill_below(mask, heights)
    return mask.resize(size, Image.Resampling.BOX), None


def pines(chance: random.Random, size: tuple[int, int], plan: Plan, height: int, top: int) -> Drawn:
    """A ridge with firs on it."""
    mask = Image.new("L", (size[0] * 2, size[1] * 2))
    heights = [y + height * 0.05 for y in _profile(chance, size[0], plan, height, top)]
    _fill_below(mask, heights)
    draw = ImageDraw.Draw(mask)
    x = -10.0
    while x < size[0]:
        tall = height * chance.uniform(0.035, 0.10) * chance.uniform(0.6, 1.0)
        foot = heights[min(max(int(x), 0), size[0] - 1)] + height * 0.012
        _fir(draw, x * 2, foot * 2, tall * 2)
        x += tall * chance.choice((0.22, 0.3, 0.36, 0.9))
    return mask.resize(size, Image.Resampling.BOX), None


def skyline(
    chance: random.Random, size: tuple[int, int], plan: Plan, height: int, top: int
) -> Drawn:
    """Houses with lit windows."""
    mask, lights = Image.new("L", size), Image.new("L", size)
    draw, glow = ImageDraw.Draw(mask), ImageDraw.Draw(lights)
    unit, x = height * 0.011 * plan.roughness, 0.0
    tallest = plan.base * height - top
    while x < size[0]:
        wide = unit * chance.randrange(5, 12)
        tall = tallest * (0.16 + 0.84 * chance.random() ** 1.7)
        roof = int(plan.base * height - top - tall)
        draw.rectangle((x, roof, x + wide - 1, size[1]), fill=255)
        if chance.random() < 0.28:
            mast = x + wide * chance.uniform(0.3, 0.7)
            draw.rectangle((mast, roof - tall * 0.14, mast + max(1, unit * 0.16), roof), fill=255)
        _windows(chance, glow, (x + unit, roof + unit * 1.4, x + wide - unit, size[1]), unit)
        x += wide + (unit * chance.random() if chance.random() < 0.3 else 0)
    return mask, lights


def headland(
    chance: random.Random, size: tuple[int, int], plan: Plan, height: int, top: int
) -> Drawn:
    """Land that runs out into the water from one side."""
    from_left = chance.random() < 0.5
    reach = size[0] * chance.uniform(0.42, 0.6)
    rough = _profile(chance, size[0], plan, height, top)
    base = plan.base * height - top
    heights = []
    for x, y in enumerate(rough):
        share = (x if from_left else size[0] - x) / reach
        fall = min(1.0, max(0.0, share)) ** 2.2
        heights.append(y + (base - y) * fall if share < 1 else float(size[1]))
    mask = Image.new("L", (size[0] * 2, size[1] * 2))
    _fill_below(mask, heights, floor=base)
    return mask.resize(size, Image.Resampling.BOX), None


def _profile(chance: random.Random, width: int, plan: Plan, height: int, top: int) -> list[float]:
    """Heights in rows from `top`, one per column: waves of falling length and height."""
    waves = [
        (chance.uniform(0.75, 1.25) * 2**octave, chance.uniform(0, math.tau), 0.5**octave)
        for octave in range(7 if plan.roughness >= 1 else 3)
    ]
    scale = math.tau / (height * 1.9)
    total = sum(weight for _, _, weight in waves)
    lowest, span = plan.base * height - top, (plan.base - plan.top) * height
    heights = []
    for x in range(width):
        sway = 0.0
        for octave, (pace, phase, weight) in enumerate(waves):
            wave = math.sin(x * scale * pace + phase)
            # Folded waves have crests like mountains; plain ones roll like dunes.
            sway += weight * ((1 - 2 * abs(wave)) if octave < 6 and plan.roughness >= 1 else wave)
        heights.append(lowest - span * (0.5 + 0.5 * sway / total) * 0.96)
    return heights


def _fill_below(mask: Image.Image, heights: list[float], floor: float | None = None) -> None:
    bottom = mask.height if floor is None else floor * 2
    outline = [(x * 2.0, y * 2.0) for x, y in enumerate(heights)]
    outline += [(mask.width, min(outline[-1][1], bottom)), (mask.width, bottom), (0, bottom)]
    ImageDraw.Draw(mask).polygon([(x, min(y, bottom)) for x, y in outline], fill=255)


def _fir(draw: ImageDraw.ImageDraw, x: float, foot: float, tall: float) -> None:
    for step in range(5):
        rise, wide = step * 0.19, 0.20 - step * 0.036
        low = foot - tall * rise
        draw.polygon(
            [(x - tall * wide, low), (x + tall * wide, low), (x, low - tall * 0.34)], fill=255
        )


def _windows(
    chance: random.Random,
    draw: ImageDraw.ImageDraw,
    box: tuple[float, float, float, float],
    unit: float,
) -> None:
    left, top, right, bottom = box
    lit = chance.uniform(0.12, 0.42)
    y = top
    while y < bottom:
        x = left
        while x < right - unit * 0.5:
            if chance.random() < lit:
                light = chance.randrange(90, 235)
                draw.rectangle((x, y, x + unit * 0.42, y + unit * 0.62), fill=light)
            x += unit
        y += unit * 1.5


PLANS = {
    "hills": (
        Plan(ridge, 0.42, 0.66, 0.03),
        Plan(ridge, 0.52, 0.74, 0.06),
        Plan(ridge, 0.60, 0.82, 0.11),
        Plan(pines, 0.68, 0.92, 0.20),
    ),
    "dunes": (
        Plan(ridge, 0.50, 0.62, 0.03),
        Plan(ridge, 0.58, 0.72, 0.06, 0.5),
        Plan(ridge, 0.66, 0.84, 0.12, 0.5),
        Plan(ridge, 0.76, 0.97, 0.22, 0.5),
    ),
    "city": (
        Plan(skyline, 0.36, 0.80, 0.04, 0.62),
        Plan(skyline, 0.44, 0.90, 0.09, 0.9),
        Plan(skyline, 0.62, 1.00, 0.18, 1.5),
    ),
    "sea": (Plan(headland, 0.46, 0.605, 0.02),),
}

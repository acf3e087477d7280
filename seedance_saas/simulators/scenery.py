"""An invented landscape that moves: sky, sun, clouds, perhaps the sea, silhouettes before them.

Everything dear is drawn once; a frame only shifts, blends and pastes. The same text gives the same
picture.
"""

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass

from PIL import Image, ImageChops, ImageDraw, ImageFilter

from seedance_saas.simulators import palette as colours
from seedance_saas.simulators import silhouettes
from seedance_saas.simulators.palette import Palette, mix

BILINEAR = Image.Resampling.BILINEAR
STOPS = (0.0, 0.42, 0.84, 1.0)


@dataclass(frozen=True)
class Layer:
    """A silhouette wider than the frame. `top`: its first row in the frame; `travel`: its drift in pixels."""

    mask: Image.Image
    fill: Image.Image
    top: int
    travel: float
    has_lights: bool


class Landscape:
    def __init__(self, text: str, size: tuple[int, int]) -> None:
        self._random = random.Random(f"landscape {text}")  # noqa: S311 (a picture)
        self._palette = colours.choose(text)
        self._place = colours.place(text)
        self._size = size
        self._horizon = {"sea": 0.6, "city": 0.8, "dunes": 0.66, "hills": 0.72}[self._place]
        self._draw_sky()
        self._layers = self._draw_layers()
        if self._place == "sea":
            self._draw_water()

    def frame(self, at: float) -> Image.Image:
        """The picture at `at` (0 to 1) of the film."""
        picture = self._sky(at)
        for layer in self._layers:
            _paste(picture, layer, at)
        return picture

    def _draw_sky(self) -> None:
        width, height = self._size
        palette, chance = self._palette, self._random
        below = round(height * self._horizon)
        early = colours.gradient(palette.sky, STOPS, (width, below))
        late_colours = tuple(mix(c, palette.near, 0.18) for c in palette.sky[:2])
        late_colours += tuple(mix(c, (255, 120, 60), 0.22) for c in palette.sky[2:])
        late = colours.gradient(late_colours, STOPS, (width, below))
        self._skies = [_extended(sky, height) for sky in (early, late)]
        if palette.has_stars:
            for sky in self._skies:
                _scatter_stars(sky, random.Random(chance.random()), below)  # noqa: S311 (a picture)
        self._is_rising = palette is colours.DAWN or chance.random() < 0.25
        self._sun_x = chance.uniform(0.24, 0.76) * width
        radius = min(width, height) * (0.04 if palette.has_stars else 0.052)
        self._halo = _halo(round(radius * 18), palette.sun)
        self._disc = _disc(radius)
        self._clouds = [
            (_clouds(chance, (int(width * 1.6), int(height * share)), density), speed, top)
            for share, density, speed, top in ((0.34, 134, 0.10, 0.05), (0.22, 126, 0.22, 0.34))
        ]
        self._vignette = _vignette(self._size)

    def _sky(self, at: float) -> Image.Image:
        width, height = self._size
        sky = Image.blend(self._skies[0], self._skies[1], 1 - at if self._is_rising else at)
        drop = 0.30 - 0.20 * at if not self._is_rising else 0.10 + 0.20 * at
        centre_y = (
            height * (self._horizon - drop)
            if self._place != "sea"
            else height * (self._horizon - 0.06 - drop * 0.6)
        )
        self._sun_y = centre_y
        halo, disc = self._halo, self._disc
        _screen(sky, halo, round(self._sun_x - halo.width / 2), round(centre_y - halo.height / 2))
        top = math.floor(centre_y - disc.height / 2)
        down = top - (centre_y - disc.height / 2)  # by fractions of a pixel, so that it glides
        box = (0, down + 1, disc.width, down + disc.height - 1)
        shown = disc.resize((disc.width, disc.height - 2), BILINEAR, box=box)
        sky.paste(self._palette.sun, (round(self._sun_x - disc.width / 2), top + 1), shown)
        for mask, speed, share in self._clouds:
            shift = speed * at * width * 0.6
            visible = mask.resize(
                (width, mask.height), BILINEAR, box=(shift, 0, shift + width, mask.height)
            )
            sky.paste(self._palette.cloud, (0, round(height * share)), visible)
        if self._place == "sea":
            self._add_water(sky, at)
        return ImageChops.multiply(sky, self._vignette)

    def _draw_water(self) -> None:
        width, height = self._size
        depth = height - round(height * self._horizon)
        chance = self._random
        # Two ripple patterns that cross each other glitter where both are bright.
        self._ripples = [_ripples(chance, (int(width * 1.5), depth)) for _ in range(2)]
        column = Image.new("L", (width, depth))
        draw = ImageDraw.Draw(column)
        for y in range(depth):
            spread = width * (0.03 + 0.16 * y / depth)
            light = 255 - 120 * y // depth
            draw.line((self._sun_x - spread, y, self._sun_x + spread, y), fill=light)
        self._path = column.filter(ImageFilter.GaussianBlur(width / 36))
        self._shade = colours.gradient(
            ((236, 226, 214), (150, 170, 178), (58, 84, 96), (26, 44, 54)),
            (0, 0.2, 0.7, 1),
            (width, depth),
        )

    def _add_water(self, sky: Image.Image, at: float) -> None:
        width, height = self._size
        surface = round(height * self._horizon)
        depth = height - surface
        mirror = sky.crop((0, max(0, surface - int(depth * 1.4)), width, surface))
        mirror = mirror.transpose(Image.Transpose.FLIP_TOP_BOTTOM)
        mirror = mirror.resize((width // 24, depth // 4), BILINEAR).resize((width, depth), BILINEAR)
        water = ImageChops.multiply(mirror, self._shade)
        slow, fast = (
            ripple.resize((width, depth), BILINEAR, box=(x, 0, x + width, depth))
            for ripple, x in zip(
                self._ripples, (at * width * 0.30, width * 0.4 * (1 - at)), strict=True
            )
        )
        crests = ImageChops.multiply(slow, fast).point(_CREST)
        water.paste(mix(self._palette.sky[3], (255, 255, 255), 0.2), (0, 0), crests.point(_FAINT))
        water.paste(self._palette.sun, (0, 0), ImageChops.multiply(crests, self._path))
        sky.paste(water, (0, surface))

    def _draw_layers(self) -> list[Layer]:
        width, height = self._size
        chance, layers = self._random, []
        plans = silhouettes.PLANS[self._place]
        for index, plan in enumerate(plans):
            nearness = (index + 1) / len(plans)
            wide = int(width * (1 + plan.travel)) + 2
            top = int(height * plan.top)
            is_nearest = index == len(plans) - 1
            bottom = height if is_nearest else int(height * min(1.0, plans[index + 1].base + 0.07))
            mask, lights = plan.draw(chance, (wide, bottom - top), plan, height, top)
            far = mix(self._palette.sky[3], self._palette.sky[1], self._palette.haze)
            body = mix(far, self._palette.near, nearness**0.8)
            foot = mix(body, far, 0.42 * (1 - nearness))
            fill = colours.gradient((body, foot), (0.0, 1.0), (wide, bottom - top))
            if lights is not None:
                fill.paste(mix(self._palette.sun, (255, 190, 110), 0.5), (0, 0), lights)
            layers.append(Layer(mask, fill, top, plan.travel * width, lights is not None))
        return layers


def _paste(picture: Image.Image, layer: Layer, at: float) -> None:
    """Shifts by fractions of a pixel: a slow drift in whole pixels would stutter."""
    width, height = picture.width, layer.mask.height
    shift = layer.travel * at
    box = (shift, 0, shift + width, height)
    mask = layer.mask.resize((width, height), BILINEAR, box=box)
    if layer.has_lights:
        fill = layer.fill.resize((width, height), BILINEAR, box=box)
    else:  # the same in every column
        fill = layer.fill.crop((0, 0, width, height))
    picture.paste(fill, (0, layer.top), mask)


def _extended(sky: Image.Image, height: int) -> Image.Image:
    """The sky down to the bottom, repeating its horizon."""
    full = Image.new("RGB", (sky.width, height))
    full.paste(
        sky.crop((0, sky.height - 1, sky.width, sky.height)).resize((sky.width, height)), (0, 0)
    )
    full.paste(sky, (0, 0))
    return full


def _screen(picture: Image.Image, light: Image.Image, left: int, top: int) -> None:
    box = (
        max(0, left),
        max(0, top),
        min(picture.width, left + light.width),
        min(picture.height, top + light.height),
    )
    part = light.crop((box[0] - left, box[1] - top, box[2] - left, box[3] - top))
    picture.paste(ImageChops.screen(picture.crop(box), part), box[:2])


def _halo(side: int, colour: colours.Colour) -> Image.Image:
    rings = Image.radial_gradient("L").resize((side, side), Image.Resampling.BICUBIC)
    # radial_gradient reaches 180 in the middle of an edge: there the light must have ended.
    rings = rings.point([round(max(0.0, 1 - value / 178) ** 2.6 * 165) for value in range(256)])
    return Image.merge("RGB", [rings.point([v * c // 255 for v in range(256)]) for c in colour])


def _disc(radius: float) -> Image.Image:
    """Drawn large and made small, for a smooth edge; with a rim for the shift in `_sky`."""
    side, rim = round(radius * 2) + 8, 4
    large = Image.new("L", (side * 4, side * 4))
    box = (rim * 4, rim * 4, (side - rim) * 4, (side - rim) * 4)
    ImageDraw.Draw(large).ellipse(box, fill=255)
    return large.resize((side, side), Image.Resampling.BOX).filter(ImageFilter.GaussianBlur(0.7))


def _noise(
    chance: random.Random, size: tuple[int, int], cells: Sequence[tuple[int, int]]
) -> Image.Image:
    """Smooth noise: coarse random grids enlarged and mixed, each finer one weighing half as much."""
    total: Image.Image | None = None
    for columns, rows in reversed(cells):
        grid = Image.frombytes("L", (columns, rows), chance.randbytes(columns * rows))
        layer = grid.resize(size, Image.Resampling.BICUBIC)
        total = layer if total is None else Image.blend(total, layer, 0.62)
    assert total is not None
    return total


def _clouds(chance: random.Random, size: tuple[int, int], density: int) -> Image.Image:
    cells = [(13, 4), (26, 7), (52, 13), (104, 24)]
    noise = _noise(chance, size, cells)
    mask = noise.point([max(0, min(215, (value - density) * 4)) for value in range(256)])
    fade = Image.linear_gradient("L").resize(size)
    fade = fade.point([round(255 * math.sin(math.pi * value / 255)) for value in range(256)])
    return ImageChops.multiply(mask, fade)


def _ripples(chance: random.Random, size: tuple[int, int]) -> Image.Image:
    """Short and thin far away, long and high near by: rows are stretched downwards."""
    width, depth = size
    flat = _noise(chance, (width, depth * 2), [(56, 110), (112, 220)])
    full = Image.new("L", size)
    for y in range(depth):
        share = (y / depth) ** 0.5
        source = int(share * (depth * 2 - 1))
        full.paste(flat.crop((0, source, width, source + 1)), (0, y))
    return full


def _scatter_stars(sky: Image.Image, chance: random.Random, below: int) -> None:
    for _ in range(sky.width * below // 900):
        x, y = chance.randrange(sky.width), int(below * chance.random() ** 1.6 * 0.9)
        light = chance.randrange(70, 235)
        base = sky.getpixel((x, y))
        assert isinstance(base, tuple)
        red, green, blue = (max(int(part), light) for part in base)
        sky.putpixel((x, y), (red, green, blue))


def _vignette(size: tuple[int, int]) -> Image.Image:
    rings = Image.radial_gradient("L").resize(size, Image.Resampling.BICUBIC)
    light = rings.point([255 - round(78 * (value / 255) ** 2.4) for value in range(256)])
    return Image.merge("RGB", [light] * 3)


_CREST = [max(0, min(255, (value - 74) * 7)) for value in range(256)]
_FAINT = [value // 5 for value in range(256)]

__all__ = ["Landscape", "Palette"]

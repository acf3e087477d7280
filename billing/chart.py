"""Stacked bars as numbers for an SVG: positions in percent and pixels, amounts exact. No floats near money."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

SERIES_MAX = 4
BARS_MAX = 62  # more days than these are drawn as weeks
LABELS_MAX = 16
_BASE, _TOP = 240_00, 18_00  # hundredths of a pixel
_GAP = 6  # of 17 parts of a bar's room


@dataclass(frozen=True)
class Part:
    series: int
    y: str
    height: str
    name: str
    microusd: int


@dataclass(frozen=True)
class Bar:
    first: date
    last: date  # the day itself when it is one
    x: str
    width: str
    middle: str
    top_y: str
    label: str
    is_odd: bool
    grows: str  # the text-anchor of its amount, which must not leave the picture at either side
    microusd: int
    parts: list[Part]


@dataclass(frozen=True)
class Tick:
    y: str
    text_y: str
    microusd: int


@dataclass(frozen=True)
class Chart:
    names: list[str]
    bars: list[Bar]
    ticks: list[Tick]
    highest: Bar
    is_weekly: bool


def stacked(
    first: date, last: date, amounts: Iterable[tuple[date, str, int]], names: Sequence[str]
) -> Chart | None:
    """Bars from `first` up to and without `last`, of (day, name, micro-dollars); None when all is nothing.

    `names` in the order of their series; those that have no series of their own share the last.
    """
    days = (last - first).days
    step = 1 if days <= BARS_MAX else 7
    count = -(-days // step)
    series = {name: min(number, SERIES_MAX - 1) for number, name in enumerate(names)}
    shown = [*names] if len(names) <= SERIES_MAX else [*names[: SERIES_MAX - 1], "Others"]
    totals = [[0] * len(shown) for _ in range(count)]
    for day, name, microusd in amounts:
        totals[(day - first).days // step][series[name]] += microusd
    most = max(map(sum, totals), default=0)
    if not most:
        return None
    ticks, top = _ticks(most)
    every = -(-count // LABELS_MAX)
    bars = []
    for number, row in enumerate(totals):
        start = first + timedelta(days=number * step)
        bars.append(
            Bar(
                first=start,
                last=min(start + timedelta(days=step), last) - timedelta(days=1),
                x=_hundredths((number * 17 + _GAP // 2) * 100_00 // (count * 17)),
                width=_hundredths((17 - _GAP) * 100_00 // (count * 17)),
                middle=_hundredths((number * 17 * 2 + 17) * 100_00 // (count * 17 * 2)),
                top_y=_hundredths(_height(sum(row), top) - 6_00),
                label=""
                if number % every
                else f"{start.day} {start:%b}"
                if every > 1 or step > 1 or start.day == 1 or not number
                else str(start.day),
                is_odd=bool(number // every % 2),
                grows="start"
                if number * 8 < count
                else "end"
                if number * 8 >= count * 7
                else "middle",
                microusd=sum(row),
                parts=list(_parts(row, shown, top)),
            )
        )
    return Chart(shown, bars, ticks, max(bars, key=lambda bar: bar.microusd), step > 1)


def _parts(row: Sequence[int], names: Sequence[str], top: int) -> Iterable[Part]:
    below = 0
    for number, (name, microusd) in enumerate(zip(names, row, strict=True)):
        if microusd:
            y, base = _height(below + microusd, top), _height(below, top)
            yield Part(number + 1, _hundredths(y), _hundredths(base - y), name, microusd)
            below += microusd


def _ticks(most: int) -> tuple[list[Tick], int]:
    """Three or more round amounts from zero up to the first that covers `most`."""
    step = next(
        unit * 10**power
        for power in range(20)
        for unit in (1, 2, 5)
        if unit * 10**power * 4 >= most
    )
    top = -(-most // step) * step
    lines = [(amount, _height(amount, top)) for amount in range(0, top + 1, step)]
    return [Tick(_hundredths(y), _hundredths(y + 4_00), amount) for amount, y in lines], top


def _height(microusd: int, top: int) -> int:
    return _BASE - (_BASE - _TOP) * microusd // top


def _hundredths(number: int) -> str:
    return f"{number // 100}.{number % 100:02d}"

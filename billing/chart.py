"""Stacked bars by day, as SVG within a page: pygal lays them out, our stylesheet draws them.

pygal's own picture brings a style sheet and a script, which the CSP of our pages forbids, and scales its text with
its width. So its axes and bars are taken out of it, positions from left to right as percent of the width: the
text keeps its size, and colours are those of our classes. Amounts stay integers; only pixels are floats.
"""

import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from xml.etree import ElementTree

import pygal
from django.utils.safestring import SafeString, mark_safe

from billing.templatetags.money import plain_money, tick_money

# pygal leaves a finder of a kind that Python has given up in the way of every later import.
sys.meta_path[:] = [one for one in sys.meta_path if not isinstance(one, pygal.PluginImportFixer)]

SERIES_MAX = 4
BARS_MAX = 62  # more days than these are drawn as weeks
LABELS_MAX = 16
WIDTH, HEIGHT = 1000, 272  # of the whole in pygal's pixels; only the height is one of ours
OTHERS = "Others"


@dataclass(frozen=True)
class Series:
    """What one value of the group is called, and where its bars lead; "": nowhere."""

    value: str
    word: str
    url: str


@dataclass(frozen=True)
class Bar:
    """One day, or the days of one week."""

    first: date
    last: date
    microusd: list[int]  # by series

    @property
    def days(self) -> str:
        days = f"{self.first.day} {self.first:%B}"
        return days if self.first == self.last else f"{days} to {self.last.day} {self.last:%B}"


@dataclass(frozen=True)
class Chart:
    svg: SafeString
    words: list[str]  # of the series, in their order
    highest: Bar
    is_weekly: bool

    @property
    def highest_microusd(self) -> int:
        return sum(self.highest.microusd)


def named(series: Sequence[Series]) -> Sequence[Series]:
    """Those that have bars of their own."""
    return series if len(series) <= SERIES_MAX else series[: SERIES_MAX - 1]


def stacked(
    first: date,
    last: date,
    amounts: Iterable[tuple[date, str | None, int]],
    series: Sequence[Series],
) -> Chart | None:
    """Bars from `first` up to and without `last`, of (day, value, micro-dollars); None when all is nothing.

    Of more series than SERIES_MAX the first have their own (`named`), all others share the last, which leads nowhere.
    """
    step = 1 if (last - first).days <= BARS_MAX else 7
    shown = [*named(series)]
    number_of: dict[str | None, int] = {one.value: number for number, one in enumerate(shown)}
    if len(series) > len(shown):
        shown.append(Series("", OTHERS, ""))
    bars = [
        Bar(start, min(start + timedelta(days=step), last) - timedelta(days=1), [0] * len(shown))
        for start in (first + timedelta(days=n) for n in range(0, (last - first).days, step))
    ]
    for day, value, microusd in amounts:
        bars[(day - first).days // step].microusd[number_of.get(value, len(shown) - 1)] += microusd
    highest = max(bars, key=lambda bar: sum(bar.microusd))
    if not sum(highest.microusd):
        return None
    ticks = _ticks(sum(highest.microusd))
    picture = _redrawn(_laid_out(bars, shown, ticks), bars, shown, highest, ticks)
    # Its texts and addresses were escaped by ElementTree.
    svg = mark_safe(ElementTree.tostring(picture, encoding="unicode", method="html"))  # noqa: S308
    return Chart(svg, [one.word for one in shown], highest, step > 1)


def _laid_out(
    bars: Sequence[Bar], series: Sequence[Series], ticks: Sequence[int]
) -> ElementTree.Element:
    """pygal's picture of them."""
    chart = pygal.StackedBar(
        width=WIDTH, height=HEIGHT, margin=0, margin_top=24, spacing=0, css=[], js=[], show_legend=False,
        range=(0, ticks[-1]), y_labels=ticks, truncate_label=-1,
    )  # fmt: skip
    chart.x_labels = _days(bars)
    for number, one in enumerate(series):
        chart.add(one.word, [bar.microusd[number] for bar in bars])
    picture: ElementTree.Element = chart.render_tree()
    return picture


def _days(bars: Sequence[Bar]) -> list[str]:
    """A day under its bar, as many as there is room for.

    Its month stands where it is new, also for whoever sees every second one only; always where bars are weeks.
    """
    every = -(-len(bars) // LABELS_MAX)
    days = [""] * len(bars)
    for number in range(0, len(bars), every):
        start, before = bars[number].first, bars[max(0, number - 2 * every)].first
        is_known = number and start.month == before.month and bars[0].first == bars[0].last
        days[number] = str(start.day) if is_known else f"{start.day} {start:%b}"
    return days


def _ticks(most: int) -> list[int]:
    """Three or more round amounts from zero up to the first that covers `most`."""
    step = next(
        unit * 10**power
        for power in range(20)
        for unit in (1, 2, 5)
        if unit * 10**power * 4 >= most
    )
    return list(range(0, -(-most // step) * step + 1, step))


# -- what is taken of pygal's picture -------------------------------------------------------------


def _redrawn(
    picture: ElementTree.Element,
    bars: Sequence[Bar],
    series: Sequence[Series],
    highest: Bar,
    ticks: Sequence[int],
) -> ElementTree.Element:
    plot = picture.find(".//g[@class='plot']")
    assert plot is not None
    background = plot.find("rect")
    assert background is not None
    width = float(background.get("width", 0))
    svg = ElementTree.Element("svg", {"class": "chart", "aria-hidden": "true"})
    svg.extend(_lines(plot, ticks))
    svg.extend(_labels(plot, width, bars))
    top, middle = float(HEIGHT), ""
    for number, (one, drawn) in enumerate(
        zip(series, plot.findall("g/g[@class='bars']"), strict=True)
    ):
        for bar, rect in zip(bars, drawn.iter("rect"), strict=True):
            if not bar.microusd[number]:
                continue
            svg.append(_part(rect, width, number, one, bar))
            if bar is highest:
                x, across = float(rect.get("x", 0)), float(rect.get("width", 0))
                top, middle = min(top, float(rect.get("y", 0))), _percent(x + across / 2, width)
    at = bars.index(highest) * 8 // len(bars)
    anchor = {0: "start", 7: "end"}.get(
        at, "middle"
    )  # it must not leave the picture at either side
    words = {"class": "strong", "x": middle, "y": f"{top - 6:.2f}", "text-anchor": anchor}
    ElementTree.SubElement(svg, "text", words).text = plain_money(sum(highest.microusd))
    return svg


def _lines(plot: ElementTree.Element, ticks: Sequence[int]) -> Iterator[ElementTree.Element]:
    """A line across for each round amount, with the amount beside it."""
    guides = plot.findall("g[@class='axis y always_show']/g")
    for microusd, guide in zip(ticks, guides, strict=True):
        text, path = guide.find("text"), guide.find("path")
        assert text is not None
        assert path is not None
        y = path.get("d", "").removeprefix("M").split()[1]
        line = {"class": "grid" if microusd else "axis", "x1": "0", "x2": "100%", "y1": y, "y2": y}
        yield ElementTree.Element("line", line)
        words = ElementTree.Element(
            "text", {"x": "-8", "y": text.get("y", ""), "text-anchor": "end"}
        )
        words.text = tick_money(microusd)
        yield words


def _labels(
    plot: ElementTree.Element, width: float, bars: Sequence[Bar]
) -> Iterator[ElementTree.Element]:
    """The days below; every second one may be left out where there is no room."""
    drawn = [text for text in plot.findall("g[@class='axis x']/g/text") if text.text]
    for number, text in enumerate(drawn):
        place = {"x": _percent(float(text.get("x", 0)), width), "y": f"{HEIGHT - 8}"}
        kind = {"class": "odd"} if number % 2 else {}
        words = ElementTree.Element("text", {**kind, **place, "text-anchor": "middle"})
        words.text = text.text
        yield words


def _part(
    rect: ElementTree.Element, width: float, number: int, series: Series, bar: Bar
) -> ElementTree.Element:
    """One value's part of one bar. The table has the same link for whoever uses no pointer."""
    hatched = number == SERIES_MAX - 1
    part = ElementTree.Element(
        "rect",
        {
            **({"fill": "url(#series-hatch)"} if hatched else {"class": f"s{number + 1}"}),
            "x": _percent(float(rect.get("x", 0)), width),
            "y": f"{float(rect.get('y', 0)):.2f}",
            "width": _percent(float(rect.get("width", 0)), width),
            "height": f"{float(rect.get('height', 0)):.2f}",
        },
    )
    said = f"{bar.days}, {series.word}: {plain_money(bar.microusd[number])}"
    ElementTree.SubElement(part, "title").text = said
    if not series.url:
        return part
    link = ElementTree.Element("a", {"href": series.url, "tabindex": "-1"})
    link.append(part)
    return link


def _percent(pixels: float, width: float) -> str:
    return f"{pixels * 100 / width:.2f}%"

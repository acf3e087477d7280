"""What can be wrong with a page as it is seen, and finding it: at two widths, light and dark."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import BrowserContext, Error, Page, Request

SIZES = {"wide": (1280, 900), "narrow": (390, 844)}
THEMES = ("light", "dark")
LOOKS = tuple((size, theme) for size in SIZES for theme in THEMES)
# Each size and each theme once: enough for a state of a page that is seen in every look elsewhere.
TWO_LOOKS = (("wide", "light"), ("narrow", "dark"))
BYTES_MAX = 300_000  # of a page with all that it loads but films
# What sticks out to the right, but for what scrolls inside itself or is there for screen readers alone.
STICKING_OUT = """() => {
  const wide = document.documentElement.clientWidth;
  const scrolls = (e) =>
    e && (getComputedStyle(e).overflowX !== "visible" || scrolls(e.parentElement));
  const out = [...document.querySelectorAll("body *")]
    .filter((e) => e.getBoundingClientRect().right > wide + 1)
    .filter((e) => !scrolls(e.parentElement) && !e.closest(".visually-hidden, thead, svg"))
    .map((e) => e.outerHTML.slice(0, 120));
  const all = document.documentElement.scrollWidth;
  return all > wide ? [`the page is ${all} wide`, ...out] : out;
}"""
# Texts that are cut off or lie over a neighbour within their line.
CROWDED = """() => [...document.querySelectorAll("main :is(td, dd, dt, p, h1, h2, h3, li, .btn, .packs label)")]
  .filter((e) => e.scrollWidth > e.clientWidth + 1 && e.clientWidth > 0 && getComputedStyle(e).display !== "inline")
  .filter((e) => getComputedStyle(e).overflowX === "visible" && !e.closest(".visually-hidden"))
  .map((e) => e.outerHTML.slice(0, 120))"""
ASK_AXE = """async (rules) => (await axe.run(
  {resultTypes: ["violations"], ...(rules && {runOnly: {type: "rule", values: rules}})},
)).violations"""
# Whose verdict hangs on the theme; a theme changes nothing but colours.
OF_COLOURS = ["color-contrast", "link-in-text-block"]
IS_SETTLED = """() => document.fonts.status === "loaded" &&
  !document.querySelector(".htmx-request, .htmx-swapping, .htmx-settling")"""
# What is said on a picture and does not fit into it.
CUT = """() => [...document.querySelectorAll(".stage > .stage-note")]
  .filter((e) => e.getBoundingClientRect().height > e.parentElement.getBoundingClientRect().height + 1)
  .map((e) => e.outerHTML.slice(0, 120))"""
# What a thumb misses: its reach is its box, that of its label, or what ::after adds to it. In our own style alone.
SMALL = """() => [...document.querySelectorAll("button, select, summary, .btn, input:not([type=hidden]), .nav a")]
  .filter(() => document.querySelector("[href*='css/components']"))
  .filter((e) => e.checkVisibility() && e.getBoundingClientRect().height > 0)
  .filter((e) => !e.matches(".poster-pick") && !e.closest(".visually-hidden"))
  .filter((e) => Math.max(
    e.getBoundingClientRect().height,
    e.closest("label")?.getBoundingClientRect().height ?? 0,
    parseFloat(getComputedStyle(e, "::after").height) || 0,
  ) < 36)
  .map((e) => e.outerHTML.slice(0, 120))"""
TELL_VIOLATIONS = """document.addEventListener("securitypolicyviolation", (event) =>
  console.error(`CSP: ${event.violatedDirective} ${event.blockedURI}`));"""


@dataclass
class Eyes:
    """Somebody who looks at pages of `url` in `context`, complains, and keeps what was seen in `folder`."""

    context: BrowserContext
    url: str
    folder: Path
    complaints: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        self.context.add_init_script(TELL_VIOLATIONS)
        self.page = self.context.new_page()
        self._requests: list[Request] = []
        self._said: list[str] = []
        self._asked = ""
        self._seen: set[str] = set()  # without what follows a question mark
        self.page.on("request", lambda request: self._requests.append(request))
        self.page.on("console", self._hear)
        self.page.on("pageerror", lambda error: self._said.append(str(error)))

    def look(
        self,
        path: str,
        name: str,
        looks: tuple[tuple[str, str], ...] = LOOKS,
        status: int = 200,
        *,
        do: Callable[[Page], object] | None = None,
        ours: bool = True,
    ) -> None:
        """Open it once, `do` what brings it into the wanted state, and look at it in every one of `looks`.

        `ours`: made by ourselves; unfold's pages weigh more, and scroll wide tables in ways of their own.
        """
        self._requests.clear()
        self._said.clear()
        self._asked = f"{self.url}{path}"
        self.page.set_viewport_size(_size(looks[0][0]))
        try:
            answer = self.page.goto(self._asked, wait_until="load")
        except Error as error:
            if "Download is starting" in error.message:  # it is handed out as a file
                return
            raise
        if answer is None or answer.status != status:
            self._complain(path, f"answered {answer and answer.status}")
            return
        if not (answer.headers.get("content-type") or "").startswith("text/html"):
            return
        found = self.page.url.partition("?")[0]
        if found in self._seen and found != self._asked.partition("?")[0]:
            return  # it leads to a page that was looked at before
        self._seen.add(found)
        if do:
            do(self.page)
        self.page.wait_for_function(IS_SETTLED)
        self.page.evaluate(AXE_SCRIPT)
        sizes: set[str] = set()
        for size, theme in looks:
            self.page.set_viewport_size(_size(size))
            self.page.emulate_media(color_scheme=theme, reduced_motion="reduce")  # type: ignore[arg-type]
            for problem in (*self._out_of_place(ours), *self._violations(size in sizes)):
                self._complain(f"{path} ({name}, {size}, {theme})", problem)
            sizes.add(size)
            self.page.screenshot(path=self.folder / f"{name}-{size}-{theme}.png", full_page=True)
        for problem in (*self._said, *self._strangers(), *(self._weight() if ours else ())):
            self._complain(path, problem)

    def _hear(self, message: Any) -> None:
        is_answer = "the server responded with a status of" in message.text
        if is_answer and message.location.get("url") == self._asked:
            return  # of the page itself, which `look` is told to expect
        if message.type in ("error", "warning"):
            self._said.append(f"the console says: {message.text} {message.location.get('url', '')}")

    def _complain(self, where: str, what: str) -> None:
        self.complaints.append(f"{where}: {what}")
        with (self.folder / "complaints.txt").open("a") as file:  # seen before the walk is over
            file.write(f"{where}: {what}\n")

    def _out_of_place(self, ours: bool) -> Iterator[str]:
        if not ours:
            return
        yield from (f"sticks out: {html}" for html in self.page.evaluate(STICKING_OUT))
        yield from (f"is cut off: {html}" for html in self.page.evaluate(CROWDED))
        yield from (f"does not fit its picture: {html}" for html in self.page.evaluate(CUT))
        if self.page.viewport_size == _size("narrow"):
            yield from (f"is small for a thumb: {html}" for html in self.page.evaluate(SMALL))

    def _violations(self, only_of_colours: bool) -> Iterator[str]:
        for violation in self.page.evaluate(ASK_AXE, OF_COLOURS if only_of_colours else None):
            nodes = "; ".join(" ".join(map(str, node["target"])) for node in violation["nodes"][:3])
            yield f"axe {violation['id']}: {violation['help']} ({nodes})"

    def _strangers(self) -> list[str]:
        """Requests to another host."""
        here = urlsplit(self.url).netloc
        urls = (urlsplit(request.url) for request in self._requests)
        return [f"asks {url.netloc}" for url in urls if url.scheme != "data" and url.netloc != here]

    def _weight(self) -> list[str]:
        total, parts = 0, []
        for request in self._requests:
            if request.resource_type == "media" or request.url.startswith("data:"):
                continue
            try:
                size = request.sizes()["responseBodySize"]
            except Error:  # it was given up, or is under way
                continue
            total += size
            parts.append(f"{size:,} {urlsplit(request.url).path[-40:]}")
        return [f"weighs {total:,} bytes: {parts}"] if total > BYTES_MAX else []


def _size(size: str) -> Any:
    width, height = SIZES[size]
    return {"width": width, "height": height}


def name_of(address: str) -> str:
    """Of the picture: `billing-purchases-purchase` for /billing/purchases/{purchase}."""
    return re.sub(r"[^a-z0-9]+", "-", address.lower()).strip("-") or "home"

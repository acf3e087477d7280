"""The table of who may do what, read from `who_may.txt`, and which of its lines is about which address of the map."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from urllib.parse import quote

from django.conf import settings
from django.urls import Resolver404, URLPattern, URLResolver, get_resolver, resolve

from accounts.models import Role

FILE = Path(__file__).with_suffix(".txt")
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
API = "/api/v1/"
OPEN_TO_ALL = {"model", "media", "webhook_secret", "operator", "invitation_secret"}
_PART = re.compile(r"<(?:\w+:)?\w+>|\(\?P<\w+>([^)]*)\)\$?")  # of a route: what may be anything
_RULE = re.compile(r"(\S+) may ([A-Z]+(?: and [A-Z]+)*)")


@dataclass(frozen=True)
class Line:
    number: int
    address: str
    may: dict[str, str]  # method -> who
    is_one_of_many: bool = False

    @property
    def is_of_the_api(self) -> bool:
        return self.address.startswith(API)

    @property
    def is_about_acme(self) -> bool:
        """Whether an object of Acme's stands in it. What is signed is for whoever has it."""
        named = set(re.findall(r"{(\w+)}", self.address))
        return bool(named - OPEN_TO_ALL)

    @property
    def reader(self) -> str:
        """Somebody who may GET it: anybody, owner or staff, or the developer whose it is."""
        readers = {"anybody": "anybody", "invited": "anybody"}
        who = self.may["GET"]
        return who if who in ("staff", Role.DEVELOPER) else readers.get(who, "owner")

    def path(self, names: dict[str, str]) -> str:
        return self.address.format_map(
            {name: quote(value, safe="/:") for name, value in names.items()}
        )

    def __str__(self) -> str:
        return f"{FILE.name}:{self.number} {self.address}"


@cache
def read() -> tuple[dict[str, frozenset[str]], tuple[Line, ...]]:
    """What the words mean that stand for several roles, and the lines."""
    words: dict[str, frozenset[str]] = {}
    lines: list[Line] = []
    for number, text in enumerate(FILE.read_text().splitlines(), 1):
        text = text.strip()
        if not text or text.startswith("#"):
            continue
        first, rest = text.split(maxsplit=1)
        if first.startswith("/"):
            lines += _lines(Line(number, first, _rules(number, rest)))
        else:
            roles = frozenset(rest.split(", "))
            words[first] = roles if roles <= set(Role.values) else frozenset()
    return words, tuple(lines)


def _lines(line: Line) -> list[Line]:
    """The line; or, if it ends with **, one for each address of the map that begins so, with anything in it."""
    if not line.address.endswith("**"):
        return [line]
    begins = (
        line.address.removeprefix("/")
        .removesuffix("**")
        .format_map({"operator": settings.OPERATOR_PATH})
    )
    paths = [_PART.sub(_anything, route) for route in routes() if route.startswith(begins)]
    return [
        Line(line.number, f"/{path.removesuffix('$')}", line.may, is_one_of_many=True)
        for path in paths
    ]


def _anything(part: re.Match[str]) -> str:
    """The first of several words, or a number."""
    words = (part[1] or "").split("|")
    return words[0] if len(words) > 1 else "1"


def _rules(number: int, text: str) -> dict[str, str]:
    may: dict[str, str] = {}
    for rule in text.split(", "):
        match = _RULE.fullmatch(rule)
        assert match, f"{FILE.name}:{number} cannot be read: {rule!r}"
        for method in match[2].split(" and "):
            assert method in METHODS, f"{FILE.name}:{number} {method} is no method"
            assert method not in may, f"{FILE.name}:{number} says two things of {method}"
            may[method] = match[1]
    return may


def pages() -> list[Line]:
    """What a person may look at; some of it are files."""
    return [line for line in read()[1] if "GET" in line.may and not line.is_of_the_api]


def routes(resolver: URLResolver | None = None, before: str = "") -> Iterator[str]:
    """Every address of the map, written as Django writes it."""
    for pattern in (resolver or get_resolver()).url_patterns:
        route = _joined(before, str(pattern.pattern))
        if isinstance(pattern, URLPattern):
            yield route
        else:
            yield from routes(pattern, route)


def route_of(path: str) -> str | None:
    """The address of the map that answers this path."""
    try:
        return resolve(path.partition("?")[0]).route
    except Resolver404:
        return None


def _joined(before: str, route: str) -> str:
    return before + route.removeprefix("^") if before else route

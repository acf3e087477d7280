"""What is on sale now: what the documents say until a provider's live schema was read, and then what that says.

What a schema opens is sold where it has a price, and only there; what it closes is closed on every process
within CACHE_SECONDS. Only the schemas of registry.SOLD_THROUGH count.
"""

import re
from dataclasses import dataclass
from time import monotonic
from typing import Any

from django.utils import timezone

from generations import catalog, rate_cards
from generations.catalog import Model
from generations.models import ModelSchema
from generations.providers import registry

CACHE_SECONDS = 5.0
SECONDS_EVER_MAX = 60  # longer than any model makes; a schema that says more is not believed


class Unreadable(Exception):
    """A schema that does not say what we need to know. What was known before stays in force."""


@dataclass(frozen=True)
class Options:
    """What a schema lists, priced or not."""

    resolutions: tuple[str, ...]
    seconds: tuple[int, ...]
    fields: tuple[str, ...] = ()

    def __or__(self, other: "Options") -> "Options":
        """What one of the two lists."""
        return Options(
            tuple(dict.fromkeys((*self.resolutions, *other.resolutions))),
            tuple(sorted({*self.seconds, *other.seconds})),
            tuple(sorted({*self.fields, *other.fields})),
        )


NOTHING = Options((), ())


@dataclass(frozen=True)
class Offer:
    """What of a model is sold now. Nothing at all: the model is closed."""

    resolutions: tuple[str, ...]
    seconds: tuple[int, ...]

    @property
    def resolution_default(self) -> str:
        best = catalog.RESOLUTION_DEFAULT
        return best if best in self.resolutions or not self.resolutions else self.resolutions[0]


_cached: tuple[float, dict[str, Options]] | None = None


def of(model: Model) -> Offer:
    """Reads nothing, or once in CACHE_SECONDS."""
    listed = _in_force().get(model.slug)
    if listed is None:
        return Offer(model.resolutions, model.seconds)
    rules = rate_cards.list_card(timezone.now())
    priced = tuple(
        name
        for name in catalog.RESOLUTIONS
        if name in listed.resolutions and rules.rules_for(model, name)
    )
    return Offer(priced, listed.seconds if priced else ())


def forget_cached() -> None:
    """Read what is in force again when it is asked for next."""
    global _cached
    _cached = None


def _in_force() -> dict[str, Options]:
    global _cached
    if _cached is None or not 0 <= monotonic() - _cached[0] < CACHE_SECONDS:
        at = monotonic()
        rows = ModelSchema.objects.filter(provider__in=registry.SOLD_THROUGH)
        rows = rows.order_by("provider", "model", "-number").distinct("provider", "model")
        listed: dict[str, Options] = {}
        for row in rows:  # what one of them lists is on sale
            listed[row.model] = listed.get(row.model, NOTHING) | read(row.schema)
        _cached = at, listed
    return _cached[1]


def read(schema: dict[str, Any]) -> Options:
    """What a JSON Schema of a model's input lists. Raises Unreadable."""
    if not schema:
        return NOTHING
    properties = schema.get("properties")
    if not isinstance(properties, dict):
        raise Unreadable("It has no properties.")
    resolutions = _property(properties, "resolution").get("enum")
    if not isinstance(resolutions, list) or not all(isinstance(name, str) for name in resolutions):
        raise Unreadable("It lists no resolutions.")
    return Options(
        tuple(resolutions), _seconds(_property(properties, "duration")), tuple(sorted(properties))
    )


def _property(properties: dict[str, Any], name: str) -> dict[str, Any]:
    """Its own words and those of its alternatives: one may be null, or the number that means `auto`."""
    found = properties.get(name)
    if not isinstance(found, dict):
        raise Unreadable(f"It has no {name}.")
    whole = dict(found)
    for how in ("anyOf", "oneOf", "allOf"):
        alternatives = found.get(how)
        for one in alternatives if isinstance(alternatives, list) else ():
            whole |= one if isinstance(one, dict) else {}
    return whole


def _seconds(duration: dict[str, Any]) -> tuple[int, ...]:
    """From a list of words and numbers, or from a least and a most."""
    least, most = duration.get("minimum"), duration.get("maximum")
    if isinstance(listed := duration.get("enum"), list):
        found = [int(str(one)) for one in listed if re.fullmatch("[0-9]{1,3}", str(one))]
    elif isinstance(least, int) and isinstance(most, int):
        found = list(range(max(1, least), min(most, SECONDS_EVER_MAX) + 1))
    else:
        found = []
    seconds = tuple(sorted({one for one in found if 1 <= one <= SECONDS_EVER_MAX}))
    if not seconds:
        raise Unreadable("It lists no durations.")
    return seconds

"""Rate card -> quote. Pure: no row is read, no clock, no float. A price that is unknown is a refusal."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from generations import catalog
from generations.errors import NoRate

WHOLE_BASIS_POINTS = 10_000


@dataclass(frozen=True)
class Rule:
    """First match wins; an empty condition matches all. Both rates are micro-dollars per second of output."""

    name: str
    tier: str
    model: str
    resolution: str
    rate_microusd_per_second: int
    cost_microusd_per_second: int

    def matches(self, model: catalog.Model, resolution: str) -> bool:
        return (
            self.tier in ("", model.tier)
            and self.model in ("", model.slug)
            and self.resolution in ("", resolution)
        )


@dataclass(frozen=True)
class RateCard:
    """Prices that never change: a change is a new card under a new version. `rate_cards` finds the one that
    holds for an organization; `basis` says for us how it came about."""

    version: str
    rules: tuple[Rule, ...]
    effective_from: datetime | None = None
    basis: str = ""

    def rules_for(self, model: catalog.Model, resolution: str) -> list[Rule]:
        """Those that match, the one that wins first."""
        return [rule for rule in self.rules if rule.matches(model, resolution)]

    def rule_for(self, model: catalog.Model, resolution: str) -> Rule:
        """Raises NoRate when nothing matches."""
        for rule in self.rules_for(model, resolution)[:1]:
            return rule
        raise NoRate(f"There is no price for {model.slug} at {resolution}.", param="resolution")


def with_margin(
    card: RateCard, basis_points: int, *, version: str, effective_from: datetime, basis: str
) -> RateCard:
    """The card with every rate changed by that many hundredths of a percent, rounded half up to a
    micro-dollar and at least one: never free. Our costs stay what they are."""
    rules = tuple(
        replace(rule, rate_microusd_per_second=_marked_up(rule, basis_points))
        for rule in card.rules
    )
    return RateCard(version, rules, effective_from, basis)


def _marked_up(rule: Rule, basis_points: int) -> int:
    scaled = rule.rate_microusd_per_second * (WHOLE_BASIS_POINTS + basis_points)
    return max(1, (scaled + WHOLE_BASIS_POINTS // 2) // WHOLE_BASIS_POINTS)


@dataclass(frozen=True)
class Quote:
    """What a request may cost at most and at least. `max_cost_microusd` is what is held."""

    rate_card: str
    rule: str
    rate_microusd_per_second: int
    cost_microusd_per_second: int
    max_seconds: int
    max_cost_microusd: int
    min_cost_microusd: int


def quote(
    card: RateCard,
    model: catalog.Model,
    *,
    resolution: str,
    duration_seconds: int | None,
    offered: Sequence[int] | None = None,
) -> Quote:
    """The price of one generation; `duration_seconds` None is `auto`, which holds the longest of what is
    `offered` now, or of what the documents say.

    Raises NoRate.
    """
    rule = card.rule_for(model, resolution)
    possible = (offered or model.seconds) if duration_seconds is None else (duration_seconds,)
    max_seconds, min_seconds = max(possible), min(possible)
    return Quote(
        rate_card=card.version,
        rule=rule.name,
        rate_microusd_per_second=rule.rate_microusd_per_second,
        cost_microusd_per_second=rule.cost_microusd_per_second,
        max_seconds=max_seconds,
        max_cost_microusd=max_seconds * rule.rate_microusd_per_second,
        min_cost_microusd=min_seconds * rule.rate_microusd_per_second,
    )


def rounded_seconds(milliseconds: int) -> int:
    """To the nearest whole second, half up."""
    return (milliseconds + 500) // 1000


def billable_seconds(measured_milliseconds: int, *, held_seconds: int) -> int:
    """The seconds that are charged: rounded, at least 1, never more than were held."""
    return max(1, min(held_seconds, rounded_seconds(measured_milliseconds)))

"""Rate card -> quote. Pure: no row is read, no clock, no float. A price that is unknown is a refusal."""

from dataclasses import dataclass

from generations import catalog
from generations.errors import NoRate


@dataclass(frozen=True)
class Rule:
    """First match wins. Both rates are micro-dollars per second of output."""

    name: str
    tier: catalog.Tier
    resolution: str
    rate_microusd_per_second: int
    cost_microusd_per_second: int


@dataclass(frozen=True)
class RateCard:
    """Prices of one day, never edited: a change is a new card under a new version."""

    version: str
    rules: tuple[Rule, ...]

    def rule_for(self, model: catalog.Model, resolution: str) -> Rule:
        """Raises NoRate when nothing matches."""
        for rule in self.rules:
            if (rule.tier, rule.resolution) == (model.tier, resolution):
                return rule
        raise NoRate(f"There is no price for {model.slug} at {resolution}.", param="resolution")


def _rule(tier: catalog.Tier, resolution: str, microusd_per_second: int) -> Rule:
    return Rule(f"{tier} {resolution}", tier, resolution, microusd_per_second, microusd_per_second)


LIST = RateCard(
    version="2026-05-28",
    rules=(
        _rule(catalog.Tier.STANDARD, "480p", 141_200),
        _rule(catalog.Tier.STANDARD, "720p", 302_400),
        _rule(catalog.Tier.STANDARD, "1080p", 685_000),
        _rule(catalog.Tier.FAST, "480p", 112_900),
        _rule(catalog.Tier.FAST, "720p", 241_900),
    ),
)


@dataclass(frozen=True)
class Quote:
    """What a request may cost at most and at least. `max_cost_microusd` is what is held."""

    rate_card: str
    rule: str
    rate_microusd_per_second: int
    max_seconds: int
    max_cost_microusd: int
    min_cost_microusd: int


def quote(
    card: RateCard, model: catalog.Model, *, resolution: str, duration_seconds: int | None
) -> Quote:
    """The price of one generation; `duration_seconds` None is `auto`, which holds the longest.

    Raises NoRate.
    """
    rule = card.rule_for(model, resolution)
    max_seconds = catalog.SECONDS_MAX if duration_seconds is None else duration_seconds
    min_seconds = catalog.SECONDS_MIN if duration_seconds is None else duration_seconds
    return Quote(
        rate_card=card.version,
        rule=rule.name,
        rate_microusd_per_second=rule.rate_microusd_per_second,
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

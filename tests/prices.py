"""The price list by its numbers, which another test proves to be the seed, and how a test changes prices."""

from datetime import UTC, datetime, timedelta

import time_machine
from django.utils import timezone

from generations import rate_cards
from generations.pricing import RateCard, Rule

_RATES = (
    ("standard", "480p", 141_200),
    ("standard", "720p", 302_400),
    ("standard", "1080p", 685_000),
    ("fast", "480p", 112_900),
    ("fast", "720p", 241_900),
)
LIST = RateCard(
    version="2026-05-28",
    rules=tuple(
        Rule(f"{tier} {resolution}", tier, "", resolution, rate, rate)
        for tier, resolution, rate in _RATES
    ),
    effective_from=datetime(2026, 5, 28, tzinfo=UTC),
)


def flat(version: str, microusd_per_second: int, *, cost: int = 1) -> RateCard:
    """One price for everything."""
    return RateCard(version, (Rule("flat", "", "", "", microusd_per_second, cost),))


def publish(card: RateCard, clock: time_machine.Traveller, *, is_list: bool = True) -> None:
    """Publish it, and wait until it holds."""
    rate_cards.draft(card, is_list=is_list)
    rate_cards.publish(card.version, effective_from=soon())
    pass_notice(clock)


def soon() -> datetime:
    return timezone.now() + rate_cards.NOTICE + timedelta(seconds=1)


def pass_notice(clock: time_machine.Traveller) -> None:
    """What was to begin `soon` has begun."""
    clock.shift(rate_cards.NOTICE + timedelta(seconds=2))
    rate_cards.forget_cached()

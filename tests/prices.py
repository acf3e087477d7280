"""The price list by its numbers, for tests that need no database; another test proves that it is the seed."""

from datetime import UTC, datetime

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

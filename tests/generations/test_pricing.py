"""The rate card, by the numbers of the price list."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from generations import catalog, pricing
from generations.errors import NoRate
from generations.pricing import Quote
from tests.prices import LIST


def quote(slug: str, resolution: str, duration_seconds: int | None) -> Quote:
    model = catalog.find(slug)
    assert model is not None
    return pricing.quote(LIST, model, resolution=resolution, duration_seconds=duration_seconds)


@pytest.mark.parametrize(
    ("tier", "resolution", "microusd_per_second"),
    [
        ("", "480p", 141_200),
        ("", "720p", 302_400),
        ("", "1080p", 685_000),
        ("fast-", "480p", 112_900),
        ("fast-", "720p", 241_900),
    ],
)
@pytest.mark.parametrize("family", ["text", "image", "reference"])
def test_every_model_has_the_rates_of_its_tier(
    family: str, tier: str, resolution: str, microusd_per_second: int
) -> None:
    priced = quote(f"seedance-2.0-{tier}{family}-to-video", resolution, 4)

    assert priced.rate_microusd_per_second == microusd_per_second
    assert priced.rate_card == "2026-05-28"
    assert priced.rule == f"{'fast' if tier else 'standard'} {resolution}"


@pytest.mark.parametrize(
    ("resolution", "seconds", "cost_microusd"), [("720p", 6, 1_451_400), ("480p", 10, 1_129_000)]
)
def test_the_examples_of_the_price_list(resolution: str, seconds: int, cost_microusd: int) -> None:
    priced = quote("seedance-2.0-fast-text-to-video", resolution, seconds)

    assert (priced.min_cost_microusd, priced.max_cost_microusd) == (cost_microusd, cost_microusd)
    assert priced.max_seconds == seconds


def test_auto_may_cost_the_longest_and_the_shortest() -> None:
    priced = quote("seedance-2.0-text-to-video", "720p", None)

    assert priced.max_seconds == 15
    assert (priced.min_cost_microusd, priced.max_cost_microusd) == (1_209_600, 4_536_000)


@pytest.mark.parametrize(
    ("slug", "resolution"),
    [
        ("seedance-2.0-fast-text-to-video", "1080p"),
        ("seedance-2.0-text-to-video", "4k"),
        ("seedance-2.0-text-to-video", ""),
    ],
)
def test_a_price_that_is_unknown_is_a_refusal(slug: str, resolution: str) -> None:
    with pytest.raises(NoRate) as refusal:
        quote(slug, resolution, 4)

    assert (refusal.value.code, refusal.value.param) == ("no_rate", "resolution")


@pytest.mark.parametrize(
    ("milliseconds", "seconds"),
    [
        (1, 1),
        (499, 1),  # at least one
        (1499, 1),
        (1500, 2),  # half up
        (4042, 4),  # a frame more than 4 s
        (4499, 4),
        (4500, 5),
        (6400, 6),
        (6500, 6),  # at most what was held
        (15_000, 6),
    ],
)
def test_seconds_are_rounded_half_up_between_one_and_the_held(
    milliseconds: int, seconds: int
) -> None:
    assert pricing.billable_seconds(milliseconds, held_seconds=6) == seconds


@given(milliseconds=st.integers(1, 10**8), held=st.integers(4, 15))
def test_billable_seconds_are_the_nearest_that_are_allowed(milliseconds: int, held: int) -> None:
    billed = pricing.billable_seconds(milliseconds, held_seconds=held)

    assert 1 <= billed <= held
    off = abs(billed * 1000 - milliseconds)
    assert all(off <= abs(other * 1000 - milliseconds) for other in range(1, held + 1))
    assert billed <= pricing.billable_seconds(milliseconds + 1, held_seconds=held)

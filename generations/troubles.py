"""Of the product: a provider that fails, work that does not move, videos sold below their cost, a catalog that ages."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from django.db.models import Count, F, Sum
from django.urls import reverse
from django.utils import timezone

from generations import catalog_standing
from generations.models import Generation, NegativeMargin
from generations.operator_pages import today
from generations.providers import registry
from generations.states import State
from seedance_saas.api import usd
from seedance_saas.troubles import Trouble

BAD_MIN = 5  # attempts that went wrong in an hour: fewer may be chance
REFUSED_MIN = 10  # while nothing comes out
SEARCHED_LONG = timedelta(minutes=10)  # for a job whose answer was lost
BELOW_COST_WITHIN = timedelta(days=1)
LOST_MICROUSD_MIN = 10_000_000


def found() -> list[Trouble]:
    now = timezone.now()
    return [*_providers(now), *_does_not_move(now), *_below_cost(now), *_catalog()]


def _providers(now: datetime) -> Iterator[Trouble]:
    """Not the simulator: whoever has a sandbox provokes there what they like."""
    for one in today.health(now):
        if one.provider not in registry.SOLD_THROUGH:
            continue
        if one.is_troubled and one.bad >= BAD_MIN:
            words = (
                f"{one.provider} is in trouble: in the last hour {one.succeeded:,} came out, {one.failed:,} failed,"
                f" {one.unavailable:,} did not start, of {one.unknown:,} nothing is known."
            )
            if one.said:
                words += f" The last that did not start: {one.said}."
            yield Trouble(f"provider:{one.provider}", words, count=one.bad)
        elif one.refused >= REFUSED_MIN and not one.succeeded:
            words = (
                f"{one.provider} refuses everything: {one.refused:,} in the last hour, and nothing came out."
                " It may have changed what it takes."
            )
            yield Trouble(f"provider:{one.provider}", words, count=one.refused)


def _does_not_move(now: datetime) -> list[Trouble]:
    stuck = [one for one in today.not_moving(now) if _wakes(one, now)]
    if not stuck:
        return []
    words = (
        f"Generations that do not move: {len(stuck)}. The longest is {stuck[0].state}"
        f" since {stuck[0].state_since:%Y-%m-%d %H:%M} UTC."
    )
    return [Trouble("not-moving", words, path=f"{reverse('operator')}#stuck", count=len(stuck))]


def _wakes(generation: Generation, now: datetime) -> bool:
    """Not what is only searched for, or runs long: that ends by itself, free of charge."""
    if generation.due_at < now - today.NOT_MOVING or generation.state == State.QUEUED:
        return True
    return generation.state == State.UNKNOWN and generation.state_since < now - SEARCHED_LONG


def _below_cost(now: datetime) -> list[Trouble]:
    """Of each video that cost more than it brought, what was lost. Counted in dollars."""
    lost = NegativeMargin.objects.filter(created_at__gte=now - BELOW_COST_WITHIN).aggregate(
        count=Count("pk"),
        microusd=Sum(F("upstream_cost_microusd") - F("charged_microusd"), default=0),
    )
    if lost["microusd"] < LOST_MICROUSD_MIN:
        return []
    words = (
        f"Within a day {lost['count']:,} generations cost ${usd(lost['microusd'])} more than they brought:"
        " prices may be too low, or the provider charges for what fails."
    )
    path = reverse("admin:generations_negativemargin_changelist")
    return [Trouble("below-cost", words, path=path, count=lost["microusd"] // 1_000_000)]


def _catalog() -> list[Trouble]:
    late = [one for one in catalog_standing.standings() if one.is_late and one.is_sold]
    if not late:
        return []
    words = (
        f"{late[0].provider} has not said for {catalog_standing.LATE.days} days what it offers:"
        f" {len(late)} models may be sold that are gone."
    )
    return [Trouble("catalog", words, path=reverse("operator_catalog"), count=len(late))]

"""Where a waiting generation stands, and about how long that takes."""

from collections.abc import Iterable
from datetime import timedelta
from typing import Any, NamedTuple

from django.db.models import Count, F, OuterRef, QuerySet, Subquery, Value
from django.db.models.functions import Coalesce, Extract
from django.utils import timezone

from generations import catalog
from generations.models import Generation
from generations.providers import registry
from generations.states import PUBLIC, State

MEASURED = 20  # the latest that tell how long a model takes
MEASURED_MIN = 3  # fewer tell nothing
WAITING = (State.PREPARING, State.QUEUED)


class Place(NamedTuple):
    position: int
    eta_seconds: int


class Standing(NamedTuple):
    """Of one that has not ended: its place while it waits, and what its model typically takes in all."""

    place: Place | None
    typical_seconds: int


def of(generation: Generation) -> Place | None:
    """None once it runs. The position is by age; fairness between organizations may serve it sooner."""
    if generation.state not in PUBLIC["queued"]:
        return None
    beside = _ahead().filter(organization__is_sandbox=generation.organization.is_sandbox)
    ahead = beside.filter(id__lt=generation.id).count()
    return _place(generation, ahead, typical_seconds(generation.model))


def of_all(generations: Iterable[Generation]) -> dict[str, Standing]:
    """By id, of those that have not ended. One query for a whole page, and none if nothing runs."""
    going = [one for one in generations if not one.is_final]
    if not going:
        return {}
    waiting = [one.pk for one in going if one.state in PUBLIC["queued"]]
    # A correlated count: how many of those that wait are older than each.
    beside = _ahead().filter(organization__is_sandbox=OuterRef("organization__is_sandbox"))
    older = beside.filter(id__lt=OuterRef("pk")).annotate(one=Value(1)).values("one")
    counted = Subquery(older.annotate(all=Count("pk")).values("all"))
    places = Generation.objects.filter(pk__in=waiting).values_list("pk", Coalesce(counted, 0))
    typical, ahead = _typical({one.model for one in going}, *([places] if waiting else []))
    return {
        one.pk: Standing(
            _place(one, ahead[one.pk], typical[one.model]) if one.pk in ahead else None,
            typical[one.model],
        )
        for one in going
    }


def _ahead() -> QuerySet[Generation]:
    return Generation.objects.filter(state__in=WAITING)


def _place(generation: Generation, ahead: int, typical_seconds: int) -> Place:
    rounds = ahead // registry.slots(registry.name_for(generation.organization)) + 1
    return Place(position=ahead + 1, eta_seconds=rounds * typical_seconds)


def typical_seconds(model: str) -> int:
    """From asking to watching: the median of the latest of this model, or what its page says."""
    return _typical({model})[0][model]


def _typical(models: set[str], *also: QuerySet[Any, Any]) -> tuple[dict[str, int], dict[str, int]]:
    """Typical seconds by model; `also` are queries for a name and a number that are answered with them."""
    latest = [
        Generation.objects.filter(
            model=model,
            state=State.SUCCEEDED,
            finished_at__gt=timezone.now() - timedelta(days=30),
        )
        .order_by("-id")
        .values_list("model", Extract(F("finished_at") - F("created_at"), "epoch"))[:MEASURED]
        for model in sorted(models)
    ]
    took: dict[str, list[float]] = {model: [] for model in models}
    others: dict[str, int] = {}
    for name, number in latest[0].union(*latest[1:], *also, all=True):
        if name in took:
            took[name].append(float(number))
        else:
            others[name] = int(number)
    return {model: _median(sorted(seconds), model) for model, seconds in took.items()}, others


def _median(took: list[float], model: str) -> int:
    if len(took) >= MEASURED_MIN:
        return max(1, round(took[len(took) // 2]))
    known = catalog.find(model)
    assert known is not None, model
    return known.typical_seconds

"""Where a waiting generation stands, and about how long that takes."""

from datetime import timedelta
from typing import NamedTuple

from django.utils import timezone

from generations import catalog
from generations.models import Generation
from generations.providers import registry
from generations.states import PUBLIC, State

MEASURED = 20  # the latest that tell how long a model takes


class Place(NamedTuple):
    position: int
    eta_seconds: int


def of(generation: Generation) -> Place | None:
    """None once it runs. The position is by age; fairness between organizations may serve it sooner."""
    if generation.state not in PUBLIC["queued"]:
        return None
    ahead = Generation.objects.filter(
        state__in=[State.PREPARING, State.QUEUED], id__lt=generation.id
    ).count()
    typical = typical_seconds(generation.model)
    rounds = ahead // registry.slots("eachlabs") + 1
    return Place(position=ahead + 1, eta_seconds=rounds * typical)


def typical_seconds(model: str) -> int:
    """From asking to watching: the median of the latest of this model, or what its page says."""
    latest = Generation.objects.filter(
        model=model, state=State.SUCCEEDED, finished_at__gt=timezone.now() - timedelta(days=30)
    ).order_by("-id")[:MEASURED]
    took = sorted(
        (finished - created).total_seconds()
        for created, finished in latest.values_list("created_at", "finished_at")
        if finished is not None
    )
    if len(took) >= 3:
        return max(1, round(took[len(took) // 2]))
    known = catalog.find(model)
    assert known is not None, model
    return known.typical_seconds

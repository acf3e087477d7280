"""What works right now, from what really happened: how long requests waited, were rendered, and whether they came out.

Real organizations alone, added up by model; of fewer than ENOUGH nothing is said, so that no customer's work can
be told. What ended for a reason of the request's own says nothing about us, and counts nowhere.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from time import monotonic
from typing import Any

from django.db import connection
from django.db.models import Min
from django.utils import timezone

from generations import catalog
from generations.models import Generation
from generations.states import State
from seedance_saas import ids

CACHE_SECONDS = 60.0
NEWEST_MAX = 50_000  # of a window's requests are read: it bounds the work, whatever we sell
ENOUGH = 5
OURS = (
    "provider_unavailable",
    "provider_failed",
    "provider_timeout",
    "provider_lost",
    "provider_canceled",
    "output_unusable",
    "internal_error",
)
FAILING_BELOW = 90  # percent that came out
SLOW_TIMES = 2  # as long as the month's median
SLOW_SECONDS_MIN = 30  # and at least that much longer
WAITS_LONG = timedelta(minutes=10)
WINDOWS = (timedelta(hours=1), timedelta(days=1), timedelta(days=30))

MEASURE = """
    SELECT model,
           count(*) FILTER (WHERE state = 'succeeded') AS succeeded,
           count(*) FILTER (WHERE state = 'failed' AND failure_code = ANY(%(ours)s)) AS failed,
           percentile_cont(ARRAY[0.5, 0.95]) WITHIN GROUP (ORDER BY extract(epoch FROM started_at - created_at))
               FILTER (WHERE started_at IS NOT NULL) AS queued,
           percentile_cont(ARRAY[0.5, 0.95]) WITHIN GROUP (ORDER BY extract(epoch FROM finished_at - started_at))
               FILTER (WHERE state = 'succeeded') AS rendered
    FROM (SELECT generation.model, generation.state, failure_code, generation.created_at, started_at, finished_at
            FROM generations_generation AS generation
            JOIN accounts_organization AS organization ON organization.id = generation.organization_id
           WHERE generation.id >= %(first)s AND generation.state IN ('succeeded', 'failed')
             AND NOT organization.is_sandbox
           ORDER BY generation.id DESC
           LIMIT %(newest)s) AS newest
    GROUP BY model
"""


@dataclass(frozen=True)
class Measured:
    """One model in one window. Times are seconds, median and 95th percentile."""

    succeeded: int
    failed: int
    queued: tuple[float, float]
    rendered: tuple[float, float]

    @property
    def percent(self) -> float:
        """How many of a hundred came out."""
        return 100 * self.succeeded / (self.succeeded + self.failed)


@dataclass(frozen=True)
class Standing:
    """One model: a plain word for now, and what was measured of the last day and of thirty."""

    model: catalog.Model
    word: str  # "works", "slow", "failing", "no data"
    day: Measured | None
    month: Measured | None


@dataclass(frozen=True)
class Status:
    at: datetime
    standings: list[Standing]


_cached: tuple[float, Status] | None = None


def now() -> Status:
    """Four queries once in CACHE_SECONDS and process, else none."""
    global _cached
    cached = _cached
    if cached is None or not 0 <= monotonic() - cached[0] < CACHE_SECONDS:
        cached = _cached = monotonic(), _measure(timezone.now())
    return cached[1]


def forget_cached() -> None:
    """The next question measures again: for tests, which do not wait."""
    global _cached
    _cached = None


def _measure(at: datetime) -> Status:
    hour, day, month = (_window(at - window) for window in WINDOWS)
    waiting = (
        Generation.objects.filter(state=State.QUEUED, organization__is_sandbox=False)
        .order_by()
        .values_list("model")
        .annotate(Min("created_at"))
    )
    oldest = dict(waiting)
    standings = []
    for model in catalog.MODELS:
        slug = model.slug
        waits_since = oldest.get(slug)
        waits_long = waits_since is not None and at - waits_since > WAITS_LONG
        word = _word(hour.get(slug) or day.get(slug), month.get(slug), waits_long=waits_long)
        standings.append(Standing(model, word, day.get(slug), month.get(slug)))
    return Status(at, standings)


def _window(since: datetime) -> dict[str, Measured]:
    """By model, where there is enough to be told. One query, by the primary key."""
    with connection.cursor() as cursor:
        cursor.execute(
            MEASURE,
            {"ours": list(OURS), "first": ids.first_of("gen", since), "newest": NEWEST_MAX},
        )
        rows: list[tuple[Any, ...]] = cursor.fetchall()
    return {
        model: Measured(succeeded, failed, _pair(queued), _pair(rendered))
        for model, succeeded, failed, queued, rendered in rows
        if succeeded + failed >= ENOUGH
    }


def _pair(seconds: list[float] | None) -> tuple[float, float]:
    return (float(seconds[0]), float(seconds[1])) if seconds else (0.0, 0.0)


def _word(lately: Measured | None, month: Measured | None, *, waits_long: bool) -> str:
    """Of the last hour if enough ended in it, else of the last day."""
    if lately and lately.percent < FAILING_BELOW:
        return "failing"
    if waits_long or (lately and month and _is_slow(lately, month)):
        return "slow"
    return "works" if lately else "no data"


def _is_slow(lately: Measured, month: Measured) -> bool:
    takes = lately.queued[0] + lately.rendered[0]
    usual = month.queued[0] + month.rendered[0]
    return takes > SLOW_TIMES * usual and takes - usual > SLOW_SECONDS_MIN

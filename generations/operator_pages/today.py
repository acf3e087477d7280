"""The first page's numbers: what today brought, how the providers do, and what does not move."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db.models import (
    BigIntegerField,
    Case,
    Count,
    Exists,
    F,
    Max,
    OuterRef,
    Q,
    Sum,
    Value,
    When,
)
from django.db.models.functions import Coalesce

from generations import dispatch
from generations.models import Attempt, Generation
from generations.providers import registry
from generations.service_status import OURS
from generations.states import FINAL, OPEN_ATTEMPTS, AttemptState, State
from seedance_saas import ids

# A generation ends no later than this after it was made, whatever happens.
LIVES_AT_MOST = timedelta(seconds=2 * settings.GENERATION_SECONDS_MAX)
RECENT = timedelta(hours=1)
NOT_MOVING = timedelta(minutes=2)  # its owner should have come by then
WAITS_LONG = timedelta(minutes=10)  # in the queue
RUNS_LONG = timedelta(minutes=20)  # at the provider: it is stopped after GENERATION_SECONDS_MAX
SHOWN = 20


@dataclass(frozen=True)
class Margin:
    """What one model brought and cost through one provider. Amounts are micro-dollars."""

    model: str
    provider: str
    videos: int
    seconds: int
    revenue_microusd: int
    cost_microusd: int

    @property
    def margin_microusd(self) -> int:
        return self.revenue_microusd - self.cost_microusd

    @property
    def percent(self) -> str:
        if not self.revenue_microusd:
            return "—"
        tenths = self.margin_microusd * 1000 // self.revenue_microusd
        return f"{tenths / 10:.1f} %"


def margins(now: datetime) -> list[Margin]:
    """Of what ended since midnight, UTC, without sandboxes: every attempt's cost, were it in vain or not. One query.

    Where a provider did not say what a video cost, the rule's cost counts.
    """
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    brought = Q(state=AttemptState.SUCCEEDED, generation__state=State.SUCCEEDED)
    by_rule = F("generation__billed_seconds") * F("generation__cost_microusd_per_second")
    cost = Coalesce(
        "cost_microusd",
        Case(When(brought, then=by_rule), default=Value(0), output_field=BigIntegerField()),
    )
    rows = (
        Attempt.objects.filter(
            generation__pk__gte=ids.first_of("gen", midnight - LIVES_AT_MOST),
            generation__finished_at__gte=midnight,
            generation__organization__is_sandbox=False,
        )
        .values("generation__model", "provider")
        .annotate(
            videos=Count("pk", filter=brought),
            seconds=Sum("generation__billed_seconds", filter=brought, default=0),
            revenue=Sum("generation__charged_microusd", filter=brought, default=0),
            cost=Sum(cost, default=0),
        )
        .order_by("generation__model", "provider")
    )
    return [
        Margin(
            row["generation__model"], row["provider"], row["videos"], row["seconds"],
            row["revenue"], row["cost"],
        )
        for row in rows
    ]  # fmt: skip


def total(rows: Iterable[Margin]) -> Margin:
    rows = list(rows)
    return Margin(
        "", "",
        sum(row.videos for row in rows), sum(row.seconds for row in rows),
        sum(row.revenue_microusd for row in rows), sum(row.cost_microusd for row in rows),
    )  # fmt: skip


@dataclass(frozen=True)
class Health:
    """One provider: the slots in use, and how the attempts of the last hour ended."""

    provider: str
    slots_taken: int
    slots: int
    succeeded: int
    failed: int  # by the provider's fault
    refused: int  # for what was asked, at once or after the work
    unavailable: int
    unknown: int
    said: str = ""  # by the newest attempt that did not start
    said_at: datetime | None = None

    @property
    def bad(self) -> int:
        return self.failed + self.unavailable + self.unknown

    @property
    def is_troubled(self) -> bool:
        """More went wrong at the provider, or on the way to it, than went well."""
        return self.bad > self.succeeded


def health(now: datetime) -> list[Health]:
    """Two queries: how attempts ended; the slots, and why the newest did not start."""

    def count(condition: Q) -> Count:
        return Count("pk", filter=condition)

    failed, by_fault = Q(state=AttemptState.FAILED), Q(error_code__in=OURS)
    not_started = Q(state=AttemptState.NOT_STARTED)
    recent = Attempt.objects.filter(pk__gte=ids.first_of("att", now - RECENT))
    ended: dict[str, Any] = {
        row["provider"]: row
        for row in recent.values("provider")
        .annotate(
            succeeded=count(Q(state=AttemptState.SUCCEEDED)),
            failed=count(failed & by_fault | Q(state=AttemptState.ORPHAN)),
            refused=count(Q(state=AttemptState.REFUSED) | failed & ~by_fault),
            unavailable=count(not_started),
            unknown=count(Q(state=AttemptState.UNKNOWN)),
            newest=Max("pk", filter=not_started),
        )
        .order_by()
    }
    # As many as there are slots, and the newest that did not start.
    rows = Attempt.objects.filter(
        Q(state__in=OPEN_ATTEMPTS) | Q(pk__in=[row["newest"] for row in ended.values()])
    ).only("provider", "state", "error_message", "finished_at")
    taken = Counter(row.provider for row in rows if row.state in OPEN_ATTEMPTS)
    why = {row.provider: row for row in rows if row.state == AttemptState.NOT_STARTED}
    words = ("succeeded", "failed", "refused", "unavailable", "unknown")
    return [
        Health(
            name,
            taken[name],
            registry.slots(name),
            **{word: ended.get(name, {}).get(word, 0) for word in words},
            said=why[name].error_message if name in why else "",
            said_at=why[name].finished_at if name in why else None,
        )
        for name in registry.NAMES
    ]


def not_moving(now: datetime) -> list[Generation]:
    """What a person may have to look at, the longest first; one more than SHOWN if there is more. Two queries.

    UNKNOWN whatever its age; else what its owner should have looked at by now, what waits long for a slot, and
    what the provider has worked at for long.
    What waits for a share of its own organization's is as it should be, and so is a sandbox that waits.
    """
    fetched = Generation.objects.filter(
        organization=OuterRef("organization"), state=State.PREPARING, due_at__gt=now
    )
    in_line = Q(state=State.QUEUED) | Q(Exists(fetched), state=State.PREPARING)
    overdue = Q(due_at__lt=now - NOT_MOVING) & ~in_line
    waits = Q(
        pk__in=dispatch.in_turn(registry.SOLD_THROUGH[0], SHOWN + 1),
        state=State.QUEUED,
        state_since__lt=now - WAITS_LONG,
    )
    runs_long = Q(state=State.RUNNING, state_since__lt=now - RUNS_LONG)
    return list(
        Generation.objects.exclude(state__in=sorted(FINAL))
        .filter(Q(state=State.UNKNOWN) | overdue | waits | runs_long)
        .select_related("organization")
        .order_by("state_since")[: SHOWN + 1]
    )

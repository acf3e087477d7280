"""What of money needs a person, in numbers; each leads to the page of the console where it is seen to."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Count, Min, Q, Sum
from django.urls import reverse
from django.utils import timezone

from billing.models import (
    CreditLine,
    Invoice,
    LedgerCheck,
    MeterEvent,
    Purchase,
    Reversal,
    StripeCheck,
    StripeEvent,
)

RECENT = timedelta(days=30)  # what the meters did not take before then is history
LONG = timedelta(days=1)  # for a purchase to be under way
COMPARED_WITHIN = PROVED_WITHIN = timedelta(hours=30)  # the clock does both once a day
LATE = "that is too long ago: look after the clock and the worker"
LAG_SECONDS_MAX = 15 * 60


@dataclass(frozen=True)
class Matter:
    """A number, and whether a person has to do something about it. `since`: the oldest, or the earliest due."""

    word: str
    count: int
    url: str
    needs_person: bool
    note: str = ""
    since: datetime | None = None
    since_word: str = ""
    seconds: float | None = None
    cents: int | None = None


def found() -> list[Matter]:
    """Every one, whether it needs a person now or not. Eight queries."""
    return [
        *_events(),
        *_meters(),
        *_comparisons(),
        *_purchases(),
        *_disputes(),
        *_lines(),
        *_proof(),
    ]


def _events() -> list[Matter]:
    dead = StripeEvent.objects.filter(state=StripeEvent.State.DEAD)
    found = dead.aggregate(count=Count("pk"), since=Min("received_at"))
    url = reverse("operator_events")
    return [
        Matter(
            "Dead Stripe events", found["count"], url, found["count"] > 0,
            note="failed six times; run them again once the cause is mended",
            since=found["since"], since_word="the oldest came",
        )
    ]  # fmt: skip


def _meters() -> list[Matter]:
    lost = Q(
        state__in=(MeterEvent.State.REFUSED, MeterEvent.State.TOO_LATE),
        occurred_at__gte=timezone.now() - RECENT,
    )
    waits = Q(state=MeterEvent.State.PENDING)
    found = MeterEvent.objects.filter(lost | waits).aggregate(
        count=Count("pk", filter=lost),
        since=Min("occurred_at", filter=lost),
        waiting=Count("pk", filter=waits),
        oldest=Min("occurred_at", filter=waits),
    )
    seconds = (timezone.now() - found["oldest"]).total_seconds() if found["waiting"] else 0.0
    url = reverse("operator_meters")
    return [
        Matter(
            "Meter events refused or too late", found["count"], url, found["count"] > 0,
            note="in 30 days; of a line's usage the invoice is corrected, not the meter",
            since=found["since"], since_word="the oldest is of",
        ),
        Matter(
            "Meter events that wait", found["waiting"], url, seconds > LAG_SECONDS_MAX,
            note="the oldest waits for", seconds=seconds if found["waiting"] else None,
        ),
    ]  # fmt: skip


def _comparisons() -> list[Matter]:
    """Of the last comparison that ended, with what was found of usage since it began."""
    ended = StripeCheck.objects.filter(finished_at__isnull=False)
    money = ended.filter(subject=StripeCheck.Subject.MONEY).order_by("-started_at")
    checks = list(ended.filter(started_at__gte=money.values("started_at")[:1]))
    last = next((check for check in checks if check.subject == StripeCheck.Subject.MONEY), None)
    url = reverse("operator_comparisons")
    if last is None:
        return [Matter("Comparisons with Stripe", 0, url, True, note="none has ended yet")]
    count = sum(len(check.differences) for check in checks)
    is_late = timezone.now() - last.started_at > COMPARED_WITHIN
    return [
        Matter(
            "Differences to Stripe's books", count, url, count > 0 or is_late,
            note=LATE if is_late else "",
            since=last.finished_at, since_word="the last comparison ended",
        )
    ]  # fmt: skip


def _purchases() -> list[Matter]:
    long = Purchase.objects.filter(
        state__in=Purchase.UNDER_WAY, created_at__lt=timezone.now() - LONG
    ).aggregate(count=Count("pk"), since=Min("created_at"))
    return [
        Matter(
            "Purchases under way for over a day",
            long["count"],
            reverse("operator_purchases") + "?state=long",
            long["count"] > 0,
            note="a bank debit takes days; nothing else should",
            since=long["since"],
            since_word="the oldest began",
        )
    ]


def _disputes() -> list[Matter]:
    found = Reversal.objects.filter(
        kind=Reversal.Kind.DISPUTE, state__in=(Reversal.State.OPEN, Reversal.State.INQUIRY)
    ).aggregate(
        count=Count("pk"),
        unanswered=Count("pk", filter=Q(evidence_due_at__isnull=False)),
        due=Min("evidence_due_at"),
        cents=Sum("amount_cents", default=0),
    )
    return [
        Matter(
            "Open disputes and inquiries",
            found["count"],
            reverse("operator_reversals") + "?kind=dispute&state=open",
            found["unanswered"] > 0,
            note="" if found["unanswered"] or not found["count"] else "all answered",
            since=found["due"],
            since_word="evidence is due",
            cents=found["cents"] if found["count"] else None,
        )
    ]


def _lines() -> list[Matter]:
    overdue = Invoice.objects.filter(
        state__in=(Invoice.State.OVERDUE, Invoice.State.UNCOLLECTIBLE)
    ).aggregate(
        count=Count("pk"), since=Min("period_ended_at"), cents=Sum("total_cents", default=0)
    )
    open_count = CreditLine.objects.filter(state=CreditLine.State.OPEN).count()
    url = reverse("operator_lines")
    return [
        Matter(
            "Overdue invoices", overdue["count"], f"{url}#overdue", overdue["count"] > 0,
            since=overdue["since"], since_word="the oldest is of a period that ended",
            cents=overdue["cents"] if overdue["count"] else None,
        ),
        Matter("Open credit lines", open_count, url, False),
    ]  # fmt: skip


def _proof() -> list[Matter]:
    last = LedgerCheck.objects.order_by("-id").first()
    count = last.differences_count if last else 0
    is_late = last is None or timezone.now() - last.finished_at > PROVED_WITHIN
    note = LATE if last else "they were never proved"
    return [
        Matter(
            "Differences within our own books", count, reverse("operator_ledger"),
            is_late or count > 0,
            note=note if is_late else "",
            since=last.finished_at if last else None, since_word="the last proof ended",
        )
    ]  # fmt: skip

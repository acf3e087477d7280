"""What waits for a person, counted in three queries: for the first page of the day."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db.models import Count, QuerySet, Value
from django.urls import reverse
from django.utils import timezone

from accounts.models import Event, OwedMail
from billing.models import (
    AutoTopUp,
    Invoice,
    LedgerCheck,
    MeterEvent,
    Purchase,
    Reversal,
    StripeCheck,
    StripeEvent,
)
from billing.operator_pages.overview import RECENT
from billing.operator_pages.purchases import LONG


@dataclass(frozen=True)
class Waiting:
    word: str
    count: int
    url: str


def found() -> list[Waiting]:
    """Only what is there."""
    now = timezone.now()
    Lost, Back = MeterEvent.State, Reversal.State
    kinds: dict[str, tuple[QuerySet[Any], str]] = {
        "Dead Stripe events": (
            StripeEvent.objects.filter(state=StripeEvent.State.DEAD),
            reverse("operator_events"),
        ),
        "Meter events refused or too late": (
            MeterEvent.objects.filter(
                state__in=(Lost.REFUSED, Lost.TOO_LATE), occurred_at__gte=now - RECENT
            ),
            reverse("operator_meters"),
        ),
        "Purchases under way for over a day": (
            Purchase.objects.filter(state__in=Purchase.UNDER_WAY, created_at__lt=now - LONG),
            reverse("operator_purchases") + "?state=long",
        ),
        "Disputes that wait for evidence": (
            Reversal.objects.filter(
                kind=Reversal.Kind.DISPUTE,
                state__in=(Back.OPEN, Back.INQUIRY),
                evidence_due_at__isnull=False,
            ),
            reverse("operator_reversals") + "?kind=dispute&state=open",
        ),
        "Overdue invoices": (
            Invoice.objects.filter(state__in=(Invoice.State.OVERDUE, Invoice.State.UNCOLLECTIBLE)),
            reverse("operator_lines") + "#overdue",
        ),
        "Suspended auto top-ups": (
            AutoTopUp.objects.filter(is_on=True).exclude(suspension=""),
            reverse("operator_money"),
        ),
        # Beside every worker runs a courier: what waits so long says that none does, or that its way is barred.
        "Events not sent on for over a minute": (
            Event.objects.filter(fanned_out_at=None, created_at__lt=now - timedelta(minutes=1)),
            reverse("admin:accounts_event_changelist"),
        ),
        "Mails owed for over a quarter of an hour": (
            OwedMail.objects.filter(owed_at__lt=now - timedelta(minutes=15)),
            reverse("admin:accounts_owedmail_changelist"),
        ),
    }
    first, *others = (_count(word, rows) for word, (rows, _) in kinds.items())
    counts = dict(first.union(*others, all=True))
    waiting = [Waiting(word, counts.get(word, 0), url) for word, (_, url) in kinds.items()]
    return [one for one in (*waiting, *_differences()) if one.count]


def _count(word: str, rows: QuerySet[Any]) -> QuerySet[Any, Any]:
    counted: QuerySet[Any, Any] = (
        rows.order_by()
        .annotate(word=Value(word))
        .values("word")
        .annotate(count=Count("pk"))
        .values_list("word", "count")
    )
    return counted


def _differences() -> list[Waiting]:
    """Of the last proof of our books, and of the last comparison with Stripe's."""
    proof = LedgerCheck.objects.order_by("-id").first()
    compared = (
        StripeCheck.objects.filter(finished_at__isnull=False, subject=StripeCheck.Subject.MONEY)
        .order_by("-started_at")
        .first()
    )
    return [
        Waiting(
            "Differences within our own books",
            proof.differences_count if proof else 0,
            reverse("operator_ledger"),
        ),
        Waiting(
            "Differences to Stripe's books",
            len(compared.differences) if compared else 0,
            reverse("operator_comparisons"),
        ),
    ]

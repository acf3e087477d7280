"""What waits for a person, counted in one query: for the first page of the day."""

from dataclasses import dataclass
from typing import Any

from django.db.models import Count, Func, IntegerField, QuerySet, Value
from django.urls import reverse
from django.utils import timezone

from accounts import troubles
from billing.matters import LONG, RECENT
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
        "Events not sent on for over a minute": (
            troubles.unsent_events(),
            reverse("admin:accounts_event_changelist"),
        ),
        "Mails owed for over a quarter of an hour": (
            troubles.owed_mails(),
            reverse("admin:accounts_owedmail_changelist"),
        ),
    }
    counted = {word: (_count(word, rows), url) for word, (rows, url) in kinds.items()}
    counted |= _differences()
    first, *others = (rows for rows, _ in counted.values())
    counts = dict(first.union(*others, all=True))
    return [
        Waiting(word, counts[word], url) for word, (_, url) in counted.items() if counts.get(word)
    ]


def _count(word: str, rows: QuerySet[Any]) -> QuerySet[Any, Any]:
    counted: QuerySet[Any, Any] = (
        rows.order_by()
        .annotate(word=Value(word))
        .values("word")
        .annotate(count=Count("pk"))
        .values_list("word", "count")
    )
    return counted


def _differences() -> dict[str, tuple[QuerySet[Any, Any], str]]:
    """Of the last proof of our books, and of the last comparison with Stripe's."""
    within, to_stripe = "Differences within our own books", "Differences to Stripe's books"
    proof = LedgerCheck.objects.order_by("-id").values_list(Value(within), "differences_count")
    compared = (
        StripeCheck.objects.filter(finished_at__isnull=False, subject=StripeCheck.Subject.MONEY)
        .annotate(
            count=Func("differences", function="jsonb_array_length", output_field=IntegerField())
        )
        .order_by("-started_at")
        .values_list(Value(to_stripe), "count")
    )
    return {
        within: (proof[:1], reverse("operator_ledger")),
        to_stripe: (compared[:1], reverse("operator_comparisons")),
    }

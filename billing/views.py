"""The pages of money: parse, call, render."""

import csv
from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta
from typing import Any

from django.db.models import Q, QuerySet, Sum
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.dateparse import parse_date
from django.views.decorators.http import require_GET

from accounts import pages, roles
from accounts.models import Membership
from billing import balances, presentation
from billing.models import Grant, Transfer

PIECE, CSV_PIECE = 50, 500
COLUMNS = (
    "id",
    "created_at",
    "kind",
    "reference",
    "amount_usd",
    "held_change_usd",
    "balance_after_usd",
)


@require_GET
@pages.for_members
def ledger_page(request: HttpRequest, membership: Membership) -> HttpResponse:
    pages.require(roles.can_see_ledger(membership))
    asked, transfers = _asked(request, membership)
    piece = pages.piece(
        transfers, request.GET.get("cursor", ""), limit=PIECE, key="number", read_key=int
    )
    query = request.GET.copy()
    query.pop("cursor", None)
    context = {
        "asked": asked,
        "is_filtered": any(asked.values()),
        "is_first": "cursor" not in request.GET,
        "piece": piece,
        "rows": [_row(transfer) for transfer in piece.rows],
        "query": query.urlencode(),
        "kinds": Transfer.Kind.choices,
        "balance_now": balances.of(membership.organization),
        "grants": _grants(membership),
    }
    more = request.htmx and "cursor" in request.GET  # type: ignore[attr-defined]
    template = "billing/transfers_piece.html" if more else "billing/ledger.html"
    return render(request, template, context)


@require_GET
@pages.for_members
def transfers_csv(request: HttpRequest, membership: Membership) -> StreamingHttpResponse:
    """Every transfer that the filter in the address finds, newest first, in the API's words."""
    pages.require(roles.can_see_ledger(membership))
    _, transfers = _asked(request, membership)
    answer = StreamingHttpResponse(_csv_lines(transfers), content_type="text/csv; charset=utf-8")
    answer["Content-Disposition"] = (
        f'attachment; filename="transfers-{timezone.now():%Y-%m-%d}.csv"'
    )
    return answer


class _Line:
    """What csv writes into: a line goes straight to the browser."""

    def write(self, line: str) -> str:
        return line


def _csv_lines(transfers: QuerySet[Transfer]) -> Iterator[str]:
    """Piece by piece, each a query of its own: no cursor stays open behind a connection pool."""
    writer = csv.DictWriter(_Line(), COLUMNS, extrasaction="ignore")
    yield writer.writeheader()
    cursor: str | None = ""
    while cursor is not None:
        piece = pages.piece(transfers, cursor, limit=CSV_PIECE, key="number", read_key=int)
        for transfer in piece.rows:
            yield writer.writerow(presentation.transfer(transfer))
        cursor = piece.next_cursor


def _asked(
    request: HttpRequest, membership: Membership
) -> tuple[dict[str, str], QuerySet[Transfer]]:
    """The filter in the address and what it finds. A part that says nothing sensible is passed over."""
    asked = {
        name: request.GET.get(name, "").strip() for name in ("kind", "reference", "since", "until")
    }
    wanted = Q(organization=membership.organization)
    if asked["kind"] in Transfer.Kind.values:
        wanted &= Q(kind=asked["kind"])
    if asked["reference"]:
        wanted &= Q(reference__in=(asked["reference"], f"generation:{asked['reference']}"))
    if since := _midnight(asked["since"]):
        wanted &= Q(created_at__gte=since)
    if until := _midnight(asked["until"]):
        wanted &= Q(created_at__lt=until + timedelta(days=1))
    return asked, Transfer.objects.filter(wanted)


def _midnight(text: str) -> datetime | None:
    try:
        date = parse_date(text)
    except ValueError:
        return None
    return datetime.combine(date, time(), UTC) if date else None


def _row(transfer: Transfer) -> dict[str, Any]:
    """A line of the table; what it is for is a link when that is a page of ours."""
    kind, _, id = transfer.reference.partition(":")
    return presentation.transfer(transfer) | {
        "kind_word": transfer.get_kind_display(),
        "generation": id if kind == "generation" else "",
    }


def _grants(membership: Membership) -> list[dict[str, Any]]:
    """Every grant that has something left or held, in burn order, with where its credits are."""
    grants = (
        Grant.objects.filter(organization=membership.organization)
        .select_related("account")
        .annotate(
            charged=Sum(
                "transfers__amount_microusd", filter=Q(transfers__kind=Transfer.Kind.CAPTURE)
            ),
            held=Sum(
                "transfers__amount_microusd",
                filter=Q(transfers__kind=Transfer.Kind.HOLD, transfers__hold__resolved_at=None),
            ),
        )
        .order_by("priority", "expires_at", "created_at")
    )
    now = timezone.now()
    rows = []
    for grant in grants:
        expired = grant.expires_at is not None and grant.expires_at <= now
        available = 0 if expired else grant.account.balance_microusd or 0
        if available or grant.held:
            rows.append(
                {
                    "grant": grant,
                    "charged": grant.charged or 0,
                    "held": grant.held or 0,
                    "available": available,
                }
            )
    return rows

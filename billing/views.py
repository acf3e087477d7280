"""The page of billing: parse, call, render."""

from datetime import timedelta
from itertools import chain
from typing import Any

from django.db.models import Q, QuerySet, Sum
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET

from accounts import pages, roles
from accounts.models import Membership
from billing import balances, credit_lines, presentation
from billing.checkout_views import buy_panel
from billing.invoices_views import invoices_of
from billing.models import CreditLine, Grant, StripeCustomer, Transfer
from billing.purchases_views import purchases_of
from billing.top_up_views import top_up_panel
from seedance_saas import csv_files, queue

PIECE = 50
LATEST = 5
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
def billing_page(request: HttpRequest, membership: Membership) -> HttpResponse:
    pages.require(roles.can_see_ledger(membership))
    if "from_stripe" in request.GET:
        _follow_card(membership)
        return redirect("billing")
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
    }
    if request.htmx and "cursor" in request.GET:  # type: ignore[attr-defined]
        return render(request, "billing/transfers_piece.html", context)
    return render(request, "billing/billing.html", context | _standing(membership))


def _standing(membership: Membership) -> dict[str, Any]:
    """Everything above the ledger."""
    organization = membership.organization
    balance = balances.of(organization)
    line = CreditLine.objects.filter(organization=organization).first()
    invoices = list(invoices_of(membership).order_by("-id")[:LATEST]) if line else []
    latest = list(purchases_of(membership).order_by("-id")[: LATEST + 1])
    return {
        "grants": _grants(membership),
        "line": line,
        "line_standing": credit_lines.standing(line) if line else None,
        "invoices": invoices,
        "purchases": latest[:LATEST],
        "has_more_purchases": len(latest) > LATEST,
        "can_buy": roles.can_buy(membership),
        **buy_panel(membership, balance),
        **top_up_panel(membership, balance),
    }


def _follow_card(membership: Membership) -> None:
    """The person comes from Stripe's pages, where the card may be another one now; its webhook may be late."""
    organization = membership.organization
    if StripeCustomer.objects.filter(organization=organization).exists():
        queue.enqueue("billing.tasks.follow_card", organization.pk)


@require_GET
@pages.for_members
def transfers_csv(request: HttpRequest, membership: Membership) -> StreamingHttpResponse:
    """Every transfer that the filter in the address finds, newest first, in the API's words."""
    pages.require(roles.can_see_ledger(membership))
    _, transfers = _asked(request, membership)
    rows = chain.from_iterable(pages.pieces(transfers, key="number", read_key=int))
    name = f"transfers-{timezone.now():%Y-%m-%d}.csv"
    return csv_files.answer(name, COLUMNS, map(presentation.transfer, rows))


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
    if since := pages.midnight(asked["since"]):
        wanted &= Q(created_at__gte=since)
    if until := pages.midnight(asked["until"]):
        wanted &= Q(created_at__lt=until + timedelta(days=1))
    return asked, Transfer.objects.filter(wanted)


def _row(transfer: Transfer) -> dict[str, Any]:
    """A line of the table; what it is for is a link when that is a page of ours."""
    kind, _, id = transfer.reference.partition(":")
    return presentation.transfer(transfer) | {
        "kind_word": transfer.get_kind_display(),
        "generation": id if kind == "generation" else "",
        "purchase": id if kind in ("purchase", "bonus") and id.startswith("pur_") else "",
        "invoice": id if kind == "invoice" else "",
    }


def _grants(membership: Membership) -> list[dict[str, Any]]:
    """Every grant that has something left or held, in burn order, with where its credits are."""
    now = timezone.now()
    grants = (
        Grant.objects.filter(organization=membership.organization)
        .select_related("account", "purchase", "bonus_of_purchase")
        .annotate(
            charged=Sum(
                "transfers__amount_microusd", filter=Q(transfers__kind=Transfer.Kind.CAPTURE)
            ),
            held=Sum(
                "transfers__amount_microusd",
                filter=Q(transfers__kind=Transfer.Kind.HOLD, transfers__hold__resolved_at=None),
            ),
        )
        .filter(Q(account__balance_microusd__gt=0) | Q(held__gt=0))
        .order_by("priority", "expires_at", "created_at")
    )
    rows = []
    for grant in grants:
        expired = grant.expires_at is not None and grant.expires_at <= now
        available = 0 if expired else grant.account.balance_microusd or 0
        if available or grant.held:
            rows.append(
                {
                    "grant": grant,
                    "purchase": getattr(grant, "purchase", None)
                    or getattr(grant, "bonus_of_purchase", None),
                    "charged": grant.charged or 0,
                    "held": grant.held or 0,
                    "available": available,
                }
            )
    return rows

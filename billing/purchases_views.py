"""The pages of purchases: one, and all: parse, call, render."""

from datetime import timedelta
from itertools import chain
from typing import Any

from django.db.models import Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.views.decorators.http import require_GET

from accounts import pages, roles
from accounts.models import Membership
from billing import (
    balances,
    presentation,
    purchase_forms,
    purchases,
    reversal_effects,
)
from billing.models import AutoTopUp, Purchase
from seedance_saas import csv_files

PIECE = 50
State = Purchase.State
# What a person may filter by, and the states that it means.
STATES = {
    "paid": ("Paid", (State.PAID,)),
    "open": ("Not paid yet", (State.CREATED, State.OPEN)),
    "processing": ("On its way", (State.PROCESSING,)),
    "failed": ("Failed", (State.FAILED,)),
    "expired": ("Left without paying", (State.EXPIRED, State.CLOSING)),
}
COLUMNS = (
    *("id", "created_at", "paid_at", "origin", "status"),
    *("amount_usd", "bonus_usd", "tax_usd", "total_usd", "withdrawn_usd"),
    *("card_brand", "card_last4", "failure_code", "receipt_url", "invoice_url"),
)
# How soon the page of a purchase asks again.
POLL_SECONDS, POLL_SECONDS_IDLE, POLL_SECONDS_DAYS = 2, 10, 30


def purchases_of(membership: Membership) -> QuerySet[Purchase]:
    return Purchase.objects.filter(organization=membership.organization)


# -- one --------------------------------------------------------------------------------------------


@require_GET
@pages.for_members
def purchase_page(request: HttpRequest, membership: Membership, id: str) -> HttpResponse:
    """How it stands. While it is under way the page asks for itself again, and has Stripe asked."""
    pages.require(roles.can_see_ledger(membership))
    purchase = _get(membership, id)
    purchases.hurry(purchase)
    has_returned = "returned" in request.GET
    seen = f"{purchase.state}-{purchase.failure_code}-{bool(purchase.session_url):d}"
    is_part = bool(request.htmx)  # type: ignore[attr-defined]
    if is_part and request.GET.get("seen") == seen:
        return HttpResponse(status=204)
    context = {
        **_story(membership, purchase),
        "has_returned": has_returned,
        "seen": seen,
        "poll_seconds": _poll_seconds(purchase, has_returned=has_returned),
    }
    template = "billing/purchase/live.html" if is_part else "billing/purchase.html"
    return render(request, template, context)


@require_GET
@pages.for_members
def purchase_receipt(request: HttpRequest, membership: Membership, id: str) -> HttpResponse:
    """The sheet to print. What was not paid has none."""
    pages.require(roles.can_see_ledger(membership))
    purchase = _get(membership, id)
    if purchase.state != State.PAID:
        raise Http404
    return render(request, "billing/purchase_receipt.html", _story(membership, purchase))


def _get(membership: Membership, id: str) -> Purchase:
    found = purchases_of(membership).select_related(
        "organization", "made_by", "grant__account", "bonus_grant__account"
    )
    return get_object_or_404(found, pk=id)


def _story(membership: Membership, purchase: Purchase) -> dict[str, Any]:
    needs_person = purchase.origin == Purchase.Origin.AUTO_TOP_UP and purchase.state == State.FAILED
    top_up = (
        AutoTopUp.objects.filter(organization=membership.organization).first()
        if purchase.origin == Purchase.Origin.AUTO_TOP_UP
        else None
    )
    can_buy = roles.can_buy(membership)
    return {
        "purchase": purchase,
        "balance_now": balances.of(membership.organization),
        "reversals": reversal_effects.of(purchase),
        "can_buy": can_buy,
        "top_up": top_up,
        # One click buys the same amount now: a form of its own.
        "again_form": (
            purchase_forms.new(purchases.newest_paid(membership.organization))
            if can_buy and (needs_person or purchase.state in (State.EXPIRED, State.FAILED))
            else None
        ),
        "expires_at": purchase.created_at + purchases.CHECKOUT_FOR,
    }


def _poll_seconds(purchase: Purchase, *, has_returned: bool) -> int:
    if purchase.state == State.PROCESSING:
        return POLL_SECONDS_DAYS
    is_quick = has_returned or purchase.origin == Purchase.Origin.AUTO_TOP_UP
    return POLL_SECONDS if is_quick or purchase.state != State.OPEN else POLL_SECONDS_IDLE


# -- all --------------------------------------------------------------------------------------------


@require_GET
@pages.for_members
def purchases_page(request: HttpRequest, membership: Membership) -> HttpResponse:
    pages.require(roles.can_see_ledger(membership))
    asked, found = _asked(request, membership)
    query = request.GET.copy()
    query.pop("cursor", None)
    context = {
        "asked": asked,
        "is_filtered": any(asked.values()),
        "is_first": "cursor" not in request.GET,
        "piece": pages.piece(found, request.GET.get("cursor", ""), limit=PIECE),
        "query": query.urlencode(),
        "states": [(name, word) for name, (word, _) in STATES.items()],
        "origins": [("checkout", "By a person"), ("auto_top_up", "Auto top-up")],
        "can_buy": roles.can_buy(membership),
    }
    more = request.htmx and "cursor" in request.GET  # type: ignore[attr-defined]
    template = "billing/purchases/piece.html" if more else "billing/purchases.html"
    return render(request, template, context)


@require_GET
@pages.for_members
def purchases_csv(request: HttpRequest, membership: Membership) -> StreamingHttpResponse:
    """Every purchase that the filter in the address finds, newest first, in the API's words."""
    pages.require(roles.can_see_ledger(membership))
    _, found = _asked(request, membership)
    name = f"purchases-{timezone.now():%Y-%m-%d}.csv"
    return csv_files.answer(name, COLUMNS, map(_csv_row, chain.from_iterable(pages.pieces(found))))


def _asked(
    request: HttpRequest, membership: Membership
) -> tuple[dict[str, str], QuerySet[Purchase]]:
    """The filter in the address and what it finds. A part that says nothing sensible is passed over."""
    asked = {
        name: request.GET.get(name, "").strip() for name in ("state", "origin", "since", "until")
    }
    wanted = Q()
    if asked["state"] in STATES:
        wanted &= Q(state__in=STATES[asked["state"]][1])
    if asked["origin"] in Purchase.Origin.values:
        wanted &= Q(origin=asked["origin"])
    if since := pages.midnight(asked["since"]):
        wanted &= Q(created_at__gte=since)
    if until := pages.midnight(asked["until"]):
        wanted &= Q(created_at__lt=until + timedelta(days=1))
    return asked, purchases_of(membership).filter(wanted)


def _csv_row(purchase: Purchase) -> dict[str, Any]:
    return presentation.purchase(purchase) | {
        "card_brand": purchase.card_brand,
        "card_last4": purchase.card_last4,
        "failure_code": purchase.failure_code,
    }

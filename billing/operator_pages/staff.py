"""Whom the operator's pages are for, and the frame that they share."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from accounts.context import Place
from accounts.staff import for_staff as for_staff
from accounts.staff import moves_money as moves_money

MAIN = (
    Place("operator", "Today", "home"),
    Place("operator_money", "Money", "billing"),
    Place("admin:index", "Records", "audit"),
    Place("operator_rates", "Prices", "budget"),
)
MORE = (
    Place("operator_purchases", "Purchases", "billing"),
    Place("operator_reversals", "Money back", "again"),
    Place("operator_lines", "Lines", "budget"),
    Place("operator_events", "Stripe events", "hook"),
    Place("operator_meters", "Meters", "usage"),
    Place("operator_comparisons", "Comparisons", "audit"),
    Place("operator_ledger", "Proof of the books", "check"),
    Place("operator_catalog", "Catalog", "create"),
)


def page(
    request: HttpRequest, place: str, template: str, context: dict[str, Any], *, status: int = 200
) -> HttpResponse:
    """A page in the operator's frame; `place` is the entry of the navigation that it belongs to."""
    # No organization is in view here: the frame need not ask for one.
    frame = {"places_main": MAIN, "places_more": MORE, "section": place, "membership": None}
    return render(request, f"operator/{template}", {**frame, **context}, status=status)


def query_of(request: HttpRequest) -> str:
    """The filter in the address, for the link to what is older."""
    query = request.GET.copy()
    query.pop("cursor", None)
    return query.urlencode()

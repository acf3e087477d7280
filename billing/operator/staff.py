"""Whom the operator's pages are for, and the frame that they share."""

from collections.abc import Callable
from functools import wraps
from typing import Any, Concatenate, ParamSpec

from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.utils.cache import patch_cache_control
from django.views.decorators.csrf import csrf_exempt, csrf_protect

from accounts.context import Place
from accounts.models import User
from accounts.pages import View

P = ParamSpec("P")
StaffView = Callable[Concatenate[HttpRequest, User, P], HttpResponseBase]

MAIN = (
    Place("operator", "Overview", "home"),
    Place("operator_purchases", "Purchases", "billing"),
    Place("operator_reversals", "Money back", "again"),
    Place("operator_lines", "Lines", "budget"),
)
MORE = (
    Place("operator_events", "Stripe events", "hook"),
    Place("operator_meters", "Meters", "usage"),
    Place("operator_comparisons", "Comparisons", "audit"),
    Place("operator_ledger", "Proof of the books", "check"),
    Place("operator_catalog", "Catalog", "create"),
)


def for_staff(view: StaffView[P]) -> View[P]:
    """The view gets whoever of our staff looks. Everybody else finds nothing, with any method and any token:
    so the token of a form is asked for only afterwards, and 405 is said to staff alone."""

    @csrf_protect
    def protected(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
        assert isinstance(request.user, User)
        return view(request, request.user, *args, **kwargs)

    @csrf_exempt
    @wraps(view)
    def guarded(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
        if not (request.user.is_authenticated and request.user.is_staff):
            raise Http404
        answer = protected(request, *args, **kwargs)
        patch_cache_control(answer, private=True, no_cache=True)
        return answer

    return guarded


def page(
    request: HttpRequest, place: str, template: str, context: dict[str, Any], *, status: int = 200
) -> HttpResponse:
    """A page in the operator's frame; `place` is the entry of the navigation that it belongs to."""
    frame = {"places_main": MAIN, "places_more": MORE, "section": place}
    return render(request, f"operator/{template}", {**frame, **context}, status=status)


def query_of(request: HttpRequest) -> str:
    """The filter in the address, for the link to what is older."""
    query = request.GET.copy()
    query.pop("cursor", None)
    return query.urlencode()

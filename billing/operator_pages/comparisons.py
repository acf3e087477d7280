"""Stripe's books against ours: the latest comparisons, and one now."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_GET, require_POST

from accounts import pages
from accounts.models import User
from billing.models import StripeCheck
from billing.operator_pages import staff
from seedance_saas import clock

PIECE = 30


@staff.for_staff
@require_GET
def comparisons_page(request: HttpRequest, actor: User) -> HttpResponse:
    """GET {operator}/comparisons: the newest first; `?show=differences` without those that found none."""
    asked = request.GET.get("show", "")
    checks = StripeCheck.objects.all()
    if asked == "differences":
        checks = checks.exclude(differences=[])
    context = {
        "asked": asked,
        "is_first": "cursor" not in request.GET,
        "piece": pages.piece(checks, request.GET.get("cursor", ""), limit=PIECE, read_key=int),
        "query": staff.query_of(request),
    }
    return staff.page(request, "operator_comparisons", "comparisons.html", context)


@staff.for_staff
@require_POST
def compare_now(request: HttpRequest, actor: User) -> HttpResponse:
    """POST {operator}/comparisons/now: the clock's next tick begins one, and the day counts from then.

    A repeat, or while one runs, begins none.
    """
    if clock.hasten("billing.tasks.compare_with_stripe", by=actor.pk):
        messages.success(request, "A comparison begins now. It stands here once it has ended.")
    else:
        messages.info(request, "A comparison is under way already.")
    return redirect("operator_comparisons")

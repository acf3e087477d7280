"""What our own staff sees of the catalog. To everybody else this page does not exist."""

from django.contrib import messages
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.views.decorators.csrf import csrf_exempt, csrf_protect
from django.views.decorators.http import require_http_methods

from generations.catalog_standing import standings
from seedance_saas import queue


@csrf_exempt  # asked for below: a stranger is told that there is no page, and not that a token is missing
def catalog_page(request: HttpRequest) -> HttpResponseBase:
    """GET and POST /operator/catalog: how it stands with each provider; POST has the providers asked again."""
    if not (request.user.is_authenticated and request.user.is_staff):
        raise Http404
    return _for_staff(request)


@csrf_protect
@require_http_methods(["GET", "HEAD", "POST"])
def _for_staff(request: HttpRequest) -> HttpResponse:
    if request.method == "POST":
        with transaction.atomic():
            queue.enqueue("generations.tasks.sync_catalog")
        messages.success(request, "The providers are asked now. Load this page again in a moment.")
        return redirect("operator_catalog")
    rows = standings()
    context = {
        "standings": rows,
        "last_confirmed_at": max(
            (row.confirmed_at for row in rows if row.confirmed_at), default=None
        ),
        "late": [row for row in rows if row.is_late],
    }
    return render(request, "operator/catalog.html", context)

"""What our own staff sees of the catalog. To everybody else this page does not exist."""

from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_http_methods

from accounts import audit
from accounts.models import User
from billing.operator_pages import staff
from generations.catalog_standing import standings
from seedance_saas import queue
from seedance_saas.requests import client_address


@staff.for_staff
@require_http_methods(["GET", "HEAD", "POST"])
def catalog_page(request: HttpRequest, actor: User) -> HttpResponse:
    """GET and POST {operator}/catalog: how it stands with each provider; POST has the providers asked again."""
    if request.method == "POST":
        with transaction.atomic():
            queue.enqueue("generations.tasks.sync_catalog")
            audit.note(
                None, "catalog.sync_asked", "catalog", actor=actor, address=client_address(request)
            )
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
    return staff.page(request, "operator_catalog", "catalog.html", context)

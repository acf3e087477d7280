"""What our own staff sees of the books. To everybody else these pages do not exist."""

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_GET

from billing.models import LedgerCheck

SHOWN = 30


@require_GET
def ledger_checks(request: HttpRequest) -> HttpResponse:
    """GET /operator/ledger: the latest runs of the proof, the newest first, and how old it is."""
    if not (request.user.is_authenticated and request.user.is_staff):
        raise Http404
    checks = list(LedgerCheck.objects.order_by("-id")[:SHOWN])
    is_late = not checks or (timezone.now() - checks[0].finished_at).days >= 1
    context = {"last": checks[0] if checks else None, "checks": checks, "is_late": is_late}
    return render(request, "operator/ledger_checks.html", context)

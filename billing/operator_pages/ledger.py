"""The latest runs of the proof, and how old the last one is."""

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.http import require_GET

from accounts.models import User
from billing.models import LedgerCheck
from billing.operator_pages import staff

SHOWN = 30


@staff.for_staff
@require_GET
def ledger_checks(request: HttpRequest, actor: User) -> HttpResponse:
    """GET {operator}/ledger: the newest first."""
    checks = list(LedgerCheck.objects.order_by("-id")[:SHOWN])
    is_late = not checks or (timezone.now() - checks[0].finished_at).days >= 1
    context = {"last": checks[0] if checks else None, "checks": checks, "is_late": is_late}
    return staff.page(request, "operator_ledger", "ledger_checks.html", context)

"""What needs a person, in numbers; each leads to where it is seen to."""

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_GET

from accounts.models import User
from billing import matters
from billing.models import AutoTopUp
from billing.operator_pages import staff

SHOWN = 20


@staff.for_staff
@require_GET
def overview_page(request: HttpRequest, actor: User) -> HttpResponse:
    """GET {operator}/money"""
    found = matters.found()
    suspended = AutoTopUp.objects.filter(is_on=True).exclude(suspension="")
    shown = list(
        suspended.select_related("organization", "organization__stripe_customer").order_by(
            "-changed_at"
        )[: SHOWN + 1]
    )
    context = {
        "urgent": [matter for matter in found if matter.needs_person],
        "calm": [matter for matter in found if not matter.needs_person],
        "suspended": shown[:SHOWN],
        "suspended_count": suspended.count() if len(shown) > SHOWN else len(shown),
    }
    return staff.page(request, "operator_money", "overview.html", context)

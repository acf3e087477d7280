"""Refunds and disputes, with what waits for our answer first in the eye."""

from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_GET

from accounts import pages
from accounts.models import User
from billing.models import Reversal
from billing.operator_pages import organizations, staff

PIECE = 50
State = Reversal.State
# One word for several states: what a person looks for.
STATES = {
    "open": ("Open", (State.REQUESTED, State.PENDING, State.INQUIRY, State.OPEN)),
    "failed": ("Failed", (State.FAILED,)),
    "ended": ("Ended", (State.SUCCEEDED, State.LOST, State.WON)),
}


@staff.for_staff
@require_GET
def reversals_page(request: HttpRequest, actor: User) -> HttpResponse:
    """GET {operator}/money-back: the newest first, by `?kind=`, `?state=` and `?organization=`."""
    asked = {name: request.GET.get(name, "").strip() for name in ("kind", "state", "organization")}
    wanted = Q()
    if asked["kind"] in Reversal.Kind.values:
        wanted &= Q(kind=asked["kind"])
    if asked["state"] in STATES:
        wanted &= Q(state__in=STATES[asked["state"]][1])
    if asked["organization"]:
        wanted &= organizations.those_of(
            asked["organization"], through="purchase__"
        ) | organizations.those_of(asked["organization"], through="invoice__")
    found = Reversal.objects.filter(wanted).select_related(
        "purchase__organization", "invoice__organization", "made_by"
    )
    context = {
        "asked": asked,
        "kinds": Reversal.Kind.choices,
        "states": [(name, word) for name, (word, _) in STATES.items()],
        "is_filtered": any(asked.values()),
        "is_first": "cursor" not in request.GET,
        "piece": pages.piece(found, request.GET.get("cursor", ""), limit=PIECE),
        "query": staff.query_of(request),
    }
    return staff.page(request, "operator_reversals", "reversals.html", context)

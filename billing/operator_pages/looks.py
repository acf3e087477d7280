"""Looking at an organization as its owner would: begun with a reason, ended with a button."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST

from accounts import looking, pages
from accounts.models import Look, Membership, Organization, User
from billing.operator_pages import acts, staff
from seedance_saas.requests import client_address

MINUTES = int(looking.LOOK_TIME.total_seconds() // 60)


@staff.for_staff
@require_http_methods(["GET", "POST"])
def begin_page(request: HttpRequest, actor: User, id: str) -> HttpResponse:
    """GET and POST {operator}/organizations/{id}/look. While one looks already, nothing is posted: stop first."""
    organization = get_object_or_404(Organization, pk=id)

    def do(reason: str) -> str:
        look = looking.begin(
            organization, staff=actor, reason=reason, address=client_address(request)
        )
        request.session[looking.SESSION_KEY] = look.pk
        return ""  # the banner says it

    admins = Membership.objects.filter(organization=organization, role__in=("owner", "admin"))
    act = acts.Act(
        title="Look as its owner",
        about=f"You see every page of {organization.name} as its owner would, and can change nothing.",
        button=f"Look at {organization.name}",
        back_url=reverse("home"),
        back_word="Home",
        lines=[
            ("Ends by itself after", f"{MINUTES} minutes"),
            ("Owners and admins who read in their audit trail who looked, when and why", f"{admins.count():,}"),
        ],
    )  # fmt: skip
    return acts.page(request, "admin:index", act, do)


@staff.for_staff
@require_POST
def end_look(request: HttpRequest, actor: User) -> HttpResponse:
    """POST {operator}/stop-looking. A repeat finds nothing to end."""
    look = Look.objects.filter(
        pk=request.session.pop(looking.SESSION_KEY, ""), staff=actor
    ).select_related("organization")
    if found := look.first():
        looking.end(found, by=actor, address=client_address(request))
        return pages.SeeOther(reverse("operator_organization", args=[found.organization_id]))
    return pages.SeeOther(reverse("home"))

"""One organization: what it has, who it is, and what can be done about it."""

from django.db.models import Count, Q, Sum
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods

from accounts import organizations
from accounts.models import ApiKey, AuditEntry, Membership, Organization, User
from billing import balances, gifts
from billing.models import CreditLine, Hold
from billing.operator_pages import acts, staff
from billing.templatetags.money import money
from seedance_saas.requests import client_address

PLACE = "admin:index"
SHOWN = 10


@staff.for_staff
@require_GET
def tenant_page(request: HttpRequest, actor: User, id: str) -> HttpResponse:
    """GET {operator}/organizations/{id}"""
    organization = get_object_or_404(Organization, pk=id)
    keys = ApiKey.objects.filter(organization=organization, revoked_at=None).order_by("-id")
    entries = AuditEntry.objects.filter(organization=organization).select_related("actor")
    context = {
        "organization": organization,
        "balance": balances.of(organization),
        "line": CreditLine.objects.filter(organization=organization).first(),
        "members": Membership.objects.filter(organization=organization).select_related("user")[
            :SHOWN
        ],
        "keys": keys[: SHOWN + 1],
        "entries": entries.order_by("-id")[:SHOWN],
        "shown": SHOWN,
        "gift_left_cents": gifts.left_cents(organization),
    }
    return staff.page(request, PLACE, "tenant.html", context)


@staff.for_staff
@require_http_methods(["GET", "POST"])
def suspend_page(request: HttpRequest, actor: User, id: str) -> HttpResponse:
    """GET and POST {operator}/organizations/{id}/suspend. A repeat changes nothing."""
    organization = get_object_or_404(Organization, pk=id)

    def do(reason: str) -> str:
        organizations.suspend(
            organization, because=reason, by=actor, address=client_address(request)
        )
        return f"{organization.name} is suspended: nothing new begins."

    runs = Hold.objects.filter(organization=organization, resolved_at=None).aggregate(
        count=Count("id"), held=Sum("amount_microusd", default=0)
    )
    keys = ApiKey.objects.filter(organization=organization, revoked_at=None).count()
    act = acts.Act(
        title="Suspend",
        about=f"{organization.name} begins nothing new, from its next request on.",
        button=f"Suspend {organization.name}",
        back_url=reverse("operator_organization", args=[id]),
        back_word=organization.name,
        lines=[
            ("Runs now: ends as usual, and is charged", f"{runs['count']:,}"),
            ("Held for it", money(runs["held"])),
            ("API keys that get 403 for new work", f"{keys:,}"),
        ],
        note="Its members read the reason with every refusal.",
        is_dangerous=True,
        impossible="It is suspended already." if organization.suspended_at else "",
    )
    return acts.page(request, PLACE, act, do)


@staff.for_staff
@require_http_methods(["GET", "POST"])
def reinstate_page(request: HttpRequest, actor: User, id: str) -> HttpResponse:
    """GET and POST {operator}/organizations/{id}/reinstate. A repeat changes nothing."""
    organization = get_object_or_404(Organization, pk=id)

    def do(reason: str) -> str:
        organizations.reinstate(
            organization, by=actor, because=reason, address=client_address(request)
        )
        return f"{organization.name} may begin new work again."

    available = balances.of(organization).available_microusd
    keys = ApiKey.objects.filter(Q(organization=organization), revoked_at=None).count()
    act = acts.Act(
        title="Reinstate",
        about=f"{organization.name} may begin new work again, from its next request on.",
        button=f"Reinstate {organization.name}",
        back_url=reverse("operator_organization", args=[id]),
        back_word=organization.name,
        lines=[
            ("Suspended because", organization.suspended_because),
            ("API keys that work again", f"{keys:,}"),
            ("Available", money(available)),
        ],
        impossible="" if organization.suspended_at else "It is not suspended.",
    )
    return acts.page(request, PLACE, act, do)

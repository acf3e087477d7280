"""A key of an organization, revoked by us."""

from datetime import datetime

from django.db.models import Count, Sum
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from accounts import api_keys
from accounts.models import ApiKey, User
from billing.models import Hold
from billing.operator_pages import acts, staff
from billing.templatetags.money import money
from seedance_saas.requests import client_address


@staff.for_staff
@require_http_methods(["GET", "POST"])
def revoke_page(request: HttpRequest, actor: User, id: str) -> HttpResponse:
    """GET and POST {operator}/keys/{id}/revoke. A repeat changes nothing."""
    key = get_object_or_404(ApiKey.objects.select_related("organization"), pk=id)
    address = client_address(request)

    def do(reason: str) -> str:
        api_keys.revoke(key, by=actor, because=reason, address=address)
        return f"{key.name} ({key.prefix}…) opens nothing any more."

    runs = Hold.objects.filter(
        organization=key.organization, api_key_id=key.id, resolved_at=None
    ).aggregate(count=Count("id"), held=Sum("amount_microusd", default=0))
    act = acts.Act(
        title="Revoke a key",
        about=f"{key.name} ({key.prefix}…) of {key.organization.name} opens nothing, from the next request on.",
        button="Revoke the key",
        back_url=reverse("operator_organization", args=[key.organization_id]),
        back_word=key.organization.name,
        lines=[
            ("Last used", _when(key.last_used_at)),
            ("Runs now through it: ends as usual, and is charged", f"{runs['count']:,}"),
            ("Held for it", money(runs["held"])),
        ],
        note="It cannot be undone: the organization makes another one.",
        is_dangerous=True,
        impossible="It is revoked already." if key.revoked_at else "",
    )
    return acts.page(request, "admin:index", act, do)


def _when(at: datetime | None) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC" if at else "never"

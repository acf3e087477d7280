"""What a plan, or one organization, pays over the list from a moment on: shown in prices, then set for good."""

from typing import Any

from django import forms
from django.contrib import messages
from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from accounts import pages
from accounts.models import Organization, User
from billing.operator_pages import organizations, staff
from billing.operator_pages.fields import ReasonField
from generations import margins, models, pricing, rate_cards
from generations.operator_pages.rates import PLACE, MomentField, soon
from seedance_saas.errors import InvalidRequest, Refusal
from seedance_saas.requests import client_address

BASIS_POINTS_MAX = 100_000


class MarginForm(forms.Form):
    payer = forms.RegexField(
        r"\A(org_[0-9a-f]{32}|[a-z][a-z0-9-]{0,19})\Z",
        label="Plan, or organization (org_…)",
        error_messages=dict.fromkeys(
            ("required", "invalid"),
            "Name an organization by its id, or a plan: up to 20 small letters, digits and hyphens.",
        ),
    )
    basis_points = forms.IntegerField(
        label="Margin in basis points",
        min_value=1 - pricing.WHOLE_BASIS_POINTS,
        max_value=BASIS_POINTS_MAX,
        error_messages=dict.fromkeys(
            ("required", "invalid", "min_value", "max_value"),
            f"It must be -9999 to {BASIS_POINTS_MAX}; 100 are one percent.",
        ),
    )
    effective_from = MomentField("Holds from (UTC)")
    reason = ReasonField()


@staff.moves_money
@require_http_methods(["GET", "POST"])
def margin_page(request: HttpRequest, actor: User) -> HttpResponse:
    """GET and POST {operator}/rates/margin. A second click finds the margin that begins then, and sets none."""
    form = MarginForm(
        request.POST if request.method == "POST" else None,
        initial={**soon(), "payer": request.GET.get("payer", "standard")},
    )
    shown = None
    if form.is_valid():
        said = form.cleaned_data
        try:
            organization = _organization(said["payer"])
            rate_cards.demand_notice(said["effective_from"])
            if request.POST.get("do") == "set":
                _set(organization, said, actor, client_address(request))
                messages.success(request, f"Set for {organization or said['payer']}.")
                return pages.SeeOther(reverse("operator_rates"))
            shown = _shown(organization, said)
        except Refusal as refusal:
            where = {"organization": "payer", "effective_from": "effective_from"}
            form.add_error(where.get(refusal.param or ""), refusal.message)
    context = {"form": form, "shown": shown}
    status = 400 if form.is_bound and not shown else 200
    return staff.page(request, PLACE, "margin.html", context, status=status)


def _organization(payer: str) -> Organization | None:
    """None: the payer is a plan. Raises NotFound."""
    return organizations.find(payer) if payer.startswith("org_") else None


def _set(
    organization: Organization | None, said: dict[str, Any], actor: User, address: str | None
) -> None:
    when, why = said["effective_from"], said["reason"]
    try:
        with transaction.atomic():
            if organization:
                margins.agree(
                    organization, effective_from=when, why=why, actor=actor, address=address,
                    margin_basis_points=said["basis_points"],
                )  # fmt: skip
            else:
                margins.set_for_plan(
                    said["payer"], said["basis_points"],
                    effective_from=when, why=why, actor=actor, address=address,
                )  # fmt: skip
    except IntegrityError:
        _demand_the_same(organization, said)
    rate_cards.forget_cached()


def _demand_the_same(organization: Organization | None, said: dict[str, Any]) -> None:
    """What begins at that moment already is the first click's, or another's: then nothing was set."""
    stands: QuerySet[Any] = (
        models.RateAgreement.objects.filter(organization=organization)
        if organization
        else models.PlanMargin.objects.filter(plan=said["payer"])
    )
    if not stands.filter(
        effective_from=said["effective_from"], margin_basis_points=said["basis_points"]
    ).exists():
        raise InvalidRequest("Another one begins at that very moment.", param="effective_from")


def _shown(organization: Organization | None, said: dict[str, Any]) -> dict[str, Any]:
    """Each rule's price by the list, and with the margin; and who pays by it."""
    now = timezone.now()
    listed = rate_cards.list_card(now)
    then = pricing.with_margin(
        listed, said["basis_points"], version=listed.version,
        effective_from=said["effective_from"], basis="",
    )  # fmt: skip
    count = 1 if organization else Organization.objects.filter(plan=said["payer"]).count()
    return {
        "organization": organization,
        "rules": list(zip(listed.rules, then.rules, strict=True)),
        "count": count,
        "is_new": not organization
        and not models.PlanMargin.objects.filter(plan=said["payer"]).exists(),
    }

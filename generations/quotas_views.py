"""The page of quotas, money and models on one screen: parse, call, render."""

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods

from accounts import key_terms, pages, roles
from accounts.models import Membership, Organization, Role, RoleTerms
from billing import budgets_views
from generations import allowances, catalog
from seedance_saas.requests import client_address

NOT_SEEN = (
    "Budgets are seen by owners, admins and who does the billing. What limits you stands on Home."
)


@dataclass(frozen=True)
class Terms:
    """What the organization, or those with a role, may use, as the page draws it. Nothing named: all."""

    role: Role | None
    name: str
    models: list[str]
    resolutions: list[str]
    concurrent_max: int | None

    @property
    def words(self) -> str:
        """Its name within a sentence."""
        return self.name.replace("Each", "each", 1) if self.role else self.name

    @property
    def titles(self) -> list[str]:
        known = (catalog.find(slug) for slug in self.models)
        return [model.title for model in known if model]

    @property
    def url(self) -> str:
        address = reverse("budget_terms")
        return f"{address}?{urlencode({'role': self.role})}" if self.role else address


class TermsForm(forms.Form):
    """What may be used. Nothing ticked allows all."""

    models = forms.MultipleChoiceField(
        label="Models",
        choices=[(model.slug, model.title) for model in catalog.MODELS],
        required=False,
        widget=forms.CheckboxSelectMultiple,
    )
    resolutions = forms.MultipleChoiceField(
        label="Resolutions", required=False, widget=forms.CheckboxSelectMultiple
    )
    concurrent_max = forms.IntegerField(
        label="At a time",
        required=False,
        min_value=1,
        max_value=key_terms.CONCURRENT_MAX,
        error_messages={
            "invalid": "At a time must be a whole number.",
            "min_value": "At least 1; leave it empty for no limit.",
            "max_value": f"At most {key_terms.CONCURRENT_MAX:,}; leave it empty for no limit.",
        },
    )

    def __init__(self, data: Any, terms: Terms) -> None:
        self.is_of_role = terms.role is not None
        name = terms.role.value if terms.role else "all"
        super().__init__(data, initial=vars(terms), auto_id=f"t-{name}-%s")
        offered = dict.fromkeys((*allowances.resolutions_on_sale(), *terms.resolutions))
        self.fields["resolutions"].choices = [(one, one) for one in offered]  # type: ignore[attr-defined]


@require_GET
@pages.for_members
def budgets_page(request: HttpRequest, membership: Membership) -> HttpResponse:
    """Who may spend how much, and on what."""
    pages.require(roles.can_see_ledger(membership), NOT_SEEN)
    context = budgets_views.overview(request, membership)
    if not context["scope"]:
        context["terms"] = _all_terms(membership.organization)
    return render(request, "generations/quotas.html", context)


@require_http_methods(["GET", "POST"])
@pages.for_members
def terms(request: HttpRequest, membership: Membership) -> HttpResponse:
    """Set what the organization, or with `?role=` one role, may use: on a page of its own, or in its row."""
    pages.require(roles.can_set_budgets(membership))
    role = request.GET.get("role", "")
    shown = next(
        (one for one in _all_terms(membership.organization) if (one.role or "") == role), None
    )
    if shown is None:
        raise Http404
    is_part = bool(request.htmx)  # type: ignore[attr-defined]
    form = TermsForm(request.POST if request.method == "POST" else None, shown)
    if form.is_valid():
        _set(request, membership, shown.role, form.cleaned_data)
        said = f"{shown.name}: this counts from the next request on."
        if is_part:
            return _row(request, membership, role, said)
        messages.success(request, said)
        return redirect("budgets")
    if is_part and request.GET.get("do") == "show":
        return _row(request, membership, role)
    context = {"one": shown, "form": form, "is_part": is_part}
    if is_part:  # an answer that is an error is not swapped in
        return render(request, "generations/terms/form.html", context)
    status = 400 if form.is_bound else 200
    return render(request, "generations/terms.html", context, status=status)


def _row(request: HttpRequest, membership: Membership, role: str, said: str = "") -> HttpResponse:
    (one,) = (one for one in _all_terms(membership.organization) if (one.role or "") == role)
    context = {"one": one, "said": said, "can_set": True, "is_part": True}
    return render(request, "generations/terms/row.html", context)


def _set(
    request: HttpRequest, membership: Membership, role: Role | None, wanted: dict[str, Any]
) -> None:
    who: dict[str, Any] = {"actor": membership.user, "address": client_address(request)}
    organization = membership.organization
    if role is None:
        allowances.set_for_organization(organization, models=wanted["models"], **who)
        organization.refresh_from_db(fields=["allowed_models"])
    else:
        allowances.set_for_role(organization, role, **wanted, **who)


def _all_terms(organization: Organization) -> list[Terms]:
    """The organization's, and those of each role that makes videos. One query."""
    known = {row.role: row for row in RoleTerms.objects.filter(organization=organization)}
    rows = [Terms(None, organization.name, organization.allowed_models, [], None)]
    for role in allowances.ROLES:
        row = known.get(role, RoleTerms())
        rows.append(
            Terms(
                role,
                f"Each {role.label.lower()}",
                row.allowed_models,
                row.allowed_resolutions,
                row.concurrent_max,
            )
        )
    return rows

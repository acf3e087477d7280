"""The settings of an organization, for its owners: each part is a form of its own, and so is the end."""

from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST

from accounts import organizations, pages, roles
from accounts.models import Membership
from accounts.organizations import NAME_LENGTH_MAX
from billing import closing as closing_money
from generations import closing, storage_policies
from seedance_saas.errors import Refusal
from seedance_saas.requests import client_address

RETENTION_DAYS_MAX = 90  # without asking us; an operator may have given more


class NameForm(forms.Form):
    name = forms.CharField(label="Name", max_length=NAME_LENGTH_MAX)


class FactorForm(forms.Form):
    required = forms.BooleanField(label="Required", required=False)


class RetentionForm(forms.Form):
    def __init__(self, *args: Any, days_max: int, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        said = f"The days must be a whole number from 1 to {days_max}."
        self.fields["retention_days"] = forms.IntegerField(
            label="Days",
            min_value=1,
            max_value=days_max,
            error_messages=dict.fromkeys(("required", "invalid", "min_value", "max_value"), said),
        )


@require_http_methods(["GET", "POST"])
@pages.for_members
def settings_page(request: HttpRequest, membership: Membership) -> HttpResponseBase:
    """Name, required second factor, retention; what `do` names is changed alone."""
    pages.require(roles.can_manage_settings(membership))
    organization, do = membership.organization, request.POST.get("do", "")
    policy = storage_policies.policy_of(organization.pk)
    days_max = max(RETENTION_DAYS_MAX, policy.retention_days)

    def sent(name: str) -> Any:
        return request.POST if do == name else None

    name = NameForm(sent("name"), initial={"name": organization.name})
    factor = FactorForm(
        sent("second_factor"), initial={"required": organization.requires_second_factor}
    )
    retention = RetentionForm(
        sent("retention"), days_max=days_max, initial={"retention_days": policy.retention_days}
    )
    bound = next((form for form in (name, factor, retention) if form.is_bound), None)
    if bound and bound.is_valid():
        try:
            said = _change(membership, bound, client_address(request))
        except Refusal as refusal:
            bound.add_error(
                refusal.param if refusal.param in bound.fields else None, refusal.message
            )
        else:
            messages.success(request, said)
            return pages.SeeOther(reverse("settings"))
    context = {
        "organization": organization,
        "name": name,
        "factor": factor,
        "retention": retention,
        "days_max": days_max,
        "reopens_days": closing_money.REOPENS_FOR.days,
    }
    return render(request, "generations/settings.html", context, status=400 if bound else 200)


def _change(membership: Membership, form: forms.Form, address: str | None) -> str:
    """Do what the form says; what to tell."""
    organization, by, data = membership.organization, membership.user, form.cleaned_data
    if isinstance(form, NameForm):
        renamed = organizations.rename(organization, data["name"], by=by, address=address)
        return f"The organization is called {renamed.name} now."
    if isinstance(form, FactorForm):
        organizations.require_second_factor(organization, data["required"], by=by, address=address)
        return f"A second factor is {'required' if data['required'] else 'not required'} now."
    policy = storage_policies.set_policy(
        organization,
        why="set by an owner",
        retention_days=data["retention_days"],
        actor=by,
        address=address,
    )
    return f"What is made or uploaded from now on is kept for {policy.retention_days} days."


@require_http_methods(["GET", "POST"])
@pages.for_members
def close_page(request: HttpRequest, membership: Membership) -> HttpResponse | HttpResponseBase:
    """Say in numbers what closing does, and do it when it is said again."""
    pages.require(roles.can_manage_settings(membership))
    organization, error = membership.organization, ""
    if organization.closed_at:
        return pages.SeeOther(reverse("settings"))
    if request.method == "POST":
        try:
            closing.close(organization, by=membership.user, address=client_address(request))
        except Refusal as refusal:
            error = refusal.message
        else:
            messages.success(request, f"{organization.name} is closed.")
            return pages.SeeOther(reverse("settings"))
    said = closing_money.preview(organization)
    context = {
        "organization": organization,
        "money_said": said,
        "balance_now": said.balance,
        "line": said.line,
        "work": closing.preview(organization),
        "keys_count": organization.api_keys.filter(revoked_at=None).count(),
        "reopens_days": closing_money.REOPENS_FOR.days,
        "error": error,
    }
    return render(request, "generations/close.html", context, status=409 if error else 200)


@require_POST
@pages.for_members
@pages.even_when_closed
def reopen(request: HttpRequest, membership: Membership) -> HttpResponseBase:
    pages.require(roles.can_manage_settings(membership))
    try:
        closing_money.reopen(
            membership.organization, by=membership.user, address=client_address(request)
        )
    except Refusal as refusal:
        messages.error(request, refusal.message)
    else:
        messages.success(request, f"{membership.organization.name} is open again.")
    return pages.SeeOther(reverse("settings"))

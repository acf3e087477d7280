"""The pages with which an organization begins: live, or a sandbox with free credits."""

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST

from accounts import middleware, pages, roles
from accounts.models import Membership, User
from accounts.organizations import NAME_LENGTH_MAX
from billing import founding, sandboxes
from seedance_saas.api import usd
from seedance_saas.errors import Refusal
from seedance_saas.requests import client_address


class OrganizationForm(forms.Form):
    name = forms.CharField(label="Name", max_length=NAME_LENGTH_MAX)
    kind = forms.ChoiceField(
        label="Kind", choices=[("live", "Live"), ("sandbox", "Sandbox")], required=False
    )


@require_http_methods(["GET", "POST"])
@login_required
def new_organization(request: HttpRequest) -> HttpResponse:
    """Make an organization, become its owner, and look at it from now on."""
    assert isinstance(request.user, User)
    form = OrganizationForm(
        request.POST if request.method == "POST" else None,
        initial={"kind": request.GET.get("kind", "live")},
    )
    if form.is_valid():
        try:
            made = founding.found(
                form.cleaned_data["name"],
                owner=request.user,
                is_sandbox=form.cleaned_data["kind"] == "sandbox",
                address=client_address(request),
            )
        except Refusal as refusal:
            form.add_error("name", refusal.message)
        else:
            middleware.choose(request, made)
            messages.success(request, f"{made.name} is ready.")
            return redirect("home")
    context = {
        "form": form,
        "full": sandboxes.FULL_MICROUSD,
        "low": sandboxes.LOW_MICROUSD,
        "most": sandboxes.FILLS_PER_DAY_MAX,
    }
    return render(
        request, "billing/new_organization.html", context, status=400 if form.is_bound else 200
    )


@require_POST
@pages.for_members
def fill_sandbox(request: HttpRequest, membership: Membership) -> HttpResponseBase:
    pages.require(roles.can_buy(membership))
    try:
        grant = sandboxes.fill(
            membership.organization, by=membership.user, address=client_address(request)
        )
    except Refusal as refusal:
        messages.warning(request, refusal.message)
    else:
        messages.success(
            request,
            f"${usd(grant.amount_microusd)} came in: ${usd(sandboxes.FULL_MICROUSD)} is available.",
        )
    return pages.SeeOther(reverse("billing"))

"""The pages of budgets: parse, call, render. They call the verbs that the API calls."""

from typing import Any
from urllib.parse import urlencode

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods

from accounts import pages, roles
from accounts.models import ApiKey, Membership, Organization
from billing import balances, budgets, budgets_api, end_users
from billing.budgets import Standing
from billing.models import Budget
from seedance_saas.api import usd
from seedance_saas.errors import Refusal
from seedance_saas.requests import client_address

END_USERS_SHOWN = 50
PERIODS = (
    (Budget.Period.DAY, "a day"),
    (Budget.Period.WEEK, "a week"),
    (Budget.Period.MONTH, "a month"),
    (Budget.Period.LIFETIME, "in all"),
)


class LimitForm(forms.Form):
    """An amount in dollars as the API takes it, and the period in which it may be spent."""

    limit_usd = forms.CharField(label="Limit", max_length=20)
    period = forms.ChoiceField(label="Period", choices=PERIODS)

    def clean_limit_usd(self) -> int:
        typed = self.cleaned_data["limit_usd"].strip().removeprefix("$").replace(",", "")
        try:
            limit = budgets_api.read_limit(typed)
        except Refusal as refusal:
            raise forms.ValidationError(refusal.message.replace("limit_usd", "The limit")) from None
        assert limit is not None
        return limit


@require_GET
@pages.for_members
def budgets_page(request: HttpRequest, membership: Membership) -> HttpResponse:
    """Every subject with its budget, or that it has none: organization, members, keys, end users."""
    pages.require(roles.can_see_ledger(membership))
    organization = membership.organization
    members = organization.memberships.select_related("user").order_by("id")
    keys = organization.api_keys.filter(revoked_at=None).order_by("id")
    own = Budget.objects.filter(organization=organization, scope=Budget.Scope.END_USER).exclude(
        subject_id=Budget.EACH
    )
    named = own.order_by("subject_id").values_list("subject_id", flat=True)[: END_USERS_SHOWN + 1]
    shown = list(named)[:END_USERS_SHOWN]
    default = budgets.find(organization, Budget.Scope.END_USER, Budget.EACH)
    context = {
        "whole": _row(organization, Budget.Scope.ORGANIZATION, organization.pk, organization.name),
        "members": [
            _row(organization, Budget.Scope.MEMBER, one.pk, str(one.user))
            | {"note": one.get_role_display(), "detail": one.user.email}
            for one in members
        ],
        "keys": [
            _row(organization, Budget.Scope.API_KEY, key.pk, key.name) | {"note": f"{key.prefix}…"}
            for key in keys
        ],
        "default": default,
        "default_word": _each(default.period) if default else "",
        "default_url": _edit_url(Budget.Scope.END_USER, Budget.EACH),
        "end_users": [
            _shown(one.budget, one.id) | {"is_end_user": True}
            for one in end_users.read(organization, shown)
            if one.budget
        ],
        "has_more": len(named) > END_USERS_SHOWN,
        "can_set": roles.can_set_budgets(membership),
    }
    return render(request, "billing/budgets.html", context)


@require_GET
@pages.for_members
def end_users_page(request: HttpRequest, membership: Membership) -> HttpResponse:
    """Who spends what this month, and under which budget; or the one that `?id=` names."""
    pages.require(roles.can_see_ledger(membership))
    organization = membership.organization
    asked = request.GET.get("id", "").strip()
    if asked:
        found = [asked] if end_users.exists(organization, asked) else []
    else:
        after = request.GET.get("after", "")
        found = end_users.ids(organization, after=after, limit=END_USERS_SHOWN + 1)
    context = {
        "asked": asked,
        "is_first": "after" not in request.GET,
        "next_after": found[END_USERS_SHOWN - 1] if len(found) > END_USERS_SHOWN else "",
        "rows": [
            {
                "end_user": one,
                "budget": _shown(one.budget, one.id) if one.budget else None,
                "url": _edit_url(Budget.Scope.END_USER, one.id),
            }
            for one in end_users.read(organization, found[:END_USERS_SHOWN])
        ],
        "can_set": roles.can_set_budgets(membership),
    }
    return render(request, "billing/end_users.html", context)


@require_http_methods(["GET", "POST"])
@pages.for_members
def edit(request: HttpRequest, membership: Membership) -> HttpResponse:
    """Set, lift or remove the budget of `?scope=&id=`. Whom the organization does not have is not there."""
    pages.require(roles.can_set_budgets(membership))
    organization = membership.organization
    scope, id = request.GET.get("scope", ""), request.GET.get("id", "").strip()
    try:
        if not id:
            raise Http404
        budgets_api.require_subject(organization, scope, id)
    except Refusal:
        raise Http404 from None
    own = Budget.objects.filter(organization=organization, scope=scope, subject_id=id).first()
    form = LimitForm(
        request.POST if request.POST.get("do") == "set" else None, initial=_initial(own)
    )
    do = request.POST.get("do", "")
    if request.method == "POST" and _done(membership, request, scope, id, own, form):
        name = _name(organization, scope, id)
        messages.success(request, _said(do, name, _row(organization, scope, id, name)))
        return redirect("budgets")
    row = _row(organization, scope, id, _name(organization, scope, id))
    default = budgets.find(organization, Budget.Scope.END_USER, Budget.EACH)
    context = {
        "row": row,
        "own": own,
        "form": form,
        "is_default": (scope, id) == (Budget.Scope.END_USER, Budget.EACH),
        "has_default": scope == Budget.Scope.END_USER and default is not None,
        "available": balances.of(organization).available_microusd,
    }
    return render(
        request, "billing/budget_edit.html", context, status=400 if form.is_bound else 200
    )


def _done(
    membership: Membership,
    request: HttpRequest,
    scope: str,
    id: str,
    own: Budget | None,
    form: LimitForm,
) -> bool:
    who: dict[str, Any] = {"actor": membership.user, "address": client_address(request)}
    do = request.POST.get("do")
    if do == "remove":
        if own:
            budgets.remove(own, **who)
        return True
    if do == "lift":
        limit, period = None, own.period if own else budgets.PERIOD_DEFAULT
    elif form.is_valid():
        limit, period = form.cleaned_data["limit_usd"], form.cleaned_data["period"]
    else:
        return False
    budgets.set_limit(
        membership.organization, scope, id, limit_microusd=limit, period=period, **who
    )
    return True


def _said(do: str, name: str, row: dict[str, Any]) -> str:
    standing: Standing = row["standing"]
    if standing.limit_microusd is None:
        return f"Nothing limits {name} now but the wider budgets."
    limit = f"${usd(standing.limit_microusd)} {row['each']}"
    if do == "remove":
        return f"{name} has the budget of every end user again: {limit}."
    return (
        f"{name} may spend {limit} from now on; ${usd(standing.left_microusd or 0)} of it is left."
    )


def _initial(own: Budget | None) -> dict[str, str]:
    if own is None:
        return {"period": budgets.PERIOD_DEFAULT}
    limit = "" if own.limit_microusd is None else usd(own.limit_microusd)
    return {"limit_usd": limit, "period": own.period}


def _row(organization: Organization, scope: str, id: str, name: str) -> dict[str, Any]:
    found = budgets.find(organization, scope, id)
    budget = found or Budget(scope=scope, limit_microusd=None, period=budgets.PERIOD_DEFAULT)
    standing = budgets.standing(organization, scope, id, budget, now=timezone.now())
    return _shown(standing, name) | {"is_inherited": found is not None and found.subject_id != id}


def _shown(standing: Standing, name: str) -> dict[str, Any]:
    used = standing.spent_microusd + standing.held_microusd
    limit = standing.limit_microusd
    return {
        "standing": standing,
        "name": name,
        "each": _each(standing.period),
        "used": used,
        "is_full": limit is not None and used >= limit,
        "url": _edit_url(standing.scope, standing.id),
    }


def _each(period: str) -> str:
    return dict(PERIODS)[Budget.Period(period)]


def _edit_url(scope: str, id: str) -> str:
    return f"{reverse('budget_edit')}?{urlencode({'scope': scope, 'id': id})}"


def _name(organization: Organization, scope: str, id: str) -> str:
    if scope == Budget.Scope.ORGANIZATION:
        return organization.name
    if scope == Budget.Scope.MEMBER:
        return str(
            Membership.objects.select_related("user").get(organization=organization, pk=id).user
        )
    if scope == Budget.Scope.API_KEY:
        return str(ApiKey.objects.get(organization=organization, pk=id).name)
    return "Every end user" if id == Budget.EACH else id

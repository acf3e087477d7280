"""The pages of budgets: parse, call, render. They call the verbs that the API calls."""

import zlib
from collections.abc import Iterable, Sequence
from typing import Any

from django import forms
from django.contrib import messages
from django.db.models import Q
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods
from django_htmx.http import HttpResponseLocation

from accounts import pages, roles
from accounts.models import Membership, Organization
from billing import balances, budget_refusals, budget_rows, budgets, budgets_api
from billing.budget_rows import Row, Subject
from billing.models import Budget
from seedance_saas.api import usd
from seedance_saas.errors import Refusal
from seedance_saas.requests import client_address

FIRST_SHOWN, SHOWN = 20, 50  # of a scope: on the page of all, and on a page of its own
ONE_SCOPE = (Budget.Scope.MEMBER, Budget.Scope.API_KEY)


class LimitForm(forms.Form):
    """An amount in dollars as the API takes it, and the period in which it may be spent."""

    limit_usd = forms.CharField(label="Limit", max_length=20)
    period = forms.ChoiceField(label="Period", choices=budget_rows.PERIODS)

    def clean_limit_usd(self) -> int:
        typed = self.cleaned_data["limit_usd"].strip().removeprefix("$").replace(",", "")
        try:
            limit = budgets_api.read_limit(typed)
        except Refusal as refusal:
            raise forms.ValidationError(refusal.message.replace("limit_usd", "The limit")) from None
        assert limit is not None
        return limit


# -- all of them ----------------------------------------------------------------------------------


def overview(request: HttpRequest, membership: Membership) -> dict[str, Any]:
    """Every subject with its budget, or that it has none; with `?scope=` all members or all keys, page by page.

    Five queries: members, keys, budgets, spending, refusals.
    """
    organization = membership.organization
    scope, after = request.GET.get("scope", ""), request.GET.get("after", "")
    if scope not in ("", *ONE_SCOPE):
        raise Http404
    most = SHOWN if scope else FIRST_SHOWN
    members = _members(organization, after, most) if scope in ("", Budget.Scope.MEMBER) else []
    keys = _keys(organization, after, most) if scope in ("", Budget.Scope.API_KEY) else []
    known = list(_limits(organization, [*members, *keys]))
    own = sorted(
        one.subject_id
        for one in known
        if one.scope == Budget.Scope.END_USER and one.subject_id != Budget.EACH
    )
    end_users = [budget_rows.of_end_user(id) for id in own]
    subjects = [
        budget_rows.of_organization(organization),
        *map(budget_rows.of_each, budget_rows.EACH),
        *members[:most], *keys[:most], *end_users[:most],
    ]  # fmt: skip
    rows = budget_rows.draw(organization, subjects, now=timezone.now(), known=known)
    return {
        "scope": scope,
        "whole": rows[Budget.Scope.ORGANIZATION, organization.pk],
        "of_each": {name.value: rows[name, Budget.EACH] for name in budget_rows.EACH},
        "members": [rows[one.key] for one in members[:most]],
        "keys": [rows[one.key] for one in keys[:most]],
        "end_users": [rows[one.key] for one in end_users[:most]],
        "next_member": members[most - 1].id if len(members) > most else "",
        "next_key": keys[most - 1].id if len(keys) > most else "",
        "has_more_end_users": len(end_users) > most,
        "can_set": roles.can_set_budgets(membership),
    }


def _members(organization: Organization, after: str, most: int) -> list[Subject]:
    rows = organization.memberships.select_related("user").filter(pk__gt=after).order_by("id")
    return [budget_rows.of_member(one) for one in rows[: most + 1]]


def _keys(organization: Organization, after: str, most: int) -> list[Subject]:
    living = organization.api_keys.select_related("member__user").filter(revoked_at=None)
    rows = living.filter(pk__gt=after).order_by("id")
    return [budget_rows.of_key(one) for one in rows[: most + 1]]


def _limits(organization: Organization, subjects: Sequence[Subject]) -> Sequence[Budget]:
    """The budgets of all that the page shows, and the first of end users' own."""
    ours = Budget.objects.filter(organization=organization)
    end_users = ours.filter(scope=Budget.Scope.END_USER).exclude(subject_id=Budget.EACH)
    return list(
        ours.filter(
            Q(scope=Budget.Scope.ORGANIZATION)
            | Q(subject_id=Budget.EACH)
            | Q(scope__in=ONE_SCOPE, subject_id__in=[one.id for one in subjects])
            | Q(pk__in=end_users.order_by("subject_id").values("pk")[: FIRST_SHOWN + 1])
        )
    )


# -- one of them ----------------------------------------------------------------------------------


@require_http_methods(["GET", "POST"])
@pages.for_members
def edit(request: HttpRequest, membership: Membership) -> HttpResponse:
    """Set, lift or remove the budget of `?scope=&id=`. Whom the organization does not have is not there.

    A page of its own, or the same within the row that asked; there `?do=show` draws the row again.
    """
    pages.require(roles.can_set_budgets(membership))
    organization = membership.organization
    scope, id = request.GET.get("scope", ""), request.GET.get("id", "").strip()
    try:
        if not id:
            raise Http404
        subject = budget_rows.subject(organization, scope, id)
    except Refusal:
        raise Http404 from None
    rows = Budget.objects.filter(
        organization=organization, scope=scope, subject_id__in=[id, Budget.EACH]
    )
    known = {row.subject_id: row for row in rows}
    own = known.get(id)
    form = LimitForm(
        request.POST if request.POST.get("do") == "set" else None,
        initial=_initial(own),
        auto_id=f"b{zlib.crc32(f'{scope}:{id}'.encode()):x}-%s",
    )
    if request.method == "POST" and _done(membership, request, subject, own, form):
        return _after(request, _row(organization, subject))
    row = _row(organization, subject, known=known.values())
    if _is_part(request) and request.GET.get("do") == "show":
        shown = {"row": row, "can_set": True, "is_part": True}
        return render(request, "billing/budgets/cell.html", shown)
    context: dict[str, Any] = {
        "row": row,
        "own": own,
        "form": form,
        "is_part": _is_part(request),
        "has_default": id != Budget.EACH and Budget.EACH in known,
        "balance_now": balances.of(organization),
    }
    if _is_part(request):  # an answer that is an error is not swapped in
        return render(request, "billing/budgets/cell_form.html", context)
    context["refusals"] = budget_refusals.of(own) if own else []
    status = 400 if form.is_bound else 200
    return render(request, "billing/budget_edit.html", context, status=status)


def _is_part(request: HttpRequest) -> bool:
    return bool(request.htmx)  # type: ignore[attr-defined]


def _row(
    organization: Organization, subject: Subject, *, known: Iterable[Budget] | None = None
) -> Row:
    return budget_rows.draw(organization, [subject], now=timezone.now(), known=known)[subject.key]


def _done(
    membership: Membership,
    request: HttpRequest,
    subject: Subject,
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
        membership.organization, *subject.key, limit_microusd=limit, period=period, **who
    )
    return True


def _after(request: HttpRequest, row: Row) -> HttpResponse:
    """The row again, with what was done; the whole page where more rows than this one have changed."""
    said = _said(request.POST.get("do", ""), row)
    if _is_part(request) and not row.is_default:
        context = {"row": row, "said": said, "can_set": True, "is_part": True}
        return render(request, "billing/budgets/cell.html", context)
    messages.success(request, said)
    if _is_part(request):
        here = request.htmx.current_url_abs_path or reverse("budgets")  # type: ignore[attr-defined]
        return HttpResponseLocation(here, target="#main", select="#main", swap="outerHTML")
    return redirect("budgets")


def _said(do: str, row: Row) -> str:
    standing, name = row.standing, row.name
    if standing.limit_microusd is None:
        return f"Nothing limits {name} now but the wider budgets."
    limit = f"${usd(standing.limit_microusd)} {row.each}"
    if row.is_default:
        return f"{name} without a budget of their own may spend {limit} from now on."
    if do == "remove":
        return f"{name} has the budget of {row.whose} again: {limit}."
    return (
        f"{name} may spend {limit} from now on; ${usd(standing.left_microusd or 0)} of it is left."
    )


def _initial(own: Budget | None) -> dict[str, str]:
    if own is None:
        return {"period": budgets.PERIOD_DEFAULT}
    limit = "" if own.limit_microusd is None else usd(own.limit_microusd)
    return {"limit_usd": limit, "period": own.period}

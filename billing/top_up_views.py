"""The page of auto top-up: parse, call, render."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from accounts import pages, roles
from accounts.models import Membership
from billing import (
    auto_top_up_outlook,
    auto_top_up_terms,
    auto_top_ups,
    balances,
    packs,
    top_up_forms,
)
from billing.auto_top_up_terms import Terms
from billing.balances import Balance
from billing.errors import SandboxPaysNothing
from billing.models import AutoTopUp
from billing.top_up_forms import TermsForm
from seedance_saas.errors import InvalidRequest
from seedance_saas.requests import client_address


def top_up_panel(
    membership: Membership, balance: Balance, form: TermsForm | None = None
) -> dict[str, Any]:
    """What the panel shows: the terms that hold, what they have come to, and the form."""
    organization = membership.organization
    top_up = (
        AutoTopUp.objects.filter(organization=organization)
        .select_related("organization__stripe_customer")
        .first()
    )
    return {
        "top_up": top_up,
        "outlook": auto_top_up_outlook.of(organization, top_up, balance) if top_up else None,
        "suspended_because": (
            auto_top_ups.SUSPENDED[AutoTopUp.Suspension(top_up.suspension)]
            if top_up and top_up.suspension
            else ""
        ),
        "top_up_form": form or TermsForm(initial=top_up_forms.initial(top_up)),
        "charge_cents_min": packs.AMOUNT_CENTS_MIN,
        "charge_cents_max": packs.AMOUNT_CENTS_MAX,
    }


@require_http_methods(["GET", "POST"])
@pages.for_members
def auto_top_up(request: HttpRequest, membership: Membership) -> HttpResponse:
    """Terms are sent twice: `do=ask` is answered in numbers, `do=agree` sets them, `do=edit` goes back.
    `do=off` needs no asking."""
    pages.require(roles.can_see_ledger(membership))
    if request.method != "POST":
        return _page(request, membership)
    pages.require(roles.can_buy(membership))
    do = request.POST.get("do")
    if do == "off":
        return _turn_off(request, membership)
    form = TermsForm(request.POST)
    if not form.is_valid():
        return _page(request, membership, form, status=400)
    terms = form.terms(is_on=True)
    try:
        auto_top_up_terms.check(terms)
        if do == "edit":
            return _page(request, membership, form)
        if do != "agree":
            return _page(request, membership, form, asked=terms)
        _set(request, membership, terms)
    except InvalidRequest as refusal:
        form.add_error(refusal.param if refusal.param in form.fields else None, refusal.message)
        return _page(request, membership, form, status=400)
    except SandboxPaysNothing:
        return _page(request, membership, status=403)
    messages.success(request, "Auto top-up is on, on the terms below.")
    return redirect("auto_top_up")


def _turn_off(request: HttpRequest, membership: Membership) -> HttpResponse:
    top_up = AutoTopUp.objects.filter(organization=membership.organization).first()
    if top_up:
        _set(request, membership, auto_top_up_terms.of(top_up, is_on=False))
    messages.success(
        request, "Auto top-up is off: the saved card is not charged by itself any more."
    )
    return redirect("auto_top_up")


def _set(request: HttpRequest, membership: Membership, terms: Terms) -> None:
    auto_top_up_terms.set_terms(
        membership.organization, terms, actor=membership.user, address=client_address(request)
    )


def _page(
    request: HttpRequest,
    membership: Membership,
    form: TermsForm | None = None,
    *,
    asked: Terms | None = None,
    status: int = 200,
) -> HttpResponse:
    organization = membership.organization
    balance = balances.of(organization)
    context = {
        "balance_now": balance,
        "can_buy": roles.can_buy(membership),
        **top_up_panel(membership, balance, form),
    }
    if asked:
        context["asked"] = asked
        context["asked_outlook"] = auto_top_up_outlook.of(
            organization, auto_top_up_terms.as_row(organization, asked, context["top_up"]), balance
        )
    return render(request, "billing/auto_top_up.html", context, status=status)

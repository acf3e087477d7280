"""The way to Stripe's pages, to buy credits or for cards and invoices: parse, call, render."""

import logging
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST

from accounts import pages, roles
from accounts.models import Membership
from billing import balances, customers, packs, purchase_forms, purchases, sandboxes
from billing.balances import Balance
from billing.errors import PaidMeanwhile, SandboxPaysNothing
from billing.models import Purchase
from billing.purchase_forms import BuyForm
from billing.stripe_gateway import payers
from billing.stripe_gateway.connection import StripeRefused, StripeUnavailable
from seedance_saas.errors import InvalidRequest
from seedance_saas.requests import client_address

logger = logging.getLogger(__name__)


def buy_panel(
    membership: Membership, balance: Balance, form: BuyForm | None = None
) -> dict[str, Any]:
    """What the panel shows: the form, the packs, and what the chosen amount would do."""
    form = form or purchase_forms.new(purchases.newest_paid(membership.organization))
    return {
        "balance_now": balance,
        "buy_form": form,
        "packs": packs.PACKS,
        "amount_cents_min": packs.AMOUNT_CENTS_MIN,
        "amount_cents_max": packs.AMOUNT_CENTS_MAX,
        "buying": _effect(form, balance),
        "sandbox_full": sandboxes.FULL_MICROUSD,
        "sandbox_low": sandboxes.LOW_MICROUSD,
        "sandbox_fills": sandboxes.FILLS_PER_DAY_MAX,
        "can_fill": balance.available_microusd < sandboxes.LOW_MICROUSD,
    }


def _effect(form: BuyForm, balance: Balance) -> packs.Effect | None:
    """None while what is typed is no amount that can be bought."""
    if form.is_bound:
        amount_cents = form.cleaned_data.get("amount_cents", 0) if not form.errors else 0
    else:
        amount_cents = int(form.initial["pack"])
    if not packs.AMOUNT_CENTS_MIN <= amount_cents <= packs.AMOUNT_CENTS_MAX:
        return None
    return packs.effect(
        amount_cents,
        available_microusd=balance.available_microusd,
        debt_microusd=balance.debt_microusd,
    )


@require_http_methods(["GET", "POST"])
@pages.for_members
def buy(request: HttpRequest, membership: Membership) -> HttpResponse:
    """To Stripe's page; or the panel again, with what stands in the way. `do=sum` only works out the sum."""
    pages.require(roles.can_buy(membership))
    if request.method != "POST":
        return _buy_page(request, membership)
    form = BuyForm(request.POST)
    is_valid = form.is_valid()
    if request.POST.get("do") == "sum":
        if request.htmx:  # type: ignore[attr-defined]
            shown = buy_panel(membership, balances.of(membership.organization), form)
            return render(request, "billing/buy/sum.html", shown)
        return _buy_page(request, membership, form)
    if not is_valid:
        return _buy_page(request, membership, form, status=400)
    try:
        purchase = purchases.open_checkout(
            purchases.begin(
                membership.organization,
                amount_cents=form.cleaned_data["amount_cents"],
                made_by=membership.user,
                token=form.cleaned_data["token"],
                last_paid_id=form.cleaned_data["last_paid_id"],
                address=client_address(request),
            )
        )
    except InvalidRequest as refusal:
        form.add_error("amount_usd", refusal.message)
        return _buy_page(request, membership, form, status=400)
    except SandboxPaysNothing:
        return _buy_page(request, membership, status=403)
    except PaidMeanwhile as refusal:
        again = purchase_forms.new(refusal.purchase, said=request.POST.dict())
        return _buy_page(request, membership, again, status=409, paid_meanwhile=refusal.purchase)
    except (StripeUnavailable, StripeRefused) as problem:
        logger.warning(
            "purchase.no_page organization=%s why=%s", membership.organization_id, problem
        )
        return _buy_page(request, membership, form, status=503, is_stripe_away=True)
    if purchase.state == Purchase.State.OPEN:
        return pages.SeeOther(purchase.session_url)
    return pages.SeeOther(reverse("purchase", args=[purchase.id]))


def _buy_page(
    request: HttpRequest,
    membership: Membership,
    form: BuyForm | None = None,
    *,
    status: int = 200,
    **problem: Any,
) -> HttpResponse:
    shown = buy_panel(membership, balances.of(membership.organization), form)
    return render(request, "billing/buy.html", shown | problem, status=status)


@require_POST
@pages.for_members
def stripe_portal(request: HttpRequest, membership: Membership) -> HttpResponse:
    """To Stripe's own pages for cards, tax ids and invoices."""
    pages.require(roles.can_buy(membership))
    if membership.organization.is_sandbox:
        return _buy_page(request, membership, status=403)
    try:
        url = payers.portal_url(
            customers.ensure(membership.organization).stripe_id,
            return_url=f"{settings.PUBLIC_URL}/billing?from_stripe=1",
        )
    except (StripeUnavailable, StripeRefused) as problem:
        logger.warning("portal.no_page organization=%s why=%s", membership.organization_id, problem)
        return render(request, "billing/no_portal.html", status=503)
    return pages.SeeOther(url)

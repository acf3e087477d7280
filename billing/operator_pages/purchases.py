"""Purchases: found, looked at with everything that Stripe has of them, and given back."""

import re
from typing import Any

from django import forms
from django.contrib import messages
from django.db.models import Q, QuerySet, Sum
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods

from accounts import pages
from accounts.models import User
from billing import refunds, reversals
from billing.matters import LONG
from billing.models import Grant, Purchase, Reversal, StripeCustomer, Transfer
from billing.operator_pages import organizations, staff
from billing.operator_pages.fields import DollarField, ReasonField
from seedance_saas import ids
from seedance_saas.errors import Refusal
from seedance_saas.requests import client_address

PIECE = 50
PLACE = "operator_purchases"
STATES = (*Purchase.State.choices, ("long", "Under way for over a day"))
# What an operator may hold in the hand, by how it begins.
_BY = {"pi_": "intent_id", "cs_": "session_id", "rev_": "reversals__pk"} | dict.fromkeys(
    ("re_", "pyr_", "dp_", "du_"), "reversals__stripe_id"
)


@staff.for_staff
@require_GET
def purchases_page(request: HttpRequest, actor: User) -> HttpResponse:
    """GET {operator}/purchases: the newest first, by `?state=`, `?organization=` and `?id=`, ours or Stripe's."""
    asked = {name: request.GET.get(name, "").strip() for name in ("state", "organization", "id")}
    found = _found(asked).select_related("organization")
    context = {
        "asked": asked,
        "states": STATES,
        "is_filtered": any(asked.values()),
        "is_first": "cursor" not in request.GET,
        "piece": pages.piece(found, request.GET.get("cursor", ""), limit=PIECE),
        "query": staff.query_of(request),
    }
    return staff.page(request, PLACE, "purchases.html", context)


def _found(asked: dict[str, str]) -> QuerySet[Purchase]:
    wanted = Q()
    if asked["state"] in Purchase.State.values:
        wanted &= Q(state=asked["state"])
    elif asked["state"] == "long":
        wanted &= Q(state__in=Purchase.UNDER_WAY, created_at__lt=timezone.now() - LONG)
    if asked["organization"]:
        wanted &= organizations.those_of(asked["organization"])
    if asked["id"]:
        prefix = asked["id"].partition("_")[0] + "_"
        wanted &= Q(**{_BY.get(prefix, "pk"): asked["id"]})
    return Purchase.objects.filter(wanted)


@staff.for_staff
@require_GET
def purchase_page(request: HttpRequest, actor: User, id: str) -> HttpResponse:
    """GET {operator}/purchases/{id}"""
    purchase = get_object_or_404(_whole(), pk=id)
    back = list(purchase.reversals.select_related("made_by").order_by("-id"))
    references = [purchase.reference, f"bonus:{purchase.id}", *reversals.references(back)]
    context = {
        "purchase": purchase,
        "customer": StripeCustomer.objects.filter(organization=purchase.organization).first(),
        "back": back,
        "grants": _grants(purchase),
        "transfers": Transfer.objects.filter(
            organization=purchase.organization, reference__in=references
        ).order_by("number"),
        "preview": refunds.preview(purchase) if purchase.state == Purchase.State.PAID else None,
    }
    return staff.page(request, PLACE, "purchase.html", context)


def _whole() -> QuerySet[Purchase]:
    return Purchase.objects.select_related("organization", "made_by", "grant", "bonus_grant")


def _grants(purchase: Purchase) -> list[dict[str, Any]]:
    """Where the credits of it are now."""
    kind = Transfer.Kind

    def moved(condition: Q) -> Sum:
        return Sum("transfers__amount_microusd", filter=condition, default=0)

    rows = Grant.objects.filter(pk__in=(purchase.grant_id, purchase.bonus_grant_id))
    return [
        {
            "grant": grant,
            "spent": grant.spent,
            "held": grant.held,
            "withdrawn": grant.withdrawn - grant.reinstated,
            "repaid": grant.repaid,
            "expired": grant.expired,
            "left": grant.account.balance_microusd or 0,
        }
        for grant in rows.select_related("account")
        .annotate(
            spent=moved(Q(transfers__kind=kind.CAPTURE)),
            held=moved(Q(transfers__kind=kind.HOLD, transfers__hold__resolved_at=None)),
            withdrawn=moved(Q(transfers__kind=kind.CLAW_BACK)),
            reinstated=moved(Q(transfers__kind=kind.REINSTATE)),
            repaid=moved(Q(transfers__kind=kind.REPAY)),
            expired=moved(Q(transfers__kind=kind.EXPIRE)),
        )
        .order_by("-priority")
    ]


# -- Giving back --------------------------------------------------------------------------------------


class RefundForm(forms.Form):
    """What goes back, and why."""

    amount_usd = DollarField(label="Amount")
    reason = ReasonField()


class ConfirmForm(RefundForm):
    """The same, once its numbers were seen: which refund it is, and the debt that was shown."""

    id = forms.RegexField(re.compile(r"\Arev_[0-9a-f]{32}\Z"))
    debt_microusd = forms.IntegerField(min_value=0, max_value=2**63 - 1)
    is_spent_too = forms.BooleanField(required=False)


@staff.moves_money
@require_http_methods(["GET", "POST"])
def refund_page(request: HttpRequest, actor: User, id: str) -> HttpResponse:
    """GET and POST {operator}/purchases/{id}/refund: asked, shown in numbers, and done."""
    purchase = get_object_or_404(_whole(), pk=id)
    if purchase.state != Purchase.State.PAID:
        raise Http404
    if request.method == "GET":
        left = refunds.preview(purchase)
        form = RefundForm(initial={"amount_usd": f"{left.unspent_cents / 100:.2f}"})
        return _refund_page(request, purchase, form)
    is_confirmed = request.POST.get("do") == "refund"
    form = ConfirmForm(request.POST) if is_confirmed else RefundForm(request.POST)
    if not form.is_valid():
        return _refund_page(request, purchase, form, status=400)
    shown = refunds.preview(purchase, form.cleaned_data["amount_usd"])
    if not is_confirmed:
        if problem := _problem(shown):
            form.add_error("amount_usd", problem)
            return _refund_page(request, purchase, form, status=400)
        return _refund_page(request, purchase, form, shown)
    try:
        row = _refund(purchase, form.cleaned_data, actor, client_address(request))
    except Refusal as refusal:
        form.add_error("amount_usd" if refusal.param == "amount_usd" else None, refusal.message)
        return _refund_page(request, purchase, form, None if _problem(shown) else shown, status=400)
    messages.success(
        request,
        f"${row.amount_cents / 100:,.2f} is on its way back, and its credits are withdrawn.",
    )
    return redirect("operator_purchase", id=purchase.id)


def _problem(shown: refunds.Preview) -> str:
    if shown.amount_cents < 1:
        return "The amount must be at least $0.01."
    if shown.amount_cents > shown.left_cents:
        return f"Only ${shown.left_cents / 100:,.2f} is left of what was paid."
    return ""


def _refund(purchase: Purchase, said: dict[str, Any], actor: User, address: str | None) -> Reversal:
    return refunds.request(
        purchase,
        amount_cents=said["amount_usd"],
        reason=said["reason"],
        actor=actor,
        is_spent_too=said["is_spent_too"],
        id=said["id"],
        debt_microusd_max=said["debt_microusd"],
        address=address,
    )


def _refund_page(
    request: HttpRequest,
    purchase: Purchase,
    form: RefundForm,
    shown: refunds.Preview | None = None,
    *,
    status: int = 200,
) -> HttpResponse:
    """The form, or with `shown` what it would do. A refund that was shown has its id already."""
    context = {
        "purchase": purchase,
        "form": form,
        "now": refunds.preview(purchase),
        "shown": shown,
        "refund_id": form.data.get("id") or ids.new("rev"),
        "taken_microusd": shown.credits_microusd - shown.debt_microusd if shown else 0,
        "is_beyond": shown is not None and shown.amount_cents > shown.unspent_cents,
    }
    return staff.page(request, PLACE, "refund.html", context, status=status)

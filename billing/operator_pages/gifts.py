"""Credits given to an organization: asked, shown in numbers, done."""

import re

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from accounts import pages
from accounts.models import Organization, User
from billing import balances, gifts
from billing.operator_pages import staff
from billing.operator_pages.fields import DollarField, ReasonField
from seedance_saas import ids
from seedance_saas.errors import Refusal
from seedance_saas.requests import client_address


class GiftForm(forms.Form):
    amount_usd = DollarField(label="Amount")
    days = forms.IntegerField(
        label="Days until they expire",
        min_value=1,
        max_value=gifts.DAYS_MAX,
        error_messages=dict.fromkeys(
            ("required", "invalid", "min_value", "max_value"),
            f"The days must be 1 to {gifts.DAYS_MAX}.",
        ),
    )
    reason = ReasonField()


class ConfirmForm(GiftForm):
    """The same, once its numbers were seen: which gift it is, so that a second click gives nothing."""

    id = forms.RegexField(re.compile(r"\Agift_[0-9a-f]{32}\Z"))


@staff.moves_money
@require_http_methods(["GET", "POST"])
def give_page(request: HttpRequest, actor: User, id: str) -> HttpResponse:
    """GET and POST {operator}/organizations/{id}/give"""
    organization = get_object_or_404(Organization, pk=id)
    is_confirmed = request.POST.get("do") == "give"
    form: GiftForm = (
        ConfirmForm(request.POST)
        if is_confirmed
        else GiftForm(request.POST if request.method == "POST" else None, initial={"days": 90})
    )
    left = gifts.left_cents(organization)
    shown = None
    if form.is_valid():
        said = form.cleaned_data
        try:
            if is_confirmed:
                grant = gifts.give(
                    organization, id=said["id"], amount_cents=said["amount_usd"], days=said["days"],
                    reason=said["reason"], actor=actor, address=client_address(request),
                )  # fmt: skip
                now = balances.of(organization).available_microusd / 1_000_000
                messages.success(
                    request,
                    f"${grant.amount_microusd / 1_000_000:,.2f} given; available now ${now:,.2f}.",
                )
                return pages.SeeOther(reverse("operator_organization", args=[id]))
            if not 0 < said["amount_usd"] <= left:
                form.add_error("amount_usd", f"It must be $0.01 to ${left / 100:,.2f}.")
            else:
                shown = _shown(organization, said["amount_usd"] * 10_000)
        except Refusal as refusal:
            form.add_error(None, refusal.message)
    context = {
        "organization": organization,
        "form": form,
        "shown": shown,
        "left_cents": left,
        "ceiling_cents": gifts.CEILING_CENTS,
        "gift_id": ids.new("gift"),
    }
    status = 400 if form.is_bound and not shown else 200
    return staff.page(request, "admin:index", "give.html", context, status=status)


def _shown(organization: Organization, amount_microusd: int) -> dict[str, int]:
    """What the gift does: a debt is paid from it first."""
    now = balances.of(organization)
    repaid = min(now.debt_microusd, amount_microusd)
    return {
        "amount": amount_microusd,
        "available": now.available_microusd,
        "repaid": repaid,
        "then": now.available_microusd + amount_microusd - repaid,
    }

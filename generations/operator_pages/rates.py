"""Prices: the cards, a draft, what last month would have brought at it, and its publication."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from django import forms
from django.contrib import messages
from django.db import IntegrityError, transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from accounts import audit, pages
from accounts.models import User
from billing.operator_pages import staff
from billing.operator_pages.fields import ReasonField
from generations import models, price_simulation, rate_card_files, rate_cards
from seedance_saas.errors import InvalidRequest, Refusal
from seedance_saas.requests import client_address

PLACE = "operator_rates"
SHOWN = 30
SOON = timedelta(minutes=5)
NEVER = datetime.min.replace(tzinfo=UTC)


class DraftForm(forms.Form):
    """A card as its file has it: see `rate_card_files`."""

    card = forms.CharField(
        label="Rate card", max_length=50_000, error_messages={"required": "Paste the card's JSON."}
    )


class MomentField(forms.DateTimeField):
    """A time in UTC, as the browser's own picker writes it."""

    def __init__(self, label: str) -> None:
        super().__init__(
            label=label,
            input_formats=["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S"],
            error_messages=dict.fromkeys(
                ("required", "invalid"), "Give a day and a time in UTC, like 2026-07-01T00:00."
            ),
        )

    def clean(self, value: Any) -> datetime:
        at: datetime = super().clean(value)
        return at.replace(tzinfo=UTC)


class PublishForm(forms.Form):
    effective_from = MomentField("Holds from (UTC)")
    reason = ReasonField()
    drafted_at = forms.DateTimeField(required=False)  # of the draft whose numbers were shown


@staff.moves_money
@require_http_methods(["GET", "POST"])
def rates_page(request: HttpRequest, actor: User) -> HttpResponse:
    """GET {operator}/rates: the cards and the plans; POST keeps a draft, by which nobody pays."""
    form = DraftForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        try:
            card, note = rate_card_files.read(json.loads(form.cleaned_data["card"]))
            with transaction.atomic():
                rate_cards.draft(card, note=note)
                audit.note(
                    None, "rate_card.drafted", card.version,
                    actor=actor, address=client_address(request),
                )  # fmt: skip
            return pages.SeeOther(reverse("operator_rate_card", args=[card.version]))
        except ValueError as error:
            form.add_error("card", f"This is no JSON: {error}")
        except Refusal as refusal:
            form.add_error("card", refusal.message)
    cards = models.RateCard.objects.prefetch_related("rules").order_by("-created_at")
    context = {
        "form": form,
        "cards": cards[:SHOWN],
        "list_version": rate_cards.list_card(timezone.now()).version,
        "margins": models.PlanMargin.objects.order_by("plan", "-revision").distinct("plan"),
        "agreements": models.RateAgreement.objects.select_related("organization").order_by("-id")[
            :SHOWN
        ],
    }
    status = 400 if form.is_bound else 200
    return staff.page(request, PLACE, "rates.html", context, status=status)


@staff.moves_money
@require_http_methods(["GET", "POST"])
def card_page(request: HttpRequest, actor: User, version: str) -> HttpResponse:
    """GET {operator}/rates/{version}: its rules, and last month at them; POST publishes the draft, for good."""
    row = get_object_or_404(models.RateCard.objects.prefetch_related("rules"), pk=version)
    card = rate_cards.value(row, sorted(row.rules.all(), key=lambda rule: rule.position))
    form = PublishForm(request.POST if request.method == "POST" else None, initial=soon())
    if form.is_valid():
        try:
            _publish(row.version, form.cleaned_data, actor, client_address(request))
            messages.success(request, f"{version} is published. It can never be changed again.")
            return pages.SeeOther(request.path)
        except Refusal as refusal:
            form.add_error(
                "effective_from" if refusal.param == "effective_from" else None, refusal.message
            )
    starts_at, ends_at = last_month(timezone.now())
    context = {
        "row": row,
        "card": card,
        "form": form,
        "month": starts_at,
        "found": price_simulation.replay(card, starts_at, ends_at),
        "missing": rate_cards.missing(card),
        "under_cost": rate_cards.under_cost(card),
    }
    status = 400 if form.is_bound else 200
    return staff.page(request, PLACE, "rate_card.html", context, status=status)


def _publish(version: str, said: dict[str, Any], actor: User, address: str | None) -> None:
    """A second click finds it published, and is told so."""
    try:
        with transaction.atomic():
            rate_cards.publish(
                version, effective_from=said["effective_from"],
                drafted_at=said["drafted_at"] or NEVER,
                why=said["reason"], actor=actor, address=address,
            )  # fmt: skip
    except IntegrityError:
        raise InvalidRequest(
            "Another list begins at that very moment.", param="effective_from"
        ) from None
    rate_cards.forget_cached()


def last_month(now: datetime) -> tuple[datetime, datetime]:
    """The month before this one, in UTC."""
    first = now.astimezone(UTC).replace(day=1)
    return price_simulation.month_of(f"{first - timedelta(days=1):%Y-%m}")


def soon() -> dict[str, str]:
    return {"effective_from": f"{timezone.now() + SOON:%Y-%m-%dT%H:%M}"}

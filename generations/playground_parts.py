"""What on Create changes with every key that is pressed: the prices, the held quote, the files, the code."""

from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone

from accounts.models import Membership
from billing import budgets
from generations import (
    allowances,
    catalog,
    form_files,
    forms,
    offers,
    pricing,
    quotes,
    rate_cards,
    snippets,
)
from generations.errors import NoRate
from generations.forms import COUNTS, CreateForm
from generations.models import Quote
from seedance_saas.errors import Refusal


def of(
    form: CreateForm, membership: Membership, *, unbound: Refusal | None = None
) -> dict[str, Any]:
    """All of it, for what is typed now. Reads only.

    `unbound` says why an earlier quote bound no more when the one of the form has taken its place.
    """
    now = timezone.now()
    card = rate_cards.for_organization(membership.organization, now)
    resolution = form.body()["resolution"]
    rates = {
        model.tier.value: rule.rate_microusd_per_second
        for model in catalog.MODELS
        if model.family == form.model.family
        for rule in card.rules_for(model, resolution)[:1]
    }
    bound: Quote | None = None
    try:
        bound = _bound(form, membership, now)
    except Refusal as refusal:
        unbound = unbound or refusal
    terms = quotes.terms(bound) if bound else _price(form, membership, now)
    most_microusd = terms.max_cost_microusd * form.count if terms else None
    allowance = allowances.of(membership.organization, member=membership)
    return {
        "form": form,
        "quote": terms,
        "most_microusd": most_microusd,
        "too_small": _too_small(form, membership, most_microusd) if most_microusd else None,
        "bound": _bound_as_dict(bound, form, membership) if bound else None,
        "unbound": unbound,
        "unbound_changed": forms.said(unbound.details.get("differs", [])) if unbound else "",
        "binds_minutes": quotes.BINDS // timedelta(minutes=1),
        "rates": rates,
        "rate_card": card.effective_from,
        "snippets": snippets.of(form.body_with_ceiling(terms)),
        "given": form_files.shown(membership, form),
        "catalog": catalog,
        "counts": COUNTS,
        "durations": offers.of(form.model).seconds,
        "resolutions": allowance.resolutions(form.model) or offers.of(form.model).resolutions,
        "not_allowed": allowance.refusal(form.model, resolution),
    }


def _price(form: CreateForm, membership: Membership, at: datetime) -> pricing.Quote | None:
    """What it would cost now, as far as that can be told from what was typed."""
    asked = form.priced()
    try:
        return quotes.price(membership.organization, asked, at) if asked else None
    except NoRate:
        return None


def _too_small(
    form: CreateForm, membership: Membership, most_microusd: int
) -> budgets.Standing | None:
    """Of the budgets that would not admit it now, the one with the least left. Two queries."""
    limits = budgets.that_apply(
        membership.organization,
        member_id=membership.id,
        end_user_id=form.body().get("end_user_id", ""),
    )
    least = min(limits, key=lambda limit: limit.left_microusd or 0, default=None)
    return least if least and (least.left_microusd or 0) < most_microusd else None


def _bound(form: CreateForm, membership: Membership, at: datetime) -> Quote | None:
    """The quote that the form names. Raises what says that it binds no more, or not what is typed now."""
    if not form.held_quote:
        return None
    return quotes.bound(membership.organization, form.read(with_quote=True), at)


def _bound_as_dict(quote: Quote, form: CreateForm, membership: Membership) -> dict[str, Any]:
    outlook = quotes.outlook(
        quote, member_id=membership.id, end_user_id=form.body().get("end_user_id", "")
    )
    return quotes.as_dict(quote, outlook)

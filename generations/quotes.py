"""A quote: the price of one request, which binds us for a quarter of an hour, however prices move.

It may be used as often as the customer likes until it expires; every use is held and charged by itself.
It binds both sides: prices that have fallen since are had without it, or with a new one.
"""

import hashlib
import hmac
import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import models, transaction
from django.db.models import Exists, OuterRef
from django.utils import timezone

from accounts.models import ApiKey, Membership, Organization
from billing import balances, budgets
from billing import presentation as money
from generations import allowances, offers, pricing, rate_cards
from generations.errors import MaxCostExceeded, QuoteExpired, QuoteMismatch
from generations.models import Generation, Quote
from generations.requests import GenerationRequest
from seedance_saas.api import moment, usd
from seedance_saas.errors import InvalidRequest, NotFound
from seedance_saas.inserts import insert_together

BINDS = timedelta(minutes=15)
KEPT = timedelta(hours=24)  # after its end, unless a generation shows it
FORGET_BATCH = 1000


@dataclass(frozen=True)
class Outlook:
    """Whether credits and budgets would admit it, and the budgets that would be asked. As of now, no promise."""

    affordable: bool
    limits: list[budgets.Standing]


def price(organization: Organization, request: GenerationRequest, at: datetime) -> pricing.Quote:
    """What one generation of this request costs by the rates that hold for the organization. Raises NoRate."""
    return pricing.quote(
        rate_cards.for_organization(organization, at),
        request.model,
        resolution=request.resolution,
        duration_seconds=request.duration_seconds,
        offered=offers.of(request.model).seconds,
    )


def of(
    organization: Organization,
    request: GenerationRequest,
    *,
    api_key: ApiKey | None = None,
    member: Membership | None = None,
) -> Quote:
    """The quote for a request by today's rates, not kept yet.

    Raises ModelNotAllowed or ResolutionNotAllowed for who asks, or NoRate.
    """
    allowances.of(organization, api_key=api_key, member=member).require(request)
    if request.quote_id:
        raise InvalidRequest("A quote is made afresh, not from a quote.", param="quote_id")
    now = timezone.now()
    terms = price(organization, request, now)
    return Quote(
        organization=organization,
        asked=_asked(organization, request),
        num_generations=request.num_generations,
        rate_card=terms.rate_card,
        rule=terms.rule,
        rate_microusd_per_second=terms.rate_microusd_per_second,
        cost_microusd_per_second=terms.cost_microusd_per_second,
        max_seconds=terms.max_seconds,
        max_cost_microusd=terms.max_cost_microusd,
        min_cost_microusd=terms.min_cost_microusd,
        created_at=now,
        expires_at=now + BINDS,
    )


def keep(quote: Quote, *also: models.Model) -> None:
    """From now on it binds us. Holds nothing. The caller's rows (the answer under an idempotency key)
    commit with it."""
    with transaction.atomic():
        insert_together(quote, *also)


def bound(organization: Organization, request: GenerationRequest, at: datetime) -> Quote:
    """The quote that the request names, if it is the organization's, binds still and is for this request.

    Raises NotFound, QuoteExpired or QuoteMismatch, in this order. One read.
    """
    quote = Quote.objects.filter(organization=organization, pk=request.quote_id).first()
    if quote is None:
        raise NotFound("There is no such quote.", param="quote_id")
    if quote.expires_at <= at:
        raise QuoteExpired(
            "The quote has expired. Ask for a new one.",
            param="quote_id",
            expires_at=moment(quote.expires_at),
        )
    asked = _asked(organization, request)
    differs = sorted(
        name
        for name in asked.keys() | quote.asked.keys()
        if asked.get(name) != quote.asked.get(name)
    )
    if differs:
        raise QuoteMismatch(
            f"The request is not the one that was quoted: {', '.join(differs)} differs.",
            param="quote_id",
            differs=differs,
        )
    return quote


def terms_for(
    organization: Organization, request: GenerationRequest, at: datetime
) -> tuple[Quote | None, pricing.Quote]:
    """The price at which one generation of the request is held, and the quote that says so if the request names one.

    A quote decides, be the price higher or lower by now, and costs one read. Raises as `bound` and `price` do,
    or MaxCostExceeded.
    """
    quote = bound(organization, request, at) if request.quote_id else None
    agreed = terms(quote) if quote else price(organization, request, at)
    cost_microusd = agreed.max_cost_microusd * request.num_generations
    if request.max_cost_microusd is not None and cost_microusd > request.max_cost_microusd:
        raise MaxCostExceeded(
            f"This may cost up to ${usd(cost_microusd)}, more than max_cost_usd allows.",
            param="max_cost_usd",
            needed_usd=usd(cost_microusd),
        )
    return quote, agreed


def terms(quote: Quote) -> pricing.Quote:
    """The price of one generation, as it was quoted."""
    return pricing.Quote(
        rate_card=quote.rate_card,
        rule=quote.rule,
        rate_microusd_per_second=quote.rate_microusd_per_second,
        cost_microusd_per_second=quote.cost_microusd_per_second,
        max_seconds=quote.max_seconds,
        max_cost_microusd=quote.max_cost_microusd,
        min_cost_microusd=quote.min_cost_microusd,
    )


def outlook(
    quote: Quote, *, member_id: str = "", api_key_id: str = "", end_user_id: str = ""
) -> Outlook:
    """Would a hold of the quote's most be admitted on these accounts? Reads without a lock."""
    needed_microusd = quote.max_cost_microusd * quote.num_generations
    limits = budgets.that_apply(
        quote.organization, member_id=member_id, api_key_id=api_key_id, end_user_id=end_user_id
    )
    balance = balances.of(quote.organization)
    return Outlook(
        affordable=(
            not balance.debt_microusd
            and balance.available_microusd >= needed_microusd
            and all(
                limit.left_microusd is None or limit.left_microusd >= needed_microusd
                for limit in limits
            )
        ),
        limits=limits,
    )


def as_dict(quote: Quote, outlook: Outlook) -> dict[str, Any]:
    """The JSON of a quote: its costs are of the whole request, all its generations together."""
    return {
        "id": quote.id,
        "object": "quote",
        "rate_card": quote.rate_card,
        "rule": quote.rule,
        "rate_usd_per_second": usd(quote.rate_microusd_per_second),
        "max_seconds": quote.max_seconds,
        "num_generations": quote.num_generations,
        "max_cost_usd": usd(quote.max_cost_microusd * quote.num_generations),
        "min_cost_usd": usd(quote.min_cost_microusd * quote.num_generations),
        "affordable": outlook.affordable,
        "limits": [_limit(limit) for limit in outlook.limits],
        "created_at": moment(quote.created_at),
        "expires_at": moment(quote.expires_at),
    }


def _limit(limit: budgets.Standing) -> dict[str, Any]:
    """A budget in the API's words, but for whose it is: the end user's own or that of every one."""
    shown = money.budget(limit)
    del shown["inherited"]
    return shown


def forget() -> int:
    """Delete quotes that expired long ago and were never used, a batch at a time; how many."""
    used = Generation.objects.filter(quote=OuterRef("pk"))
    old = Quote.objects.filter(~Exists(used), expires_at__lt=timezone.now() - KEPT)
    deleted, _ = Quote.objects.filter(
        pk__in=list(old.values_list("pk", flat=True)[:FORGET_BATCH])
    ).delete()
    return deleted


def _asked(organization: Organization, request: GenerationRequest) -> dict[str, str]:
    """What a quote is for, field by field in canonical form, as nobody can read it."""
    fields = {
        "model": request.model.slug,
        **request.as_input(),
        "end_user_id": request.end_user_id,
        "num_generations": request.num_generations,
    }
    return {
        name: hmac.new(
            organization.pseudonym_secret.encode(),
            json.dumps([name, value], sort_keys=True).encode(),
            hashlib.sha256,
        ).hexdigest()[:32]
        for name, value in fields.items()
    }

"""The pages of the product: parse, call, render. Every queryset starts from the membership's organization."""

import hashlib
import json
from datetime import UTC, datetime, time, timedelta
from typing import Any

from django.contrib import messages
from django.db import IntegrityError
from django.db.models import Count, Q, QuerySet, Sum
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.dateparse import parse_date
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts import pages, roles
from accounts.idempotency import Claim, IdempotencyConflict
from accounts.models import ApiKey, Membership
from billing import ledger
from billing.errors import InDebt, InsufficientCredits
from billing.models import Grant, UsageRecord
from generations import catalog, forms, lifecycle, pricing, receipts, snippets, states
from generations.errors import TooLateToCancel
from generations.forms import CreateForm
from generations.models import Generation
from seedance_saas.api import usd
from seedance_saas.errors import Refusal

GALLERY_PIECE = 24
LATEST = 5
LIVE_MAX = 50
LOW_BALANCE_MICROUSD = 5_000_000
DEMO = {"model": "seedance-2.0-fast-text-to-video", "resolution": "480p", "duration": 4}


def _generations(membership: Membership) -> QuerySet[Generation]:
    return Generation.objects.filter(organization=membership.organization).select_related(
        "member__user", "api_key"
    )


# -- home -----------------------------------------------------------------------------------------


@require_GET
@pages.for_members
def home(request: HttpRequest, membership: Membership) -> HttpResponse:
    generations = _generations(membership)
    running = generations.exclude(state__in=states.FINAL).order_by("-id")[:LIVE_MAX]
    ended = list(generations.filter(state__in=states.FINAL).order_by("-id")[:LATEST])
    # A video is the better lead than a failure that is newer.
    latest = next((one for one in ended if one.poster_file), ended[0] if ended else None)
    month = timezone.now().replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    spent = UsageRecord.objects.filter(
        organization=membership.organization, settled_at__gte=month
    ).aggregate(microusd=Sum("amount_microusd"), generations=Count("id"))
    balance = ledger.balance(membership.organization)
    context = {
        "running": running,
        "latest": latest,
        "earlier": [one for one in ended if one is not latest],
        "month": month,
        "spent_microusd": spent["microusd"] or 0,
        "spent_generations": spent["generations"],
        "balance_now": balance,
        "is_low": balance.available_microusd < LOW_BALANCE_MICROUSD,
        "steps": _first_steps(membership),
        "demo": snippets.of(DEMO)[0],
    }
    return render(request, "generations/home.html", context)


def _first_steps(membership: Membership) -> list[dict[str, Any]]:
    """What a new organization does first; empty once all of it is done."""
    organization = membership.organization
    made = Generation.objects.filter(organization=organization)
    steps = [
        ("Add credits", "billing", Grant.objects.filter(organization=organization).exists()),
        ("Make a video", "create", made.filter(state=states.State.SUCCEEDED).exists()),
        ("Create a key", "keys", ApiKey.objects.filter(organization=organization).exists()),
        ("Make a video with the key", "gallery", made.exclude(api_key=None).exists()),
    ]
    if all(done for _, _, done in steps):
        return []
    return [{"word": word, "place": place, "done": done} for word, place, done in steps]


# -- create ---------------------------------------------------------------------------------------


@require_http_methods(["GET", "POST"])
@pages.for_members
def create(request: HttpRequest, membership: Membership) -> HttpResponse:
    """GET shows the form; POST buys, or with `do=update` only draws the form of another model."""
    if request.method == "GET":
        return _show_create(request, membership, _form_to_start_with(request, membership))
    pages.require(roles.can_spend(membership))
    form = CreateForm(request.POST)
    if request.POST.get("do") == "update":
        return _show_create(request, membership, form)
    wanted = form.request()
    if wanted is None:
        return _show_create(request, membership, form.renewed(), status=400)
    asked = json.dumps(form.body(), sort_keys=True)
    claim = Claim(
        membership.organization,
        f"form:{form.cleaned_data['token']}",
        hashlib.sha256(asked.encode()).hexdigest(),
    )
    try:
        made = lifecycle.create_generations(
            membership.organization,
            wanted,
            member=membership,
            also=lambda generations: [claim.record(201, {"id": generations[0].id})],
        )
    except (IntegrityError, Refusal) as problem:
        return _already_made(claim) or _explain(request, membership, form, problem)
    return redirect(f"{reverse('create')}?after={made[0].id}")


def _already_made(claim: Claim) -> HttpResponse | None:
    """Where the first sending of this form led, if this is its second."""
    try:
        first = claim.replay()
    except IdempotencyConflict:
        return None
    return redirect(f"{reverse('create')}?after={first.data['id']}") if first else None


def _explain(
    request: HttpRequest, membership: Membership, form: CreateForm, problem: Exception
) -> HttpResponse:
    """The same form with the refusal where it belongs."""
    if isinstance(problem, InsufficientCredits | InDebt):
        return _show_create(request, membership, form.renewed(), status=402, unpaid=problem)
    if isinstance(problem, Refusal):
        form.explain(problem)
        return _show_create(request, membership, form.renewed(), status=problem.status)
    # The browser's Back button brought an old form back, and something else was typed into it.
    form.add_error(
        None, "This form was sent before with other settings. Press Generate to make this one too."
    )
    return _show_create(request, membership, form.renewed(), status=409)


def _form_to_start_with(request: HttpRequest, membership: Membership) -> CreateForm:
    """Empty, or with the settings of the generation in the address, or with what the address says."""
    if source := request.GET.get("from") or request.GET.get("after"):
        return forms.again(get_object_or_404(_generations(membership), pk=source))
    model = catalog.find(request.GET.get("model", ""))
    typed = {"family": model.family.value, "tier": model.tier.value} if model else {}
    for name in ("prompt", "resolution", "duration"):
        if name in request.GET:
            typed[name] = request.GET[name]
    return forms.empty(**typed)


def _show_create(
    request: HttpRequest,
    membership: Membership,
    form: CreateForm,
    *,
    status: int = 200,
    unpaid: Refusal | None = None,
) -> HttpResponse:
    after = request.GET.get("after")
    shown = _generations(membership).filter(pk=after) if after else _generations(membership)
    latest = list(shown.order_by("-id")[:1])
    others = _generations(membership).exclude(pk__in=[one.pk for one in latest])
    context = _live_parts(form) | {
        "result": latest[0] if latest else None,
        "others": others.order_by("-id")[:3],
        "unpaid": unpaid,
    }
    return render(request, "generations/create.html", context, status=status)


def _live_parts(form: CreateForm) -> dict[str, Any]:
    """What changes with every key that is pressed: the prices and the code."""
    quote = form.quote()
    resolution = form.body()["resolution"]
    rates = {
        rule.tier.value: rule.rate_microusd_per_second
        for rule in pricing.LIST.rules
        if rule.resolution == resolution
    }
    return {
        "form": form,
        "quote": quote,
        "rates": rates,
        "rate_card": datetime.fromisoformat(pricing.LIST.version).replace(tzinfo=UTC),
        "snippets": snippets.of(form.body_with_ceiling()),
        "catalog": catalog,
        "durations": range(catalog.SECONDS_MIN, catalog.SECONDS_MAX + 1),
    }


@require_POST
@pages.for_members
def quote(request: HttpRequest, membership: Membership) -> HttpResponse:
    """The live parts of Create for what is typed so far. Buys nothing."""
    context = _live_parts(CreateForm(request.POST)) | {"oob": True}
    return render(request, "generations/create/live.html", context)


# -- gallery --------------------------------------------------------------------------------------


@require_GET
@pages.for_members
def gallery(request: HttpRequest, membership: Membership) -> HttpResponse:
    asked = {
        name: request.GET.get(name, "").strip()
        for name in ("state", "model", "end_user_id", "since", "until")
    }
    found = _generations(membership)
    piece = pages.piece(
        found.filter(_gallery_filter(asked)), request.GET.get("cursor", ""), limit=GALLERY_PIECE
    )
    query = request.GET.copy()
    query.pop("cursor", None)
    context = {
        "asked": asked,
        "is_filtered": any(asked.values()),
        "piece": piece,
        "is_first": "cursor" not in request.GET,
        "query": query.urlencode(),
        "states": [("", "All"), *((word, word.capitalize()) for word in states.PUBLIC)],
        "models": catalog.MODELS,
        "demo": snippets.of(DEMO)[0],
    }
    more = request.htmx and "cursor" in request.GET  # type: ignore[attr-defined]
    template = "generations/gallery/piece.html" if more else "generations/gallery.html"
    return render(request, template, context)


def _gallery_filter(asked: dict[str, str]) -> Q:
    """A filter that says nothing sensible is passed over."""
    wanted = Q()
    if asked["state"] in states.PUBLIC:
        wanted &= Q(state__in=states.PUBLIC[asked["state"]])
    if model := catalog.find(asked["model"]):
        wanted &= Q(model=model.slug)
    if asked["end_user_id"]:
        wanted &= Q(end_user_id=asked["end_user_id"])
    if since := _midnight(asked["since"]):
        wanted &= Q(created_at__gte=since)
    if until := _midnight(asked["until"]):
        wanted &= Q(created_at__lt=until + timedelta(days=1))
    return wanted


def _midnight(text: str) -> datetime | None:
    try:
        date = parse_date(text)
    except ValueError:
        return None
    return datetime.combine(date, time(), UTC) if date else None


@require_GET
@pages.for_members
def live(request: HttpRequest, membership: Membership) -> HttpResponse:
    """The cards that the page shows as running (`seen=gen_…:state`), as they are now.

    Asked every two seconds; once none of them runs, the answer holds nothing that would ask again.
    """
    seen = dict(pair.partition(":")[::2] for pair in request.GET.getlist("seen")[:LIVE_MAX])
    shown = list(_generations(membership).filter(pk__in=seen))
    context = {
        "shown": shown,
        "running": [one for one in shown if not one.is_final],
        "news": [one for one in shown if one.state != seen[one.pk]],
        "view": "line" if request.GET.get("view") == "line" else "card",
    }
    return render(request, "generations/live.html", context)


# -- one generation -------------------------------------------------------------------------------


@require_GET
@pages.for_members
def generation(request: HttpRequest, membership: Membership, generation_id: str) -> HttpResponse:
    return render(request, "generations/generation.html", _one(_get(membership, generation_id)))


@require_GET
@pages.for_members
def generation_live(
    request: HttpRequest, membership: Membership, generation_id: str
) -> HttpResponse:
    """The changing part of its page, or with `view=result` of the place beside the form."""
    context = _one(_get(membership, generation_id)) | {"seen": request.GET.get("seen", "")}
    is_result = request.GET.get("view") == "result"
    template = "generations/create/result.html" if is_result else "generations/generation/live.html"
    return render(request, template, context | {"oob": True})


@require_POST
@pages.for_members
def cancel(request: HttpRequest, membership: Membership, generation_id: str) -> HttpResponse:
    pages.require(roles.can_spend(membership))
    wanted = _get(membership, generation_id)
    try:
        wanted = lifecycle.cancel(wanted)
    except (TooLateToCancel, lifecycle.ProviderNotReached) as refusal:
        messages.error(request, refusal.message)
    else:
        if wanted.state == states.State.CANCELED:
            available = ledger.balance(membership.organization).available_microusd
            messages.success(
                request,
                f"Canceled: ${usd(wanted.held_microusd)} released, ${usd(available)} available now.",
            )
        elif not wanted.is_final:
            messages.info(request, "The provider was asked to stop. You pay only for a video.")
    return redirect("generation", wanted.pk)


def _get(membership: Membership, generation_id: str) -> Generation:
    return get_object_or_404(_generations(membership), pk=generation_id)


def _one(generation: Generation) -> dict[str, Any]:
    return {"generation": generation, "receipt": receipts.receipt(generation)}

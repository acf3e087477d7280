"""The pages of the product: parse, call, render. Every queryset starts from the membership's organization."""

from datetime import timedelta
from typing import Any

from django.contrib import messages
from django.db.models import Count, Q, QuerySet, Sum
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from accounts import context, pages, roles, webhook_endpoints
from accounts.models import ApiKey, Membership
from billing import attention, balances, budget_rows, budgets
from billing.models import Budget, Grant, UsageRecord
from generations import catalog, dispatch, erasing, lifecycle, receipts, snippets, states
from generations.errors import NotFinal, TooLateToCancel
from generations.models import Generation
from seedance_saas.api import usd

GALLERY_PIECE = 24
LATEST = 5
LIVE_MAX = 50
LOW_BALANCE_MICROUSD = 5_000_000


def generations_of(membership: Membership) -> QuerySet[Generation]:
    return Generation.objects.filter(organization=membership.organization).select_related(
        "member__user", "api_key"
    )


# -- home -----------------------------------------------------------------------------------------


@require_GET
@pages.for_members
def home(request: HttpRequest, membership: Membership) -> HttpResponse:
    generations = generations_of(membership)
    running = generations.exclude(state__in=states.FINAL).order_by("-id")[:LIVE_MAX]
    ended = list(generations.filter(state__in=states.FINAL).order_by("-id")[:LATEST])
    # A video is the better lead than a failure that is newer.
    latest = next((one for one in ended if one.poster_file), ended[0] if ended else None)
    month = timezone.now().replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    spent = UsageRecord.objects.filter(
        organization=membership.organization, settled_at__gte=month
    ).aggregate(microusd=Sum("amount_microusd"), generations=Count("id"))
    balance = balances.of(membership.organization)
    shown = {
        "running": running,
        "latest": latest,
        "earlier": [one for one in ended if one is not latest],
        "month": month,
        "spent_microusd": spent["microusd"] or 0,
        "spent_generations": spent["generations"],
        "balance_now": balance,
        "budgets": _budgets(membership),
        "can_set_budgets": roles.can_set_budgets(membership),
        # Who does not read the ledger can do nothing about it.
        "money_waits": (
            attention.of(membership.organization) if roles.can_see_ledger(membership) else None
        ),
        "webhooks_wait": (
            webhook_endpoints.troubled(membership.organization)
            if roles.can_manage_keys(membership)
            else []
        ),
        "is_low": balance.available_microusd < LOW_BALANCE_MICROUSD,
        "steps": _first_steps(membership),
        "demo": snippets.of(snippets.DEMO)[0],
    }
    return render(request, "generations/home.html", shown)


def _budgets(membership: Membership) -> list[dict[str, Any]]:
    """The budgets that what the member makes by hand has to pass, each drawn as a bar."""
    organization = membership.organization
    return [
        {
            "standing": standing,
            "name": (
                organization.name
                if standing.scope == Budget.Scope.ORGANIZATION
                else "Your own budget"
            ),
            "each": budget_rows.each(standing.period),
            "is_full": standing.left_microusd == 0,
        }
        for standing in budgets.that_apply(organization, member_id=membership.id)
    ]


def _first_steps(membership: Membership) -> list[dict[str, Any]]:
    """What a new organization does first; empty once all of it is done."""
    organization = membership.organization
    made = Generation.objects.filter(organization=organization)
    places = {place.name: place.url for place in context.places_for(membership)}
    steps: list[dict[str, Any]] = [
        {
            "word": "Add credits",
            "done": Grant.objects.filter(organization=organization).exists(),
            "url": places.get("billing"),
            "link": "buy some",
        },
        {
            "word": "Make a video",
            "done": made.filter(state=states.State.SUCCEEDED).exists(),
            "url": places.get("create") if roles.can_spend(membership) else None,
            "link": "fill in the form",
        },
        {
            "word": "Create a key",
            "done": ApiKey.objects.filter(organization=organization).exists(),
            "url": places.get("keys"),
            "link": "go to the keys",
        },
        {
            "word": "Make a video with the key",
            "done": made.exclude(api_key=None).exists(),
            "url": None,
            "link": "",
        },
    ]
    return [] if all(step["done"] for step in steps) else steps


# -- gallery --------------------------------------------------------------------------------------


@require_GET
@pages.for_members
def gallery(request: HttpRequest, membership: Membership) -> HttpResponse:
    asked = {
        name: request.GET.get(name, "").strip()
        for name in ("state", "model", "end_user_id", "since", "until")
    }
    found = generations_of(membership)
    piece = pages.piece(
        found.filter(_gallery_filter(asked)), request.GET.get("cursor", ""), limit=GALLERY_PIECE
    )
    query = request.GET.copy()
    query.pop("cursor", None)
    shown = {
        "asked": asked,
        "is_filtered": any(asked.values()),
        "piece": piece,
        "is_first": "cursor" not in request.GET,
        "query": query.urlencode(),
        "states": [("", "All"), *((word, word.capitalize()) for word in states.PUBLIC)],
        "models": catalog.MODELS,
        "demo": snippets.of(snippets.DEMO)[0],
    }
    more = request.htmx and "cursor" in request.GET  # type: ignore[attr-defined]
    template = "generations/gallery/piece.html" if more else "generations/gallery.html"
    return render(request, template, shown)


def _gallery_filter(asked: dict[str, str]) -> Q:
    """A filter that says nothing sensible is passed over."""
    wanted = Q()
    if asked["state"] in states.PUBLIC:
        wanted &= Q(state__in=states.PUBLIC[asked["state"]])
    if model := catalog.find(asked["model"]):
        wanted &= Q(model=model.slug)
    if asked["end_user_id"]:
        wanted &= Q(end_user_id=asked["end_user_id"])
    if since := pages.midnight(asked["since"]):
        wanted &= Q(created_at__gte=since)
    if until := pages.midnight(asked["until"]):
        wanted &= Q(created_at__lt=until + timedelta(days=1))
    return wanted


@require_GET
@pages.for_members
def live(request: HttpRequest, membership: Membership) -> HttpResponse:
    """The cards that the page shows as running (`seen=gen_…:state`), as they are now.

    Asked every two seconds; once none of them runs, the answer holds nothing that would ask again.
    """
    seen = dict(pair.partition(":")[::2] for pair in request.GET.getlist("seen")[:LIVE_MAX])
    asked = list(generations_of(membership).filter(pk__in=seen))
    shown = {
        "shown": asked,
        "running": [one for one in asked if not one.is_final],
        "news": [one for one in asked if one.state != seen[one.pk]],
        "view": "line" if request.GET.get("view") == "line" else "card",
    }
    return render(request, "generations/live.html", shown)


# -- one generation -------------------------------------------------------------------------------


@require_GET
@pages.for_members
def generation(request: HttpRequest, membership: Membership, generation_id: str) -> HttpResponse:
    return render(request, "generations/generation.html", _one(_get(membership, generation_id)))


@require_GET
@pages.for_members
def generation_receipt(
    request: HttpRequest, membership: Membership, generation_id: str
) -> HttpResponse:
    """Its bill as a sheet to print: what the API's receipt says, and nothing else."""
    shown = {"receipt": receipts.receipt(_get(membership, generation_id))}
    return render(request, "generations/bill.html", shown)


@require_GET
@pages.for_members
def generation_live(
    request: HttpRequest, membership: Membership, generation_id: str
) -> HttpResponse:
    """What has changed on its page, or with `view=result` beside the form, since its state was `seen`."""
    shown = _one(_get(membership, generation_id)) | {
        "seen": request.GET.get("seen", ""),
        "view": "result" if request.GET.get("view") == "result" else "page",
    }
    return render(request, "generations/changes.html", shown)


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
            available = balances.of(membership.organization).available_microusd
            messages.success(
                request,
                f"Canceled: ${usd(wanted.held_microusd)} released, ${usd(available)} available now.",
            )
        elif not wanted.is_final:
            messages.info(request, "The provider was asked to stop. You pay only for a video.")
    return redirect("generation", wanted.pk)


@require_POST
@pages.for_members
def erase(request: HttpRequest, membership: Membership, generation_id: str) -> HttpResponse:
    pages.require(roles.can_spend(membership))
    wanted = _get(membership, generation_id)
    try:
        erasing.erase(wanted)
    except NotFinal as refusal:
        messages.error(request, refusal.message)
    else:
        messages.success(request, "Erased: prompt, files and video are gone. The receipt stays.")
    return redirect("generation", wanted.pk)


def _get(membership: Membership, generation_id: str) -> Generation:
    return get_object_or_404(generations_of(membership), pk=generation_id)


def _one(generation: Generation) -> dict[str, Any]:
    waits = generation.state == states.State.QUEUED
    return {
        "generation": generation,
        "receipt": receipts.receipt(generation),
        "share": dispatch.share_of(generation) if waits else None,
    }

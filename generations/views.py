"""The pages of one generation: parse, call, render. Every queryset starts from the membership's organization."""

from typing import Any

from django.contrib import messages
from django.db.models import OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_GET, require_POST

from accounts import pages, roles, webhooks
from accounts.models import Membership, RoleTerms
from billing import balances
from generations import (
    dispatch,
    erasing,
    given_files,
    lifecycle,
    queue_position,
    receipts,
    states,
)
from generations.errors import NotFinal, ProviderNotReached, TooLateToCancel
from generations.models import Generation
from seedance_saas.api import usd


def generations_of(membership: Membership) -> QuerySet[Generation]:
    return Generation.objects.filter(organization=membership.organization).select_related(
        "organization", "member__user", "api_key"
    )


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
    except (TooLateToCancel, ProviderNotReached) as refusal:
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
    """With the share of what runs that its key or its maker's role has, or None: `share_max`."""
    terms = RoleTerms.objects.filter(
        organization=OuterRef("organization"), role=OuterRef("member__role")
    )
    found = generations_of(membership).annotate(
        share_max=Coalesce("api_key__concurrent_max", Subquery(terms.values("concurrent_max")))
    )
    return get_object_or_404(found, pk=generation_id)


def _one(generation: Generation) -> dict[str, Any]:
    waits = generation.state == states.State.QUEUED and generation.share_max is not None  # type: ignore[attr-defined]  # annotated
    return {
        "generation": generation,
        "receipt": receipts.receipt(generation),
        "given": given_files.shown(generation),
        "progress_of": queue_position.of_all([generation]),
        "share": dispatch.share_of(generation) if waits else None,
        "deliveries": webhooks.deliveries_about(generation.organization, generation.pk),
    }

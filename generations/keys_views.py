"""The pages of keys: parse, call, render. They call the verbs that the API calls.

A secret is in the answer to the form that made it, and nowhere else: no address shows it, no session keeps it.
"""

from datetime import datetime
from functools import partial
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db import IntegrityError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts import api_keys, key_changes, key_sightings, key_terms, pages, roles
from accounts.api_keys import KeyIsOver, KeyIsRotating
from accounts.models import ApiKey, Membership
from billing import budgets, key_budgets
from billing.budget_rows import PERIODS
from billing.models import Budget
from generations import key_activity, snippets
from generations.key_forms import OVERLAP_DEFAULT, OVERLAPS, KeyForm, id_of, new_token
from seedance_saas.errors import Forbidden
from seedance_saas.requests import client_address

PIECE = 50
REVOKED_SHOWN = 20
PLACES_SHOWN = 100
GENERATIONS_PIECE = 25
NOT_THEIRS = "Only its member changes or rotates a personal key; one of the organization, only owners and admins."


def keys_of(membership: Membership) -> Any:
    return ApiKey.objects.filter(organization=membership.organization).select_related(
        "created_by", "revoked_by", "organization", "member__user"
    )


@require_GET
@pages.for_members
def keys_page(request: HttpRequest, membership: Membership) -> HttpResponse:
    """Every key that opens something, with its budget; and those that were revoked last."""
    pages.require(roles.can_manage_keys(membership))
    keys = keys_of(membership)
    piece = pages.piece(keys.filter(revoked_at=None), request.GET.get("cursor", ""), limit=PIECE)
    rows = _rows(membership, piece.rows)
    first_calls = (
        (one, snippets.first_call(partial(roles.may_use_scope, one))) for one in piece.rows
    )
    caller, first_call = next((found for found in first_calls if found[1]), (None, ""))
    if not rows:
        first_call = snippets.first_call(partial(roles.can_use_scope, membership))
    context = {
        "piece": piece,
        "rows": rows,
        "is_first": "cursor" not in request.GET,
        "month_charged": sum(row["month_charged"] for row in rows),
        "revoked": keys.exclude(revoked_at=None).order_by("-revoked_at")[:REVOKED_SHOWN],
        "can_set_budgets": roles.can_set_budgets(membership),
        "caller": caller,
        "first_call": first_call,
    }
    return render(request, "generations/keys.html", context)


@require_http_methods(["GET", "POST"])
@never_cache
@pages.for_members
def new(request: HttpRequest, membership: Membership) -> HttpResponse:
    """Make a key, and show its secret in the answer: this once."""
    pages.require(roles.can_manage_keys(membership))
    form = KeyForm(membership, request.POST if request.method == "POST" else None)
    id = id_of(request.POST.get("token", ""))
    if form.is_bound and id and form.is_valid():
        with_budget = roles.can_set_budgets(membership)
        try:
            key, secret = key_budgets.issue(
                membership.organization,
                form.cleaned_data["name"],
                form.terms(),
                limit_microusd=form.cleaned_data["limit_usd"] if with_budget else None,
                period=form.cleaned_data["period"] or budgets.PERIOD_DEFAULT,
                member=membership if form.is_personal else None,
                id=id,
                by=membership.user,
                address=client_address(request),
            )
        except Forbidden as refusal:  # removed, or of another role, meanwhile
            raise PermissionDenied(refusal.message) from None
        except IntegrityError:
            messages.warning(
                request,
                "This key was made already, and its secret is shown once. If it was not kept, revoke it.",
            )
            return pages.SeeOther(reverse("keys"))
        return _made(request, key, secret)
    if form.is_bound and not id:
        form.add_error(None, "This form is not one of today's. Look at it once more, and send it.")
    context = {
        "form": form,
        "token": request.POST.get("token") if id else new_token(),
        "periods": PERIODS,
        "can_set_budgets": roles.can_set_budgets(membership),
    }
    status = 400 if form.is_bound else 200
    return render(request, "generations/key_form.html", context, status=status)


@require_http_methods(["GET", "POST"])
@pages.for_members
def edit(request: HttpRequest, membership: Membership, key_id: str) -> HttpResponse:
    """Another name, other limits, from the next request on."""
    key = _get(membership, key_id)
    pages.require(roles.can_change_key(membership, key), NOT_THEIRS)
    form = KeyForm(membership, request.POST if request.method == "POST" else None, key=key)
    if form.is_bound and form.is_valid():
        try:
            key = key_changes.change(
                key,
                name=form.cleaned_data["name"],
                terms=vars(form.terms()),
                by=membership.user,
                address=client_address(request),
            )
        except KeyIsOver as refusal:
            messages.error(request, refusal.message)
        else:
            messages.success(request, f"{key.name} is changed, from its next request on.")
        return pages.SeeOther(reverse("key", args=[key.pk]))
    context = {"form": form, "key": key}
    status = 400 if form.is_bound else 200
    return render(request, "generations/key_form.html", context, status=status)


@require_GET
@pages.for_members
def key_page(request: HttpRequest, membership: Membership, key_id: str) -> HttpResponse:
    """One key: what it may, from where it was used, what it made and what of it runs."""
    key = _get(membership, key_id)
    made = key_activity.generations_of(key)
    piece = pages.piece(made, request.GET.get("cursor", ""), limit=GENERATIONS_PIECE)
    context = {
        "key": key,
        "piece": piece,
        "is_first": "cursor" not in request.GET,
    }
    if request.htmx and "cursor" in request.GET:  # type: ignore[attr-defined]
        return render(request, "generations/key/piece.html", context)
    places = key_sightings.places(key, limit=PLACES_SHOWN)
    old_used = [place.last_seen_at for place in places if place.is_of(key.previous_prefix)]
    (row,) = _rows(membership, [key], {key.pk: max(old_used)} if old_used else {})
    context |= {
        "row": row,
        "activity": key_activity.of(key),
        "places": [
            {"place": place, "is_outside": not key_terms.may_come_from(key, place.address)}
            for place in places
        ],
        "list_call": snippets.list_of_key(key.pk),
        "can_change": roles.can_change_key(membership, key),
        "can_set_budgets": roles.can_set_budgets(membership),
    }
    return render(request, "generations/key.html", context)


@require_http_methods(["GET", "POST"])
@never_cache
@pages.for_members
def rotate(request: HttpRequest, membership: Membership, key_id: str) -> HttpResponse:
    """Ask how long the old secret is to work, and show the new one in the answer: this once."""
    key = _get(membership, key_id)
    pages.require(roles.can_change_key(membership, key), NOT_THEIRS)
    if request.method == "POST":
        asked = request.POST.get("overlap_seconds", "")
        seconds = int(asked) if asked in {str(seconds) for seconds, _ in OVERLAPS} else None
        if seconds is not None:
            try:
                key, secret = api_keys.rotate(
                    key,
                    overlap_seconds=seconds,
                    by=membership.user,
                    address=client_address(request),
                )
            except (KeyIsOver, KeyIsRotating) as refusal:
                messages.warning(request, refusal.message)
                return pages.SeeOther(reverse("key", args=[key.pk]))
            return _made(request, key, secret)
    context = {
        "row": _rows(membership, [key])[0],
        "overlaps": OVERLAPS,
        "overlap_default": OVERLAP_DEFAULT,
        "is_missing": request.method == "POST",
    }
    status = 400 if request.method == "POST" else 200
    return render(request, "generations/key_rotate.html", context, status=status)


@require_POST
@pages.for_members
def give(request: HttpRequest, membership: Membership, key_id: str) -> HttpResponse:
    """Make a personal key one of the organization, for good."""
    pages.require(roles.can_set_budgets(membership))
    key = _get(membership, key_id)
    try:
        key_changes.give_to_organization(key, by=membership.user, address=client_address(request))
    except KeyIsOver as refusal:
        messages.error(request, refusal.message)
    else:
        messages.success(request, f"{key.name} is a key of the organization now.")
    return pages.SeeOther(reverse("key", args=[key.pk]))


@require_POST
@pages.for_members
def end_overlap(request: HttpRequest, membership: Membership, key_id: str) -> HttpResponse:
    key = _get(membership, key_id)
    api_keys.end_overlap(key, by=membership.user, address=client_address(request))
    messages.success(request, f"The old secret of {key.name} opens nothing any more.")
    return pages.SeeOther(reverse("key", args=[key.pk]))


@require_http_methods(["GET", "POST"])
@pages.for_members
def revoke(request: HttpRequest, membership: Membership, key_id: str) -> HttpResponse:
    """Say in numbers what a revocation does, and do it; with `do=cancel`, cancel what runs as well."""
    key = _get(membership, key_id)
    activity = key_activity.of(key)
    if request.method == "POST":
        by, address = membership.user, client_address(request)
        if request.POST.get("do") == "cancel":
            running = key_activity.revoke_and_cancel(key, by=by, address=address)
            messages.success(
                request,
                f"{key.name} opens nothing any more. {_running(running)} being canceled; what is held"
                f" for each comes back as it stops.",
            )
        elif api_keys.revoke(key, by=by, address=address):
            ends = f" {_running(activity.running)} ending as usual." if activity.running else ""
            messages.success(request, f"{key.name} opens nothing any more.{ends}")
        else:
            messages.info(request, f"{key.name} was revoked before.")
        return pages.SeeOther(reverse("key", args=[key.pk]))
    context = {"row": _rows(membership, [key])[0], "activity": activity}
    return render(request, "generations/key_revoke.html", context)


def _get(membership: Membership, key_id: str) -> ApiKey:
    pages.require(roles.can_manage_keys(membership))
    key: ApiKey = get_object_or_404(keys_of(membership), pk=key_id)
    return key


def _made(request: HttpRequest, key: ApiKey, secret: str) -> HttpResponse:
    context = {
        "key": key,
        "secret": secret,
        "is_rotating": api_keys.is_rotating(key),
        "first_call": _runs_as_pasted(key, secret),
    }
    return render(request, "generations/key_made.html", context, status=201)


def _runs_as_pasted(key: ApiKey, secret: str) -> str:
    call = snippets.first_call(partial(roles.may_use_scope, key))
    return f"export SEEDANCE_API_KEY={secret}\n{call}" if call else ""


def _rows(
    membership: Membership, keys: list[ApiKey], old_used: dict[str, datetime] | None = None
) -> list[dict[str, Any]]:
    """The keys with how their budgets stand, and when the secrets were used that end: three queries at most."""
    subjects = [(Budget.Scope.API_KEY, key.pk) for key in keys]
    found = budgets.read(membership.organization, subjects, now=timezone.now())
    rotating = [key for key in keys if api_keys.is_rotating(key)]
    if old_used is None:
        old_used = key_sightings.last_use_of_previous(rotating) if rotating else {}
    rows = []
    for key in keys:
        budget = found[Budget.Scope.API_KEY, key.pk]
        limit, standing = budget.standing.limit_microusd, budget.standing
        rows.append(
            {
                "key": key,
                "name": key.name,  # the budget's bar says whose it is
                "standing": standing,
                "each": dict(PERIODS)[Budget.Period(standing.period)],
                "is_full": limit is not None and standing.left_microusd == 0,
                "month_charged": budget.month_spent_microusd,
                "is_living": api_keys.is_living(key),
                "is_rotating": key in rotating,
                "old_used_at": old_used.get(key.pk),
                "can_change": roles.can_change_key(membership, key),
                "only_reads": not roles.may_use_scope(key, "generations:write"),
            }
        )
    return rows


def _running(n: int) -> str:
    return "1 generation is" if n == 1 else f"{n:,} generations are"

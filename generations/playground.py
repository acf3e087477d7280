"""The page on which a video is asked for: the form, its price, the same as code, and what came of it."""

import hashlib
import json
from urllib.parse import urlencode

from django.db import IntegrityError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST

from accounts import pages, roles
from accounts.idempotency import Claim, IdempotencyConflict
from accounts.models import Membership
from billing import balances
from billing.errors import BudgetExceeded, InDebt, InsufficientCredits
from generations import (
    allowances,
    catalog,
    form_changes,
    form_files,
    forms,
    lifecycle,
    playground_parts,
    queue_position,
    quotes,
)
from generations.errors import NoRate
from generations.forms import CreateForm
from generations.requests import GENERATIONS_MAX
from generations.views import generations_of
from seedance_saas.errors import Forbidden, Refusal

ADMINS_NAMED = 3
BEFORE = 3  # earlier ones beside the result
BUYS = {"", "make"}  # every other order only draws the form anew


@require_http_methods(["GET", "POST"])
@pages.for_members
def create(request: HttpRequest, membership: Membership) -> HttpResponse:
    """GET shows the form; POST buys, or with `do=update` only draws the form of another model.

    Files that come with it are taken first; with `do=upload` nothing else is done."""
    if request.method == "GET":
        return _show_create(request, membership, _form_to_start_with(request, membership))
    pages.require(roles.can_spend(membership))
    order = request.POST.get("do", "")
    form = CreateForm(request.POST)
    if sent := request.FILES.getlist("files"):
        form = form_files.attach(membership, form, sent)
        if form.errors.get("sent_files"):
            return _show_create(request, membership, form.renewed(), status=422)
    if moved := form_changes.arrange(form, order):
        return _show_create(request, membership, moved.form, moved_to=moved.at)
    fitted = form_changes.fit(form)
    if order not in BUYS:
        return _show_create(request, membership, fitted.form, changes=fitted.changes)
    if fitted.changes:  # without scripts, another model was chosen and Generate pressed at once
        return _show_create(
            request, membership, fitted.form.renewed(), status=409, changes=fitted.changes
        )
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
            also=lambda made: [claim.record(201, {"ids": [one.id for one in made]})],
        )
    except (IntegrityError, Refusal) as problem:
        return _explain(request, membership, form, claim, problem)
    return _show_made([one.id for one in made])


def _show_made(ids: list[str]) -> HttpResponse:
    return redirect(f"{reverse('create')}?{urlencode([('after', id) for id in ids])}")


def _explain(
    request: HttpRequest,
    membership: Membership,
    form: CreateForm,
    claim: Claim,
    problem: IntegrityError | Refusal,
) -> HttpResponse:
    """Where the first sending of this form led, or the same form with the refusal where it belongs."""
    try:
        first = claim.replay()
    except IdempotencyConflict:
        # The browser's Back button brought an old form back, and something else was typed into it.
        words = (
            "This form was sent before with other settings. Press Generate to make this one too."
        )
        form.add_error(None, words)
        return _show_create(request, membership, form.renewed(), status=409)
    if first:
        return _show_made(first.data["ids"])
    if isinstance(problem, IntegrityError):
        raise problem
    if isinstance(problem, InsufficientCredits | InDebt):
        return _show_create(request, membership, form.renewed(), status=402, unpaid=problem)
    if isinstance(problem, BudgetExceeded):
        return _show_create(request, membership, form.renewed(), status=402, over_budget=problem)
    if problem.param == "quote_id":
        return _hold_price(request, membership, form, unbound=problem)
    form.explain(problem)
    return _show_create(request, membership, form.renewed(), status=problem.status)


def _form_to_start_with(request: HttpRequest, membership: Membership) -> CreateForm:
    """Empty, or with the settings of the generation in the address, or with what the address says."""
    # Of several that were made together each has the same settings.
    after = request.GET.getlist("after")[:GENERATIONS_MAX]
    if source := request.GET.get("from") or next(iter(after), ""):
        generation = get_object_or_404(generations_of(membership), pk=source)
        return forms.again(generation, count=max(1, len(after)))
    allowance = allowances.of(membership.organization, member=membership)
    model = catalog.find(request.GET.get("model", ""))
    model = model or allowance.model_default(forms.empty().model)
    typed = {"family": model.family.value, "tier": model.tier.value}
    typed["resolution"] = allowance.resolution_default(model)
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
    over_budget: Refusal | None = None,
    unbound: Refusal | None = None,
    changes: list[str] | None = None,
    moved_to: str = "",
) -> HttpResponse:
    """`changes` says what another model made of the form, `moved_to` which file has just been moved."""
    after = request.GET.getlist("after")[:GENERATIONS_MAX]
    seen = generations_of(membership)
    shown = seen.filter(pk__in=after).order_by("id") if after else seen.order_by("-id")[:1]
    made = list(shown)
    others = list(seen.exclude(pk__in=[one.pk for one in made]).order_by("-id")[:BEFORE])
    context = playground_parts.of(form, membership, unbound=unbound) | {
        "balance_now": balances.of(membership.organization),
        "result": made[0] if made else None,
        "together": made[1:],
        "others": others,
        "progress_of": queue_position.of_all([*made, *others]),
        "changes": changes,
        "moved_to": moved_to,
        "is_refused": status >= 400,
        "unpaid": unpaid,
        "over_budget": over_budget,
        "can_set_budgets": roles.can_set_budgets(membership),
        "who_sets_budgets": _who_sets_budgets(membership) if over_budget else "",
    }
    return render(request, "generations/create.html", context, status=status)


def _who_sets_budgets(membership: Membership) -> str:
    """Names of those who may: "Ann or Ben", "Ann, Ben, Cleo or another admin"."""
    found = Membership.objects.filter(
        organization=membership.organization, role__in=roles.ADMINS
    ).select_related("user")
    names = [str(one.user) for one in found.order_by("id")[: ADMINS_NAMED + 1]]
    if len(names) > ADMINS_NAMED:
        names[ADMINS_NAMED:] = ["another admin"]
    return " or ".join(filter(None, (", ".join(names[:-1]), names[-1])))


@require_http_methods(["GET", "POST"])
@pages.for_members
def quote_bind(request: HttpRequest, membership: Membership) -> HttpResponse:
    """POST binds us to the price of what is typed, as POST /quotes does. GET, a reload, starts anew."""
    if request.method == "GET":
        return redirect("create")
    pages.require(roles.can_spend(membership))
    return _hold_price(request, membership, CreateForm(request.POST))


def _hold_price(
    request: HttpRequest,
    membership: Membership,
    form: CreateForm,
    *,
    unbound: Refusal | None = None,
) -> HttpResponse:
    """Keep a quote for what is typed and draw the form with it; a repeat keeps another. Holds no credits."""
    wanted = form.request(with_quote=False)
    if wanted is None:
        return _show_create(request, membership, form.renewed(), status=400)
    try:
        quote = quotes.of(membership.organization, wanted, member=membership)
    except (NoRate, Forbidden) as refusal:
        form.explain(refusal)
        return _show_create(request, membership, form.renewed(), status=refusal.status)
    quotes.keep(quote)
    return _show_create(
        request,
        membership,
        form.renewed(quote_id=quote.id),
        status=unbound.status if unbound else 200,
        unbound=unbound,
    )


@require_POST
@pages.for_members
def upload(request: HttpRequest, membership: Membership) -> HttpResponse:
    """One file by itself, as scripts send it: what to write into the form, or why not."""
    pages.require(roles.can_spend(membership))
    files = request.FILES.getlist("file")
    if len(files) != 1:
        return JsonResponse({"message": "Send one file."}, status=400)
    try:
        made = form_files.receive(membership, files[0])
    except Refusal as refusal:
        return JsonResponse({"message": refusal.message}, status=refusal.status)
    kind = made.stored.content_type.split("/")[0]
    return JsonResponse({"kind": kind, "reference": f"upload:{made.id}"}, status=201)


@require_POST
@pages.for_members
def quote(request: HttpRequest, membership: Membership) -> HttpResponse:
    """The live parts of Create for what is typed so far. Buys nothing."""
    context = playground_parts.of(CreateForm(request.POST), membership) | {"oob": True}
    return render(request, "generations/create/live.html", context)

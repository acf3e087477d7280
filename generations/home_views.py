"""Home: what is there, what is spent, what waits for a person, what was made last, what a newcomer does next."""

from typing import Any

from django.db.models import Count, Exists, Q, Sum
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_GET

from accounts import context, pages, roles
from accounts.models import ApiKey, Invitation, Membership, Organization
from billing import attention, balances, budgets
from billing.budgets_views import PERIODS
from billing.models import Budget, Grant, UsageRecord
from generations import queue_position, snippets, states
from generations.models import Generation
from generations.views import DEMO, generations_of

LATEST = 5
RUNNING_SHOWN = 20
LOW_BALANCE_MICROUSD = 5_000_000


@require_GET
@pages.for_members
def home(request: HttpRequest, membership: Membership) -> HttpResponse:
    generations = generations_of(membership)
    running = list(generations.exclude(state__in=states.FINAL).order_by("-id")[:RUNNING_SHOWN])
    ended = list(generations.filter(state__in=states.FINAL).order_by("-id")[:LATEST])
    # A video is the better lead than a failure that is newer.
    latest = next((one for one in ended if one.poster_file), ended[0] if ended else None)
    month = timezone.now().replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    spent = UsageRecord.objects.filter(
        organization=membership.organization, settled_at__gte=month
    ).aggregate(microusd=Sum("amount_microusd"), generations=Count("id"))
    balance = balances.of(membership.organization)
    limits = _budgets(membership)
    shown = {
        "running": running,
        "progress_of": queue_position.of_all(running),
        "latest": latest,
        "earlier": [one for one in ended if one is not latest],
        "month": month,
        "spent_microusd": spent["microusd"] or 0,
        "spent_generations": spent["generations"],
        "balance_now": balance,
        "budgets": limits,
        "budgets_full": [row for row in limits if row["is_full"]],
        "can_set_budgets": roles.can_set_budgets(membership),
        # Who does not read the ledger can do nothing about it.
        "money_waits": (
            attention.of(membership.organization) if roles.can_see_ledger(membership) else None
        ),
        "is_low": balance.available_microusd < LOW_BALANCE_MICROUSD,
        "steps": _first_steps(membership),
        "demo": snippets.of(DEMO)[0],
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
            "each": dict(PERIODS)[Budget.Period(standing.period)],
            "is_full": standing.left_microusd == 0,
        }
        for standing in budgets.that_apply(organization, member_id=membership.id)
    ]


def _first_steps(membership: Membership) -> list[dict[str, Any]]:
    """What a new organization does first, as far as this member may; empty once all of it is done.

    One query: each answer is an EXISTS beside the others.
    """
    organization = membership.organization
    others = Membership.with_former.filter(organization=organization).exclude(pk=membership.pk)
    mine = {"organization": organization}
    wanted: list[tuple[str, Exists | Q, str, str]] = [
        ("Add credits", Exists(Grant.objects.filter(**mine)), "billing", "buy some"),
        (
            "Make a video",
            Exists(Generation.objects.filter(**mine, state=states.State.SUCCEEDED)),
            "create",
            "fill in the form",
        ),
        ("Make a key", Exists(ApiKey.objects.filter(**mine)), "keys", "go to the keys"),
        ("Set a budget", Exists(Budget.objects.filter(**mine)), "budgets", "set one"),
        (
            "Invite somebody",
            Exists(Invitation.objects.filter(**mine)) | Exists(others),
            "members",
            "go to the members",
        ),
    ]
    may = {
        "billing": roles.can_buy(membership),
        "create": roles.can_spend(membership),
        "keys": roles.can_manage_keys(membership),
        "budgets": roles.can_set_budgets(membership),
        "members": roles.can_manage_members(membership),
    }
    places = {place.name: place.url for place in context.places_for(membership)}
    shown = [row for row in wanted if may[row[2]] and row[2] in places]
    if not shown:
        return []
    done = (
        Organization.objects.filter(pk=organization.pk)
        .annotate(**{f"has_{name}": exists for _, exists, name, _ in shown})
        .values(*(f"has_{name}" for _, _, name, _ in shown))
        .get()
    )
    steps = [
        {"word": word, "done": done[f"has_{name}"], "url": places[name], "link": link}
        for word, _, name, link in shown
    ]
    return [] if all(step["done"] for step in steps) else steps

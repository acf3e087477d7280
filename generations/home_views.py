"""Home: what is there, what is spent, what waits for a person, what was made last, what a newcomer does next."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import BigIntegerField, Count, Exists, OuterRef, Q, Subquery, Sum
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_GET

from accounts import context, pages, roles, webhook_endpoints
from accounts.models import ApiKey, Invitation, Membership, Organization
from billing import attention, balances, budget_rows, budgets
from billing.models import Budget, Grant, UsageRecord
from generations import queue_position, snippets, states
from generations.models import Generation
from generations.views import generations_of

LATEST = 5
RUNNING_SHOWN = 20
LOW_BALANCE_MICROUSD = 5_000_000


@require_GET
@pages.for_members
def home(request: HttpRequest, membership: Membership) -> HttpResponse:
    newest = _newest(membership)
    running = [one for one in newest if not one.is_final]
    ended = [one for one in newest if one.is_final]
    # A video is the better lead than a failure that is newer.
    latest = next((one for one in ended if one.poster_file), ended[0] if ended else None)
    month = timezone.now().replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    steps = _first_steps(membership)
    facts = _facts(membership, month, steps)
    balance = balances.of(membership.organization)
    limits = _budgets(membership)
    shown = {
        "running": running,
        "progress_of": queue_position.of_all(running),
        "latest": latest,
        "earlier": [one for one in ended if one is not latest],
        "month": month,
        "spent_microusd": facts["spent_microusd"] or 0,
        "spent_generations": facts["spent_generations"] or 0,
        "balance_now": balance,
        "budgets": limits,
        "budgets_full": [row for row in limits if row["is_full"]],
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
        "is_low": balance.available_microusd < LOW_BALANCE_MICROUSD
        and not membership.organization.closed_at,
        "steps": _undone(steps, facts),
        "demo": snippets.of(snippets.DEMO)[0],
    }
    return render(request, "generations/home.html", shown)


def _newest(membership: Membership) -> list[Generation]:
    """The newest that run, and the newest that have ended, in one query."""
    mine = Generation.objects.filter(organization=membership.organization).order_by("-id")
    running = mine.exclude(state__in=states.FINAL).values("pk")[:RUNNING_SHOWN]
    ended = mine.filter(state__in=states.FINAL).values("pk")[:LATEST]
    both = Q(pk__in=running) | Q(pk__in=ended)
    return list(generations_of(membership).filter(both).order_by("-id"))


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


@dataclass(frozen=True)
class Step:
    """What a new organization does first. `name` is the place where it is done."""

    word: str
    name: str
    link: str
    url: str | None
    done: Exists | Q


def _first_steps(membership: Membership) -> list[Step]:
    """As far as this member may."""
    mine = {"organization": membership.organization}
    others = Membership.with_former.filter(**mine).exclude(pk=membership.pk)
    videos = Generation.objects.filter(**mine, state=states.State.SUCCEEDED)
    invited = Exists(Invitation.objects.filter(**mine)) | Exists(others)
    keys = ApiKey.objects.filter(**mine)
    budgets_set = Budget.objects.filter(**mine)
    places = {place.name: place.url for place in context.places_for(membership)}
    steps: list[tuple[bool, str, str, str, Exists | Q]] = [
        (roles.can_buy(membership), "Add credits", "billing", "Buy credits",
         Exists(Grant.objects.filter(**mine))),
        (roles.can_spend(membership), "Make a video", "create", "Open the form", Exists(videos)),
        (roles.can_manage_keys(membership), "Make a key", "keys", "Go to keys", Exists(keys)),
        (roles.can_set_budgets(membership), "Set a budget", "budgets", "Go to budgets",
         Exists(budgets_set)),
        (roles.can_manage_members(membership), "Invite somebody", "members", "Go to members",
         invited),
    ]  # fmt: skip
    return [
        Step(word, name, link, places[name], done)
        for may, word, name, link, done in steps
        if may and name in places
    ]


def _facts(membership: Membership, month: datetime, steps: list[Step]) -> dict[str, Any]:
    """What was charged since then, and which steps are done, in one query."""
    usage = (
        UsageRecord.objects.filter(organization=OuterRef("pk"), settled_at__gte=month)
        .order_by()
        .values("organization")
    )
    asked: dict[str, Any] = {f"has_{step.name}": step.done for step in steps}
    asked["spent_microusd"] = Subquery(
        usage.annotate(all=Sum("amount_microusd")).values("all"), output_field=BigIntegerField()
    )
    asked["spent_generations"] = Subquery(usage.annotate(all=Count("id")).values("all"))
    ours = Organization.objects.filter(pk=membership.organization_id)
    facts: dict[str, Any] = ours.annotate(**asked).values(*asked).get()
    return facts


def _undone(steps: list[Step], facts: dict[str, Any]) -> list[dict[str, Any]]:
    """The steps as they are shown; none once all of them are done."""
    shown = [
        {"word": step.word, "link": step.link, "url": step.url, "done": facts[f"has_{step.name}"]}
        for step in steps
    ]
    return [] if all(step["done"] for step in shown) else shown

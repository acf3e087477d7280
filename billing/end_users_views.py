"""The page of end users: parse, call, render."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_GET

from accounts import pages, roles
from accounts.models import Membership
from billing import budget_rows, end_users
from billing.models import Budget

SHOWN = 50


@require_GET
@pages.for_members
def end_users_page(request: HttpRequest, membership: Membership) -> HttpResponse:
    """Who spends what this month, and under which budget: by name, those whose name begins with `?id=`, or
    with `?by=spent` whoever was charged most.
    """
    pages.require(
        roles.can_see_ledger(membership),
        "What end users spend is seen by owners, admins and who does the billing.",
    )
    organization, now = membership.organization, timezone.now()
    asked, after = (request.GET.get(name, "") for name in ("id", "after"))
    asked, is_by_spent = asked.strip(), request.GET.get("by") == "spent"
    if is_by_spent:
        ids = end_users.who_spent_most(organization, limit=SHOWN, now=now)
    else:
        ids = end_users.ids(organization, prefix=asked, after=after, limit=SHOWN + 1)
    subjects = [budget_rows.of_end_user(id) for id in ids[:SHOWN]]
    rows = budget_rows.draw(
        organization, [budget_rows.of_each(Budget.Scope.END_USER), *subjects], now=now
    )
    context = {
        "asked": asked,
        "is_by_spent": is_by_spent,
        "is_first": not after,
        "next_after": ids[SHOWN - 1] if len(ids) > SHOWN else "",
        "default": rows[Budget.Scope.END_USER, Budget.EACH],
        "rows": [rows[one.key] for one in subjects],
        "can_set": roles.can_set_budgets(membership),
    }
    return render(request, "billing/end_users.html", context)

"""Who hit a budget and when: kept for the people who set it. Written after a refusal, never within a hold."""

from collections.abc import Iterable
from datetime import datetime

from django.db import connection

from accounts.models import Organization
from billing.errors import BudgetExceeded
from billing.models import Budget, BudgetRefusal

KEPT = 20  # of each budget, the latest

# The budget may be gone meanwhile, and another refusal of this minute may have been first: then nothing is
# written. What is too many goes in the same statement, which does not see the row that it writes.
_NOTE = """
WITH noted AS (
    INSERT INTO billing_budgetrefusal (organization_id, budget_id, subject_id, member_id, api_key_id,
            limit_microusd, spent_microusd, held_microusd, needed_microusd, minute, refused_at)
        SELECT organization_id, id, %(subject)s, %(member)s, %(api_key)s, %(limit)s, %(spent)s, %(held)s,
               %(needed)s, date_trunc('minute', %(now)s), %(now)s
            FROM billing_budget WHERE id = %(budget)s AND organization_id = %(organization)s
            FOR KEY SHARE
        ON CONFLICT (budget_id, minute) DO NOTHING
        RETURNING budget_id
)
DELETE FROM billing_budgetrefusal WHERE budget_id IN (SELECT budget_id FROM noted) AND id NOT IN (
    SELECT id FROM billing_budgetrefusal WHERE budget_id = %(budget)s ORDER BY id DESC LIMIT %(others)s)
"""


def note(
    organization: Organization,
    refusal: BudgetExceeded,
    *,
    member_id: str = "",
    api_key_id: str = "",
    now: datetime,
) -> None:
    """At most one row a minute and budget, and KEPT of them. A repeat writes nothing. One statement, no lock
    but the budget's row against its deletion.
    """
    verdict = refusal.verdict
    with connection.cursor() as cursor:
        cursor.execute(
            _NOTE,
            {
                "organization": organization.pk,
                "budget": verdict["budget"],
                "subject": verdict["id"],
                "member": member_id,
                "api_key": api_key_id,
                "limit": verdict["limit_microusd"],
                "spent": verdict["spent_microusd"],
                "held": verdict["held_microusd"],
                "needed": verdict["needed_microusd"],
                "now": now,
                "others": KEPT - 1,
            },
        )


def latest(
    organization: Organization, budgets: Iterable[Budget]
) -> dict[tuple[str, str], BudgetRefusal]:
    """The last refusal by (budget, whom it counted for). One query."""
    rows = BudgetRefusal.objects.filter(
        organization=organization, budget__in={budget.pk for budget in budgets}
    )
    rows = rows.order_by("budget_id", "subject_id", "-refused_at").distinct(
        "budget_id", "subject_id"
    )
    return {(row.budget_id, row.subject_id): row for row in rows}


def of(budget: Budget, subject_id: str | None = None) -> list[BudgetRefusal]:
    """What is kept of a budget, the latest first; or only what counted for one subject."""
    rows = BudgetRefusal.objects.filter(budget=budget)
    if subject_id is not None:
        rows = rows.filter(subject_id=subject_id)
    return list(rows.order_by("-refused_at"))

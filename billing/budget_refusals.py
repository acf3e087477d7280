"""Who hit a budget and when: kept for the people who set it. Written after a refusal, never within a hold."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from django.db import connection
from django.db.models import CharField, OuterRef, QuerySet, Subquery, Value
from django.db.models.functions import Coalesce, NullIf

from accounts.models import ApiKey, Membership, Organization
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
    """The last refusal by (budget, whom it counted for), and of each budget by (budget, ""). One query."""
    rows = _named().filter(organization=organization, budget__in={budget.pk for budget in budgets})
    found: dict[tuple[str, str], BudgetRefusal] = {}
    for row in rows.order_by("refused_at"):
        found[row.budget_id, row.subject_id] = found[row.budget_id, ""] = row
    return found


def of(budget: Budget) -> Sequence[BudgetRefusal]:
    """What is kept of a budget, the latest first."""
    return list(_named().filter(budget=budget).order_by("-refused_at"))


def _named() -> QuerySet[BudgetRefusal]:
    """With `asker`, what the key or the member is called that asked, whether or not they are still there."""
    keys = ApiKey.objects.filter(pk=OuterRef("api_key_id"))
    members = Membership.with_former.filter(pk=OuterRef("member_id")).annotate(
        said=Coalesce(NullIf("user__name", Value("")), "user__email", output_field=CharField())
    )
    return BudgetRefusal.objects.annotate(
        asker=Coalesce(Subquery(keys.values("name")), Subquery(members.values("said")), Value(""))
    )

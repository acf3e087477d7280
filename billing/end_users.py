"""The end users of an organization: who spends what, under which budget, and how a name is forgotten."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import connection, transaction
from django.db.models import Sum
from django.utils import timezone

from accounts import audit, pseudonyms, webhooks
from accounts.models import ApiKey, Organization, User
from billing import budgets, ledger, periods
from billing.budgets import Standing
from billing.models import Alert, Budget, BudgetRefusal, Hold, SpendingDay, UsageRecord

_IDS = """
SELECT id FROM (
    (SELECT DISTINCT subject_id AS id FROM billing_spendingday
        WHERE organization_id = %(organization)s AND scope = 'end_user' AND subject_id > %(after)s
            AND starts_with(subject_id, %(prefix)s)
        ORDER BY 1 LIMIT %(limit)s)
    UNION
    (SELECT subject_id FROM billing_budget
        WHERE organization_id = %(organization)s AND scope = 'end_user' AND subject_id > %(after)s
            AND starts_with(subject_id, %(prefix)s) AND subject_id <> '*'
        ORDER BY 1 LIMIT %(limit)s)
) AS known ORDER BY id LIMIT %(limit)s
"""

# A pseudonym may have days already: whoever was forgotten came back, and is forgotten again.
_MOVE_SPENDING_DAYS = """
WITH taken AS (
    DELETE FROM billing_spendingday
        WHERE organization_id = %(organization)s AND scope = 'end_user' AND subject_id = %(name)s
        RETURNING *
)
INSERT INTO billing_spendingday AS known
        (organization_id, scope, subject_id, day, held_microusd, charged_microusd)
    SELECT organization_id, scope, %(pseudonym)s, day, held_microusd, charged_microusd FROM taken
    ON CONFLICT (organization_id, scope, subject_id, day) DO UPDATE
        SET held_microusd = known.held_microusd + excluded.held_microusd,
            charged_microusd = known.charged_microusd + excluded.charged_microusd
"""
_MOVE_USAGE_DAYS = """
WITH taken AS (
    DELETE FROM billing_usageday
        WHERE organization_id = %(organization)s AND end_user_id = %(name)s
        RETURNING *
)
INSERT INTO billing_usageday AS known (organization_id, day, end_user_id, member_id, api_key_id,
        labels, records_count, seconds, amount_microusd)
    SELECT organization_id, day, %(pseudonym)s, member_id, api_key_id,
           labels, records_count, seconds, amount_microusd
        FROM taken
    ON CONFLICT (organization_id, day, end_user_id, member_id, api_key_id, labels) DO UPDATE
        SET records_count = known.records_count + excluded.records_count,
            seconds = known.seconds + excluded.seconds,
            amount_microusd = known.amount_microusd + excluded.amount_microusd
"""


@dataclass(frozen=True)
class EndUser:
    """What one end user spends in this month of UTC, and the budget that holds for them, if any does."""

    id: str
    spent_microusd: int
    held_microusd: int
    since: datetime
    budget: Standing | None
    is_budget_inherited: bool  # it is the one of each end user


def ids(organization: Organization, *, prefix: str = "", after: str, limit: int) -> list[str]:
    """Whoever had a hold or has a budget, in the order of their ids: `limit` of them behind `after`.

    With a `prefix` only those that begin with it.
    """
    wanted = {"organization": organization.pk, "prefix": prefix, "after": after}
    with connection.cursor() as cursor:
        cursor.execute(_IDS, {**wanted, "limit": limit})
        return [id for (id,) in cursor.fetchall()]


def who_spent_most(organization: Organization, *, limit: int, now: datetime) -> list[str]:
    """Whoever was charged most in this month of UTC, the most first."""
    days = SpendingDay.objects.filter(
        organization=organization,
        scope=Budget.Scope.END_USER,
        day__gte=periods.first_day("month", now),
    )
    ranked = days.values("subject_id").annotate(charged=Sum("charged_microusd"))
    return [row["subject_id"] for row in ranked.order_by("-charged", "subject_id")[:limit]]


def exists(organization: Organization, end_user_id: str) -> bool:
    subject = {
        "organization": organization,
        "scope": Budget.Scope.END_USER,
        "subject_id": end_user_id,
    }
    return (
        SpendingDay.objects.filter(**subject).exists() or Budget.objects.filter(**subject).exists()
    )


def read(organization: Organization, end_user_ids: Iterable[str]) -> list[EndUser]:
    """These end users as they stand now, in two queries however many they are."""
    now = timezone.now()
    subjects = [(Budget.Scope.END_USER.value, id) for id in end_user_ids]
    return [
        EndUser(
            id=id,
            spent_microusd=found.month_spent_microusd,
            held_microusd=found.month_held_microusd,
            since=periods.starts_at("month", now),
            budget=found.standing if found.budget else None,
            is_budget_inherited=found.is_inherited,
        )
        for (_, id), found in budgets.read(organization, subjects, now=now).items()
    ]


@transaction.atomic
def forget(
    organization: Organization,
    end_user_id: str,
    *,
    actor: User | None = None,
    api_key: ApiKey | None = None,
    address: str | None = None,
) -> str:
    """Every row of money says the pseudonym instead of the name from now on; the pseudonym.

    No amount changes, open holds included; the end user's own budget, alert and refusals go. A repeat finds
    nothing left. One audit row, which has the pseudonym only. Locks the wallet.
    """
    ledger.lock(organization)
    pseudonym = pseudonyms.of(organization, end_user_id)
    named = {"organization": organization, "end_user_id": end_user_id}
    changed = [
        Hold.objects.filter(**named).update(end_user_id=pseudonym),
        UsageRecord.objects.filter(**named).update(end_user_id=pseudonym),
        webhooks.rename_end_user(organization, end_user_id, pseudonym),
        *_delete_limits(organization, end_user_id),
    ]
    with connection.cursor() as cursor:
        for move in (_MOVE_SPENDING_DAYS, _MOVE_USAGE_DAYS):
            cursor.execute(
                move,
                {"organization": organization.pk, "name": end_user_id, "pseudonym": pseudonym},
            )
            changed.append(cursor.rowcount)
    if any(changed):
        audit.note(
            organization,
            "end_user.forgotten",
            pseudonym,
            actor=actor,
            api_key=api_key,
            address=address,
        )
    return pseudonym


def _delete_limits(organization: Organization, end_user_id: str) -> Sequence[int]:
    """Their own budget and its refusals, and what the one of each refused them."""
    limits, _ = Budget.objects.filter(
        organization=organization, scope=Budget.Scope.END_USER, subject_id=end_user_id
    ).delete()
    alerts, _ = Alert.objects.filter(
        organization=organization,
        kind=Alert.Kind.BUDGET,
        subject=f"{Budget.Scope.END_USER}:{end_user_id}",
    ).delete()
    refusals = BudgetRefusal.objects.filter(
        organization=organization,
        budget__scope=Budget.Scope.END_USER,
        subject_id=end_user_id,
    )
    return limits, alerts, refusals.delete()[0]

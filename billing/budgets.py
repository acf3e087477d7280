"""Who may spend how much in which period. Admission itself is in `ledger.hold`, under the wallet's lock."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from django.db import connection, transaction
from django.db.models import Q, Sum
from django.utils import timezone

from accounts import audit, pseudonyms
from accounts.models import ApiKey, Organization, User
from billing import periods
from billing.models import Budget, Hold, SpendingDay
from seedance_saas.api import usd


@dataclass(frozen=True)
class Standing:
    """How a budget stands for one subject now. `limit_microusd` None: nothing is limited."""

    scope: str
    id: str
    period: str
    limit_microusd: int | None
    spent_microusd: int
    held_microusd: int
    resets_at: datetime | None

    @property
    def left_microusd(self) -> int | None:
        if self.limit_microusd is None:
            return None
        return max(0, self.limit_microusd - self.spent_microusd - self.held_microusd)


def subjects(
    organization_id: str, *, member_id: str, api_key_id: str, end_user_id: str
) -> Iterator[tuple[str, str]]:
    """The subjects of one hold, the widest scope first: as `billing_subjects` in SQL."""
    yield Budget.Scope.ORGANIZATION, organization_id
    for scope, subject_id in (
        (Budget.Scope.MEMBER, member_id),
        (Budget.Scope.API_KEY, api_key_id),
        (Budget.Scope.END_USER, end_user_id),
    ):
        if subject_id:
            yield scope, subject_id


def find(organization: Organization, scope: str, subject_id: str) -> Budget | None:
    """The budget that holds for the subject: its own, or for an end user the one for every end user."""
    budgets = Budget.objects.filter(organization=organization, scope=scope)
    own = budgets.filter(subject_id=subject_id).first()
    if own or scope != Budget.Scope.END_USER:
        return own
    return budgets.filter(subject_id=Budget.EVERY_END_USER).first()


def standing(
    organization: Organization, scope: str, subject_id: str, budget: Budget, *, now: datetime
) -> Standing:
    """What the subject spent and holds in the budget's present period. Reads without a lock."""
    spent = SpendingDay.objects.filter(
        organization=organization,
        scope=scope,
        subject_id=subject_id,
        day__gte=periods.first_day(budget.period, now),
        day__lte=now.astimezone(UTC).date(),
    ).aggregate(held=Sum("held_microusd", default=0), charged=Sum("charged_microusd", default=0))
    return Standing(
        scope=scope,
        id=subject_id,
        period=budget.period,
        limit_microusd=budget.limit_microusd,
        spent_microusd=spent["charged"],
        held_microusd=spent["held"],
        resets_at=periods.ends_at(budget.period, now),
    )


def standings(
    organization: Organization, scope: str, subject_ids: Sequence[str], *, now: datetime
) -> dict[str, Standing]:
    """How the own budget of each subject stands, in two queries; without one: nothing limits this month."""
    own = {
        one.subject_id: one
        for one in Budget.objects.filter(
            organization=organization, scope=scope, subject_id__in=subject_ids
        )
    }
    nothing = Budget(scope=scope, limit_microusd=None, period=Budget.Period.MONTH)
    of = {id: own.get(id, nothing) for id in subject_ids}
    counts = Q(pk__in=[])
    for period in Budget.Period.values:
        whose = [id for id, budget in of.items() if budget.period == period]
        counts |= Q(subject_id__in=whose, day__gte=periods.first_day(period, now))
    days = SpendingDay.objects.filter(
        counts, organization=organization, scope=scope, day__lte=now.astimezone(UTC).date()
    )
    sums = {
        row["subject_id"]: row
        for row in days.values("subject_id").annotate(
            held=Sum("held_microusd"), charged=Sum("charged_microusd")
        )
    }
    none = {"held": 0, "charged": 0}
    return {
        id: Standing(
            scope=scope,
            id=id,
            period=budget.period,
            limit_microusd=budget.limit_microusd,
            spent_microusd=sums.get(id, none)["charged"],
            held_microusd=sums.get(id, none)["held"],
            resets_at=periods.ends_at(budget.period, now),
        )
        for id, budget in of.items()
    }


def that_apply(
    organization: Organization, *, member_id: str = "", api_key_id: str = "", end_user_id: str = ""
) -> list[Standing]:
    """Every budget that a hold on these accounts would have to pass, as it stands now."""
    now = timezone.now()
    found = []
    for scope, subject_id in subjects(
        organization.pk, member_id=member_id, api_key_id=api_key_id, end_user_id=end_user_id
    ):
        budget = find(organization, scope, subject_id)
        if budget and budget.limit_microusd is not None:
            found.append(standing(organization, scope, subject_id, budget, now=now))
    return found


@transaction.atomic
def set_limit(
    organization: Organization,
    scope: str,
    subject_id: str,
    *,
    limit_microusd: int | None,
    period: str,
    actor: User | None = None,
    api_key: ApiKey | None = None,
    address: str | None = None,
) -> Budget:
    """0 denies, None lifts. Counts from the next hold on; what runs is untouched. One audit row."""
    before = Budget.objects.filter(
        organization=organization, scope=scope, subject_id=subject_id
    ).first()
    budget, _ = Budget.objects.update_or_create(
        organization=organization,
        scope=scope,
        subject_id=subject_id,
        defaults={"limit_microusd": limit_microusd, "period": period, "is_watched": False},
    )
    audit.note(
        organization,
        "budget.set",
        budget.id,
        actor=actor,
        api_key=api_key,
        address=address,
        before=_terms(before),
        after={**_subject(budget), **_terms(budget)},
    )
    return budget


@transaction.atomic
def remove(
    budget: Budget,
    *,
    actor: User | None = None,
    api_key: ApiKey | None = None,
    address: str | None = None,
) -> None:
    """From the next hold on nothing limits the subject but the wider budgets. One audit row."""
    deleted, _ = Budget.objects.filter(pk=budget.pk).delete()
    if deleted:
        audit.note(
            budget.organization,
            "budget.removed",
            budget.id,
            actor=actor,
            api_key=api_key,
            address=address,
            before={**_subject(budget), **_terms(budget)},
        )


def _subject(budget: Budget) -> dict[str, str]:
    """An audit row stays for ever, and an end user's name may have to go: it has the pseudonym."""
    named = budget.scope != Budget.Scope.END_USER or budget.subject_id == Budget.EVERY_END_USER
    subject = budget.subject_id if named else pseudonyms.of(budget.organization, budget.subject_id)
    return {"scope": budget.scope, "subject": subject}


def _terms(budget: Budget | None) -> dict[str, str | None]:
    if budget is None:
        return {}
    limit = None if budget.limit_microusd is None else usd(budget.limit_microusd)
    return {"limit_usd": limit, "period": budget.period}


RESOLVE = """
    WITH resolved AS (
        UPDATE billing_hold SET captured_microusd = %(captured)s, resolved_at = %(at)s
        WHERE id = %(hold)s RETURNING *
    )
    UPDATE billing_spendingday AS spent
        SET held_microusd = held_microusd - resolved.amount_microusd,
            charged_microusd = charged_microusd + resolved.captured_microusd
        FROM resolved
        CROSS JOIN LATERAL billing_subjects(resolved.organization_id::text, to_jsonb(resolved)) AS subject
        WHERE spent.organization_id = resolved.organization_id AND spent.scope = subject.scope
            AND spent.subject_id = subject.id
            AND day = (resolved.created_at AT TIME ZONE 'UTC')::date
"""


def note_resolved(hold: Hold) -> None:
    """Keep what was captured: what was held counts as charged, or not at all, on the day on which it
    was held.

    One statement, under the wallet's lock that the caller has.
    """
    assert hold.captured_microusd is not None, hold.reference
    with connection.cursor() as cursor:
        cursor.execute(
            RESOLVE,
            {"captured": hold.captured_microusd, "at": hold.resolved_at, "hold": hold.id},
        )

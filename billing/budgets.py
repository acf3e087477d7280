"""Who may spend how much in which period. Admission itself is in `ledger.hold`, under the wallet's lock."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Q, Sum
from django.utils import timezone

from accounts import audit, pseudonyms
from accounts.models import ApiKey, Organization, User
from billing import ledger, periods, spending
from billing.models import Budget, SpendingDay
from seedance_saas.api import usd

PERIOD_DEFAULT = Budget.Period.MONTH


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


@dataclass(frozen=True)
class Found:
    """One subject: the budget that holds for it if any does, and what it used of it and of this month."""

    budget: Budget | None
    standing: Standing
    month_spent_microusd: int
    month_held_microusd: int
    is_inherited: bool  # it is the one of each, not the subject's own


def find(organization: Organization, scope: str, subject_id: str) -> Budget | None:
    """The budget that holds for the subject: its own, or the one of each without one of their own."""
    budgets = Budget.objects.filter(
        organization=organization, scope=scope, subject_id__in=[subject_id, Budget.EACH]
    )
    return _nearest({budget.subject_id: budget for budget in budgets}, subject_id)


def _nearest(budgets: Mapping[str, Budget], subject_id: str) -> Budget | None:
    return budgets.get(subject_id) or budgets.get(Budget.EACH)


def standing(
    organization: Organization, scope: str, subject_id: str, budget: Budget, *, now: datetime
) -> Standing:
    """What the subject spent and holds in the budget's present period. Reads without a lock."""
    spent = SpendingDay.objects.filter(
        _within(budget.period, now), organization=organization, scope=scope, subject_id=subject_id
    ).aggregate(held=Sum("held_microusd", default=0), charged=Sum("charged_microusd", default=0))
    return _standing(scope, subject_id, budget, spent["charged"], spent["held"], now)


def _standing(
    scope: str, subject_id: str, budget: Budget, spent: int, held: int, now: datetime
) -> Standing:
    return Standing(
        scope=scope,
        id=subject_id,
        period=budget.period,
        limit_microusd=budget.limit_microusd,
        spent_microusd=spent,
        held_microusd=held,
        resets_at=periods.ends_at(budget.period, now),
    )


def read(
    organization: Organization,
    subjects: Iterable[tuple[str, str]],
    *,
    now: datetime,
    budgets: Iterable[Budget] | None = None,
) -> dict[tuple[str, str], Found]:
    """How these subjects stand, in their order, in two queries however many they are. Without a lock.

    Whoever has read the `budgets` that may hold for them saves one.
    """
    wanted = list(subjects)
    if budgets is None:
        budgets = Budget.objects.filter(_about(wanted, Budget.EACH), organization=organization)
    known: dict[str, dict[str, Budget]] = {scope: {} for scope, _ in wanted}
    for budget in budgets:
        known.setdefault(budget.scope, {})[budget.subject_id] = budget
    sums = {
        f"{kind}_{period}": Sum(f"{kind}_microusd", filter=_within(period, now), default=0)
        for kind in ("held", "charged")
        for period in Budget.Period.values
    }
    days = SpendingDay.objects.filter(_about(wanted), organization=organization)
    spent: dict[tuple[str, str], dict[str, Any]] = {
        (row["scope"], row["subject_id"]): {**row}
        for row in days.values("scope", "subject_id").annotate(**sums)
    }
    nothing = dict.fromkeys(sums, 0)
    return {
        (scope, id): _found(
            scope, id, _nearest(known[scope], id), spent.get((scope, id), nothing), now
        )
        for scope, id in wanted
    }


def _within(period: str, now: datetime) -> Q:
    """All days of the period, as admission counts them: a clock that is ahead may have written tomorrow's."""
    return Q(day__gte=periods.first_day(period, now), day__lt=periods.next_first_day(period, now))


def _about(subjects: Iterable[tuple[str, str]], *also: str) -> Q:
    """Rows of these subjects, and of the subjects `also` in each of their scopes."""
    ids: dict[str, set[str]] = {}
    for scope, id in subjects:
        ids.setdefault(scope, set(also)).add(id)
    rows = Q(pk=None)
    for scope, them in ids.items():
        rows |= Q(scope=scope, subject_id__in=them)
    return rows


def _found(
    scope: str, id: str, budget: Budget | None, row: Mapping[str, Any], now: datetime
) -> Found:
    terms = budget or Budget(scope=scope, limit_microusd=None, period=PERIOD_DEFAULT)
    spent, held = row[f"charged_{terms.period}"], row[f"held_{terms.period}"]
    return Found(
        budget=budget,
        standing=_standing(scope, id, terms, spent, held, now),
        month_spent_microusd=row["charged_month"],
        month_held_microusd=row["held_month"],
        is_inherited=budget is not None and budget.subject_id != id,
    )


def that_apply(
    organization: Organization, *, member_id: str = "", api_key_id: str = "", end_user_id: str = ""
) -> list[Standing]:
    """Every budget that a hold on these accounts would have to pass, as it stands now."""
    subjects = spending.subjects(
        organization.pk, member_id=member_id, api_key_id=api_key_id, end_user_id=end_user_id
    )
    return [
        found.standing
        for found in read(organization, subjects, now=timezone.now()).values()
        if found.standing.limit_microusd is not None
    ]


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
    """0 denies, None lifts. Counts from the next hold on; what runs is untouched. One audit row.

    Locks the wallet: a hold that was admitted by the terms before has committed when this answers.
    """
    ledger.lock(organization)
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
    """From the next hold on the budget of each holds, or the wider ones. One audit row. Locks the wallet."""
    ledger.lock(budget.organization)
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
    named = budget.scope != Budget.Scope.END_USER or budget.subject_id == Budget.EACH
    subject = budget.subject_id if named else pseudonyms.of(budget.organization, budget.subject_id)
    return {"scope": budget.scope, "subject": subject}


def _terms(budget: Budget | None) -> dict[str, str | None]:
    if budget is None:
        return {}
    limit = None if budget.limit_microusd is None else usd(budget.limit_microusd)
    return {"limit_usd": limit, "period": budget.period}

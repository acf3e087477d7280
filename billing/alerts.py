"""What an organization is told about its balance and its budgets: once per crossing, never twice.

Levels rise as money runs out. A balance is low under $5.00 and exhausted when it pays for nothing any more.
A budget tells at 50 and 80 percent, and at 100 when nothing fits any more: then it is exceeded. Spent
and held count, as in admission. A level that falls is told for the balance only, when it has recovered;
either way the next crossing is told again, and so it is in a new period.

A hold that is refused writes nothing, so it tells nothing: whoever asked has the refusal.
"""

from collections.abc import Iterable, Iterator
from datetime import date, datetime
from typing import Any

from django.db import transaction
from django.db.models import F, Q
from django.utils import timezone

from accounts import mails, webhooks
from accounts.models import Organization
from billing import balances, budgets, periods, presentation, spending
from billing.models import Alert, Budget, Hold, SpendingDay, Transfer, Wallet
from seedance_saas.api import usd

LOW_MICROUSD = 5_000_000
# The smallest hold that anything sold here needs. Less is as good as nothing.
CHEAPEST_MICROUSD = 451_600
PERCENTS = (50, 80, 100)
FINE, LOW, EXHAUSTED = 0, 1, 2
_BALANCE_TYPES = {FINE: "balance.recovered", LOW: "balance.low", EXHAUSTED: "balance.exhausted"}


def due() -> list[str]:
    """Organizations whose money has moved, or whose budgets were set, since they were looked at.

    No index: one pass over wallets is cheaper than keeping one up to date with every hold.
    """
    moved = Wallet.objects.exclude(transfers_count=F("watched_number"))
    reset = Budget.objects.filter(is_watched=False)
    return sorted(
        {
            *moved.values_list("organization_id", flat=True),
            *reset.values_list("organization_id", flat=True),
        }
    )


def watch(organization: Organization) -> list[str]:
    """Tell the organization what it has crossed since it was last looked at; the types of the events.

    Each is an Event and an owed mail, in one transaction. Two at once tell once: the row of
    the balance's alert is locked, and everything is read after it. A repeat tells nothing. The wallet
    is written afterwards, so that no hold waits for this.
    """
    Alert.objects.bulk_create(
        [Alert(organization=organization, kind=Alert.Kind.BALANCE)], ignore_conflicts=True
    )
    now = timezone.now()
    told: list[str] = []
    with transaction.atomic():
        of_balance = Alert.objects.select_for_update().get(
            organization=organization, kind=Alert.Kind.BALANCE, subject=""
        )
        wallet = Wallet.objects.filter(organization=organization).first()
        if wallet and wallet.transfers_count != wallet.watched_number:
            told += _watch_balance(organization, of_balance)
            for scope, id in _subjects_since(organization, wallet.watched_number):
                if budget := budgets.find(organization, scope, id):
                    told += _watch_budget(organization, budget, id, now=now)
        for budget in Budget.objects.filter(organization=organization, is_watched=False):
            for id in _subjects_under(budget, now=now):
                told += _watch_budget(organization, budget, id, now=now)
            # Terms that were set meanwhile are other terms, and are due again.
            Budget.objects.filter(
                pk=budget.pk, limit_microusd=budget.limit_microusd, period=budget.period
            ).update(is_watched=True)
    if wallet:
        # What has moved since it was read has another number, and is due again.
        Wallet.objects.filter(pk=wallet.pk).update(watched_number=wallet.transfers_count)
    return told


def _watch_balance(organization: Organization, alert: Alert) -> list[str]:
    balance = balances.of(organization)
    level = FINE
    if balance.available_microusd < LOW_MICROUSD:
        level = LOW
    if balance.available_microusd < CHEAPEST_MICROUSD or balance.debt_microusd:
        level = EXHAUSTED
    before = alert.level
    if not _move(alert, level, None) or (before == EXHAUSTED and level == LOW):
        return []
    data = {
        "object": "balance",
        "available_usd": usd(balance.available_microusd),
        "held_usd": usd(balance.held_microusd),
        "debt_usd": usd(balance.debt_microusd),
        "threshold_usd": usd(LOW_MICROUSD),
    }
    return [_tell(organization, _BALANCE_TYPES[level], data)]


def _watch_budget(
    organization: Organization, budget: Budget, id: str, *, now: datetime
) -> Iterator[str]:
    """`id` is whom it counts for: of the budget of each, one of them."""
    standing = budgets.standing(organization, budget.scope, id, budget, now=now)
    level = _level(standing)
    first_day = periods.first_day(budget.period, now)
    subject = f"{budget.scope}:{id}"
    alert = Alert.objects.filter(
        organization=organization, kind=Alert.Kind.BUDGET, subject=subject
    ).first()
    if alert is None:
        if not level:
            return
        alert = Alert.objects.create(
            organization=organization,
            kind=Alert.Kind.BUDGET,
            subject=subject,
            period_started_on=first_day,
        )
    before = alert.level if alert.period_started_on == first_day else 0
    if not _move(alert, level, first_day) or level <= before:
        return
    data = presentation.budget(standing) | {"percent": level}
    yield _tell(organization, "budget.threshold", data, mail=level < PERCENTS[-1])
    if level == PERCENTS[-1]:
        yield _tell(organization, "budget.exceeded", data)


def _level(standing: budgets.Standing) -> int:
    """0, or the highest of PERCENTS that is reached. A budget of nothing denies, which is no news."""
    limit, left = standing.limit_microusd, standing.left_microusd
    if not limit or left is None:
        return 0
    used = standing.spent_microusd + standing.held_microusd
    if used and left < CHEAPEST_MICROUSD:
        return PERCENTS[-1]
    return max((percent for percent in PERCENTS if used * 100 >= limit * percent), default=0)


def _move(alert: Alert, level: int, first_day: date | None) -> bool:
    """Remember the level. False if it was the same, or another process was first."""
    if (alert.level, alert.period_started_on) == (level, first_day):
        return False
    return bool(
        Alert.objects.filter(
            pk=alert.pk, level=alert.level, period_started_on=alert.period_started_on
        ).update(level=level, period_started_on=first_day, changed_at=timezone.now())
    )


def _tell(organization: Organization, type: str, data: dict[str, Any], *, mail: bool = True) -> str:
    event = webhooks.publish(organization, type, data)
    if mail:
        mails.owe("billing.alert_mails.compose", event.id)
    return type


def _subjects_since(organization: Organization, number: int) -> set[tuple[str, str]]:
    """Whose spending the transfers behind `number` have changed."""
    holds = Hold.objects.filter(
        pk__in=Transfer.objects.filter(organization=organization, number__gt=number)
        .exclude(hold=None)
        .values("hold_id")
    )
    accounts = holds.values_list("member_id", "api_key_id", "end_user_id").distinct()
    return {
        subject
        for member_id, api_key_id, end_user_id in accounts
        for subject in spending.subjects(
            organization.pk, member_id=member_id, api_key_id=api_key_id, end_user_id=end_user_id
        )
    }


def _subjects_under(budget: Budget, *, now: datetime) -> Iterable[str]:
    """Whom a budget that was just set counts for."""
    if budget.subject_id != Budget.EACH:
        return [budget.subject_id]
    named = Budget.objects.filter(organization=budget.organization_id, scope=budget.scope)
    return (
        SpendingDay.objects.filter(
            Q(organization=budget.organization_id, scope=budget.scope),
            day__gte=periods.first_day(budget.period, now),
        )
        .exclude(subject_id__in=named.values("subject_id"))
        .values_list("subject_id", flat=True)
        .distinct()
    )

"""When the saved card would be charged next, for how much, and what stands in the way. Nothing is decided here."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

from django.db.models import Subquery, Sum
from django.db.models.functions import Coalesce
from django.utils import timezone

from accounts.models import Organization
from billing import auto_top_ups, periods
from billing.balances import Balance
from billing.models import AutoTopUp, Purchase, StripeCustomer, UsageDay


class Obstacle(StrEnum):
    """Why nothing is charged although it is on: the first that holds."""

    SUSPENDED = "suspended"
    DEBT = "debt"
    NO_CARD = "no_card"
    CEILING = "ceiling"  # another charge would pass it
    IN_FLIGHT = "in_flight"
    PAUSED = "paused"  # the card was declined; it is tried again


@dataclass(frozen=True)
class Outlook:
    """`until_microusd` may still be held or charged before the moment comes; 0: it has come."""

    amount_cents: int
    until_microusd: int
    expected_at: datetime | None  # at this month's pace; None if that is more than a year off
    pace_microusd_per_day: int
    charged_cents: int
    left_cents: int  # below the month's ceiling
    month: datetime
    card: StripeCustomer | None
    obstacle: Obstacle | None
    in_flight: Purchase | None
    failed: Purchase | None  # the newest charge, if it failed

    @property
    def charges_left(self) -> int:
        return self.left_cents // self.amount_cents


def of(organization: Organization, top_up: AutoTopUp, balance: Balance) -> Outlook:
    """What the terms of `top_up`, saved or not, mean at this moment. Reads no lock."""
    now = timezone.now()
    available = balance.available_microusd
    until = max(0, available - top_up.threshold_microusd)
    amount_cents = auto_top_ups.next_amount_cents(top_up, min(available, top_up.threshold_microusd))
    newest = _newest(organization, now)
    charged = newest.month_cents if newest else 0
    known: StripeCustomer | None = getattr(top_up.organization, "stripe_customer", None)
    card = known if known and known.payment_method_id else None
    in_flight = newest if newest and newest.is_under_way else None
    failed = newest if newest and newest.state == Purchase.State.FAILED else None
    pace = _pace(organization, now)
    days = until // pace if pace else 366
    return Outlook(
        amount_cents=amount_cents,
        until_microusd=until,
        expected_at=now + timedelta(days=days) if days <= 365 else None,
        pace_microusd_per_day=pace,
        charged_cents=charged,
        left_cents=max(0, top_up.ceiling_cents - charged),
        month=periods.starts_at("month", now),
        card=card,
        obstacle=_obstacle(top_up, balance, card, charged + amount_cents, in_flight, now),
        in_flight=in_flight,
        failed=failed,
    )


def _newest(organization: Organization, now: datetime) -> Any:
    """The newest charge; its `month_cents` is what this month has seen charged. One query."""
    charges = auto_top_ups.charges(organization, now).order_by().values("organization")
    month = charges.annotate(cents=Sum("amount_cents")).values("cents")
    every = Purchase.objects.filter(
        organization=organization, origin=Purchase.Origin.AUTO_TOP_UP
    ).annotate(month_cents=Coalesce(Subquery(month), 0))
    return every.order_by("-id").first()


def _obstacle(
    top_up: AutoTopUp,
    balance: Balance,
    card: StripeCustomer | None,
    charged_then_cents: int,
    in_flight: Purchase | None,
    now: datetime,
) -> Obstacle | None:
    if top_up.suspension:
        return Obstacle.SUSPENDED
    if balance.debt_microusd:
        return Obstacle.DEBT
    if in_flight:
        return Obstacle.IN_FLIGHT
    if card is None:
        return Obstacle.NO_CARD
    if charged_then_cents > top_up.ceiling_cents:
        return Obstacle.CEILING
    if top_up.next_attempt_at and top_up.next_attempt_at > now:
        return Obstacle.PAUSED
    return None


def _pace(organization: Organization, now: datetime) -> int:
    """What a day of this month has cost so far."""
    today = now.astimezone(UTC).date()
    used = UsageDay.objects.filter(
        organization=organization, day__gte=today.replace(day=1), day__lte=today
    ).aggregate(microusd=Sum("amount_microusd", default=0))["microusd"]
    return int(used) // today.day

"""The periods of budgets: days, ISO weeks and months of UTC. The same as `billing_period_start` in SQL."""

from datetime import UTC, date, datetime, time, timedelta


def first_day(period: str, now: datetime) -> date:
    """The day on which the period of `now` began."""
    today = now.astimezone(UTC).date()
    if period == "day":
        return today
    if period == "week":
        return today - timedelta(days=today.weekday())
    if period == "month":
        return today.replace(day=1)
    assert period == "lifetime", period
    return date.min


def starts_at(period: str, now: datetime) -> datetime:
    """When the period of `now` began; not for a lifetime."""
    return datetime.combine(first_day(period, now), time(), UTC)


def next_first_day(period: str, now: datetime) -> date:
    """The day on which the next period begins."""
    first = first_day(period, now)
    if period == "lifetime":
        return date.max
    if period == "month":
        return (first + timedelta(days=31)).replace(day=1)
    return first + timedelta(days=1 if period == "day" else 7)


def ends_at(period: str, now: datetime) -> datetime | None:
    """When the period of `now` is over; None for a lifetime."""
    if period == "lifetime":
        return None
    return datetime.combine(next_first_day(period, now), time(), UTC)

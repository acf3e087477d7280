"""Billing periods: boundaries at an anchor, repeated by an interval. Times are UTC seconds."""

import calendar
from datetime import UTC, datetime, timedelta

from seedance_saas.simulators.stripe.errors import Json

DAYS = {"day": 1, "week": 7}
MONTHS = {"month": 1, "year": 12}


def boundary(anchor: int, recurring: Json, number: int, day_of_month: int | None = None) -> int:
    """The `number`-th boundary from the anchor, which is number 0.

    A month that is too short ends the period on its last day; the next one has the day again.
    """
    interval, step = recurring["interval"], recurring["interval_count"] * number
    at = datetime.fromtimestamp(anchor, UTC)
    if interval in DAYS:
        return int((at + timedelta(days=DAYS[interval] * step)).timestamp())
    months = at.year * 12 + at.month - 1 + MONTHS[interval] * step
    year, month = divmod(months, 12)
    last = calendar.monthrange(year, month + 1)[1]
    day = min(day_of_month or at.day, last)
    return int(at.replace(year=year, month=month + 1, day=day).timestamp())


def end_after(anchor: int, recurring: Json, moment: int, day_of_month: int | None = None) -> int:
    """The first boundary that is later than `moment`."""
    number = 0
    while boundary(anchor, recurring, number, day_of_month) <= moment:
        number += 1
    return boundary(anchor, recurring, number, day_of_month)


def next_on(config: Json, now: int) -> int:
    """The next time of a `billing_cycle_anchor_config`; what it leaves out is as of now."""
    at = datetime.fromtimestamp(now, UTC)
    clock = {name: config[name] for name in ("hour", "minute", "second") if name in config}
    at = at.replace(microsecond=0, **clock)
    months = at.year * 12 + at.month - 1
    while True:
        year, month = divmod(months, 12)
        day = min(config["day_of_month"], calendar.monthrange(year, month + 1)[1])
        found = int(at.replace(year=year, month=month + 1, day=day).timestamp())
        if found > now and config.get("month", month + 1) == month + 1:
            return found
        months += 1

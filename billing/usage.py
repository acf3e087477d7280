"""What was used and charged: noted in the settling transaction, and reported from its days.

`labels` are opaque here: whoever settles says what tells one kind of work from another, and a report
groups and filters by them as by anything else.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from django.db import connection
from django.db.models import Case, CharField, F, QuerySet, Sum, Value, When
from django.db.models.expressions import Combinable
from django.db.models.fields.json import KeyTextTransform
from django.db.models.functions import Coalesce

from accounts import pseudonyms
from accounts.models import Organization
from billing.models import Hold, UsageDay
from seedance_saas import ids

DAYS_MAX = 366
LABELS = ("model", "resolution")  # those that reports offer
_FIELDS = {"end_user_id": "end_user_id", "member": "member_id", "api_key": "api_key_id"}
FILTERS = (*LABELS, *_FIELDS)
GROUPS = ("day", *FILTERS)

# The record is the referee: only the statement that wrote it adds to its day, and tells Stripe's meters: all
# usage to one, and to the priced one each capture that burned credits of a line. A sandbox meets no Stripe.
_RECORD = """
WITH noted AS (
    INSERT INTO billing_usagerecord (id, organization_id, reference, seconds, amount_microusd,
            end_user_id, member_id, api_key_id, labels, held_at, settled_at)
        VALUES (%(id)s, %(organization)s, %(reference)s, %(seconds)s, %(amount)s, %(end_user)s,
            %(member)s, %(api_key)s, %(labels)s::jsonb, %(held_at)s, %(settled_at)s)
        ON CONFLICT (reference) DO NOTHING
        RETURNING *
), metered AS (
    INSERT INTO billing_meterevent (id, organization_id, meter, reference, value_microusd, seconds,
            end_user_pseudonym, labels, occurred_at, state, due_at, attempts_count, error)
        SELECT counted.id, organization_id, meter, reference, counted.amount_microusd, seconds,
               %(pseudonym)s, labels, settled_at, 'pending', settled_at, 0, ''
            FROM noted CROSS JOIN LATERAL (
                SELECT noted.id, 'usage' AS meter, noted.amount_microusd
                UNION ALL
                SELECT transfer.id, 'invoiced', transfer.amount_microusd
                    FROM billing_transfer AS transfer
                    JOIN billing_grant AS grants ON grants.id = transfer.grant_id
                    WHERE transfer.hold_id = %(hold)s AND transfer.kind = 'capture'
                        AND grants.kind = 'invoice'
            ) AS counted
            WHERE NOT %(is_sandbox)s
)
INSERT INTO billing_usageday AS known (organization_id, day, end_user_id, member_id, api_key_id,
        labels, records_count, seconds, amount_microusd)
    SELECT organization_id, (settled_at AT TIME ZONE 'UTC')::date, end_user_id, member_id, api_key_id,
           labels, 1, seconds, amount_microusd
        FROM noted
    ON CONFLICT (organization_id, day, end_user_id, member_id, api_key_id, labels) DO UPDATE
        SET records_count = known.records_count + excluded.records_count,
            seconds = known.seconds + excluded.seconds,
            amount_microusd = known.amount_microusd + excluded.amount_microusd
"""


def record(organization: Organization, hold: Hold, *, seconds: int, labels: dict[str, str]) -> None:
    """Note what a captured hold was for, add it to its day, and leave word for Stripe's meters: one statement,
    in the caller's transaction.

    A repeat changes nothing. The caller has the wallet's lock, so the days of one organization are
    never waited for.
    """
    assert hold.organization_id == organization.pk, hold.reference
    assert hold.captured_microusd is not None, hold.reference
    assert hold.resolved_at is not None, hold.reference
    assert seconds >= 0, hold.reference
    end_user = hold.end_user_id
    with connection.cursor() as cursor:
        cursor.execute(
            _RECORD,
            {
                "id": ids.new("use"),
                "organization": organization.pk,
                "reference": hold.reference,
                "seconds": seconds,
                "amount": hold.captured_microusd,
                "end_user": end_user,
                "member": hold.member_id,
                "api_key": hold.api_key_id,
                "labels": json.dumps(labels),
                "held_at": hold.created_at,
                "settled_at": hold.resolved_at,
                "hold": hold.id,
                "pseudonym": pseudonyms.of(organization, end_user) if end_user else "",
                "is_sandbox": organization.is_sandbox,
            },
        )


@dataclass(frozen=True)
class Row:
    """What one group used. `group` has a value for every name that was asked for; "" is nobody's."""

    group: dict[str, date | str]
    records_count: int
    seconds: int
    charged_microusd: int


def report(
    organization: Organization,
    first: date,
    last: date,
    group_by: Sequence[str],
    filters: Mapping[str, str] | None = None,
) -> Iterator[Row]:
    """What was settled from `first` up to and without `last` (UTC days), added up by `group_by`.

    One query over days, ordered by the groups as they are named. `group_by` is of GROUPS, and none
    of them gives one row in all; `filters` has exact values by names of FILTERS.
    """
    assert set(group_by) <= set(GROUPS), group_by
    assert timedelta(0) < last - first <= timedelta(days=DAYS_MAX), (first, last)
    days = days_of(organization, first, last, filters or {})
    totals = {
        "total_records": Sum("records_count", default=0),
        "total_seconds": Sum("seconds", default=0),
        "total_microusd": Sum("amount_microusd", default=0),
    }
    if not group_by:
        found: Iterable[Any] = [days.aggregate(**totals)]
    else:
        names = {f"by_{name}": _expression(name) for name in group_by}
        found = days.values(**names).annotate(**totals).order_by(*names)
    for row in found:
        yield Row(
            group={name: row[f"by_{name}"] for name in group_by},
            records_count=row["total_records"],
            seconds=row["total_seconds"],
            charged_microusd=row["total_microusd"],
        )


def by_day(
    organization: Organization,
    first: date,
    last: date,
    name: str,
    values: Sequence[str],
    filters: Mapping[str, str],
) -> Iterator[tuple[date, str | None, int]]:
    """What each day charged in micro-dollars for each of `values` of `name`, and for all others together: None.

    One query, whose rows are as many as days and values, however many others there are.
    """
    days = days_of(organization, first, last, filters).annotate(by=_expression(name))
    shown = Case(When(by__in=values, then=F("by")), default=None, output_field=CharField())
    rows = days.values("day", shown=shown).annotate(charged=Sum("amount_microusd"))
    for row in rows.order_by("day"):
        yield row["day"], row["shown"], row["charged"]


def days_of(
    organization: Organization, first: date, last: date, filters: Mapping[str, str]
) -> QuerySet[UsageDay]:
    """The days that a report reads: from `first`, without `last`."""
    assert set(filters) <= set(FILTERS), filters
    days = UsageDay.objects.filter(organization=organization, day__gte=first, day__lt=last)
    for name, value in filters.items():
        wanted = {_FIELDS[name]: value} if name in _FIELDS else {"labels__contains": {name: value}}
        days = days.filter(**wanted)
    return days


def _expression(name: str) -> Combinable:
    if name == "day":
        return F("day")
    if name in _FIELDS:
        return F(_FIELDS[name])
    return Coalesce(KeyTextTransform(name, "labels"), Value(""), output_field=CharField())

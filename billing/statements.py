"""The days of an organization's books, closed one after the other, each chained to the one before."""

import time
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from datetime import time as time_of_day
from typing import Any

from django.db import connection, transaction
from django.db.models import OuterRef, Subquery, Value
from django.db.models.functions import Coalesce
from django.utils import timezone

from accounts.models import Organization
from billing import statement_files
from billing.models import Statement, Transfer, Wallet

PIECE = 2_000  # transfers a query, so that memory does not grow with a day


@transaction.atomic
def close_day(organization: Organization, day: date) -> Statement | None:
    """Close `day` (UTC, over): every transfer up to the newest that was made before its end.

    What was made before but committed after the closing belongs to the next statement. None when there
    is nothing to close. A repeat returns the first one; a day before one that is closed stays as it is.
    Locks the wallet, so that nothing is numbered meanwhile.
    """
    ends_at = datetime.combine(day + timedelta(days=1), time_of_day(), UTC)
    assert ends_at <= timezone.now(), day
    Wallet.objects.select_for_update(no_key=True).filter(pk=organization.pk).first()
    closed = Statement.objects.filter(organization=organization)
    before = closed.order_by("-day").first()
    if before and before.day >= day:
        return closed.filter(day=day).first()
    first_number = before.last_number + 1 if before else 1
    newest = (
        Transfer.objects.filter(
            organization=organization, number__gte=first_number, created_at__lt=ends_at
        )
        .order_by("-number")
        .first()
    )
    if newest is None:
        return None
    statement = Statement(
        organization=organization,
        day=day,
        first_number=first_number,
        last_number=newest.number,
        available_after_microusd=newest.available_after_microusd,
        previous_hash=before.hash if before else "",
    )
    statement.hash = _hash(statement, before.available_after_microusd if before else 0)
    statement.save(force_insert=True)
    return statement


def close_missed_days(organization: Organization, *, today: date) -> int:
    """Close every day before `today` that has transfers; how many. Each is a transaction of its own."""
    count = 0
    while (day := _next_day(organization)) and day < today:
        count += close_day(organization, day) is not None
    return count


def close_all(*, seconds_max: float) -> int:
    """Close what is over for every organization; how many days. What time does not allow, the next run does."""
    deadline, count = time.monotonic() + seconds_max, 0
    last_number = Statement.objects.filter(organization=OuterRef("pk")).order_by("-day")
    unclosed = Organization.objects.filter(
        wallet__transfers_count__gt=Coalesce(
            Subquery(last_number.values("last_number")[:1]), Value(0)
        )
    )
    today = timezone.now().astimezone(UTC).date()
    for organization in unclosed.order_by("pk"):
        if time.monotonic() > deadline:
            break
        count += close_missed_days(organization, today=today)
    return count


def _next_day(organization: Organization) -> date | None:
    """The day of the oldest transfer that no statement has."""
    before = Statement.objects.filter(organization=organization).order_by("-day").first()
    oldest = Transfer.objects.filter(
        organization=organization, number=before.last_number + 1 if before else 1
    ).first()
    if oldest is None:
        return None
    day = oldest.created_at.astimezone(UTC).date()
    return max(day, before.day + timedelta(days=1)) if before else day


def lines(statement: Statement) -> Iterator[str]:
    """The statement's file, line by line: see `statement_files` for its form."""
    before = (
        Statement.objects.filter(organization=statement.organization_id, day__lt=statement.day)
        .order_by("-day")
        .first()
    )
    head = _head(statement, before.available_after_microusd if before else 0)
    return statement_files.write(head, statement.previous_hash, _transfers(statement))


def export(statement: Statement) -> bytes:
    """The statement's whole file: header, transfers, and the hash at its end."""
    return "".join(lines(statement)).encode()


def file_name(statement: Statement) -> str:
    return f"statement-{statement.day}.jsonl"


def _head(statement: Statement, available_before: int) -> str:
    return statement_files.canonical_head(
        organization=statement.organization_id,
        day=statement.day,
        first_number=statement.first_number,
        available_before=available_before,
        previous_hash=statement.previous_hash,
    )


def _hash(statement: Statement, available_before: int) -> str:
    head = _head(statement, available_before)
    last_hash = statement_files.next_hash(statement.previous_hash, head)
    for columns in _transfers(statement):
        last_hash = statement_files.next_hash(
            last_hash, statement_files.canonical_transfer(columns)
        )
    return last_hash


def _transfers(statement: Statement) -> Iterator[tuple[Any, ...]]:
    """Piece by piece, each a query of its own: no cursor stays open behind a connection pool."""
    query = f"""
        SELECT {statement_files.TRANSFER_COLUMNS} FROM billing_transfer AS transfer
        WHERE organization_id = %s AND number BETWEEN %s AND %s ORDER BY number
    """  # noqa: S608  # a constant of ours
    for first in range(statement.first_number, statement.last_number + 1, PIECE):
        last = min(first + PIECE - 1, statement.last_number)
        with connection.cursor() as cursor:
            cursor.execute(query, [statement.organization_id, first, last])
            yield from cursor.fetchall()

"""What an invoice asks for, end user by end user, from our own books: it sums to the invoice to the cent.

Lines are the meter events that the invoice counts, and those that it gives back; the names of end users are ours
and come from the usage records. Micro-dollars are exact; the one rounding is that of the sum, to whole cents.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection

from billing import invoice_sums
from billing.models import Invoice

PIECE = 2_000

# One row for each piece of work: it may have burned several grants of the line, and is on the invoice once. What was
# taken back after another invoice had asked for it is a row with `sign` -1.
_LINES = """
WITH lines AS (
    SELECT event.reference, event.sign, max(event.seconds) AS seconds,
           sum(event.sign * event.value_microusd)::bigint AS amount_microusd,
           min(event.occurred_at) AS occurred_at
        FROM (
            SELECT reference, 1 AS sign, seconds, value_microusd, occurred_at
                FROM billing_meterevent
                WHERE invoice_id = %(invoice)s
            UNION ALL
            SELECT reference, -1, seconds, value_microusd, occurred_at
                FROM billing_meterevent
                WHERE credited_on_id = %(invoice)s
        ) AS event
        GROUP BY event.reference, event.sign
), named AS (
    SELECT lines.*, coalesce(record.end_user_id, '') AS end_user_id,
           coalesce(record.labels, '{}'::jsonb) AS labels
        FROM lines LEFT JOIN billing_usagerecord AS record ON record.reference = lines.reference
)
"""
_END_USERS = """
, end_users AS (
    SELECT end_user_id, count(*) FILTER (WHERE sign = 1) AS generations,
           coalesce(sum(seconds) FILTER (WHERE sign = 1), 0)::bigint AS seconds,
           coalesce(sum(amount_microusd) FILTER (WHERE sign = 1), 0)::bigint AS used_microusd,
           coalesce(-sum(amount_microusd) FILTER (WHERE sign = -1), 0)::bigint AS given_back_microusd
        FROM named
        GROUP BY end_user_id
)
"""
_LARGEST = """
SELECT end_users.*, count(*) OVER (), sum(generations) OVER (), sum(seconds) OVER (),
       sum(used_microusd) OVER (), sum(given_back_microusd) OVER ()
    FROM end_users
    ORDER BY used_microusd - given_back_microusd DESC, end_user_id
    LIMIT %(limit)s
"""
_BY_ID = """
SELECT * FROM end_users
    WHERE %(after)s::text IS NULL OR end_user_id > %(after)s
    ORDER BY end_user_id LIMIT %(limit)s
"""
_USES = """
SELECT reference, sign, seconds, amount_microusd, occurred_at, end_user_id,
       coalesce(labels ->> 'model', ''), coalesce(labels ->> 'resolution', '')
    FROM named
    WHERE (reference, sign) > (%(after)s, %(sign)s)
    ORDER BY reference, sign LIMIT %(limit)s
"""


@dataclass(frozen=True)
class EndUser:
    """What one of them used; "" is nobody's. `generations` counts pieces of work, and `seconds` all of theirs."""

    id: str
    generations: int
    seconds: int
    used_microusd: int
    given_back_microusd: int  # asked for by an earlier invoice, and taken back since

    @property
    def amount_microusd(self) -> int:
        return self.used_microusd - self.given_back_microusd


@dataclass(frozen=True)
class Appendix:
    """The end users with the largest amounts, how many others there are, and the sums of all."""

    end_users: Sequence[EndUser]
    others_count: int
    others: EndUser
    total: EndUser
    rounded_cents: int

    @property
    def rounding_microusd(self) -> int:
        """What rounding the sum to whole cents adds to it, or takes off."""
        return self.rounded_cents * 10_000 - self.total.amount_microusd


def read(invoice: Invoice, *, limit: int) -> Appendix:
    """One query, however many lines there are."""
    rows = _read(_LINES, _END_USERS, _LARGEST, invoice=invoice.pk, limit=limit)
    shown = [EndUser(*row[:5]) for row in rows]
    count, *sums = (int(value) for value in rows[0][5:]) if rows else (0, 0, 0, 0, 0)
    total = EndUser("", *sums)
    return Appendix(
        end_users=shown,
        others_count=count - len(shown),
        others=_rest(total, shown),
        total=total,
        rounded_cents=invoice_sums.cents(total.amount_microusd),
    )


def _rest(total: EndUser, shown: Sequence[EndUser]) -> EndUser:
    return EndUser(
        "",
        total.generations - sum(one.generations for one in shown),
        total.seconds - sum(one.seconds for one in shown),
        total.used_microusd - sum(one.used_microusd for one in shown),
        total.given_back_microusd - sum(one.given_back_microusd for one in shown),
    )


def end_users(invoice: Invoice) -> Iterator[EndUser]:
    """All of them by their ids, piece by piece, each a query of its own."""
    after: str | None = None
    while True:
        rows = _read(_LINES, _END_USERS, _BY_ID, invoice=invoice.pk, after=after, limit=PIECE)
        yield from (EndUser(*row) for row in rows)
        if len(rows) < PIECE:
            return
        after = rows[-1][0]


@dataclass(frozen=True)
class Use:
    """One piece of work on the invoice; a negative amount gives back what an earlier invoice asked for."""

    reference: str
    sign: int
    seconds: int
    amount_microusd: int
    occurred_at: datetime
    end_user_id: str
    model: str
    resolution: str


def uses(invoice: Invoice) -> Iterator[Use]:
    """Every line, by its reference, piece by piece."""
    after, sign = "", 0
    while True:
        rows = _read(_LINES, _USES, invoice=invoice.pk, after=after, sign=sign, limit=PIECE)
        yield from (Use(*row) for row in rows)
        if len(rows) < PIECE:
            return
        after, sign = rows[-1][:2]


def _read(*parts: str, **params: Any) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute("".join(parts), params)
        return list(cursor.fetchall())

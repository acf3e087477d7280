"""Proves the books: everything that is cached, claimed or derived, recomputed from the transfers.

`checking_books` reads the transfers, once, and `checking_statements` the closed days with them; `checking_rows` and
`checking_stripe` compare rows with rows.
"""

import logging
from collections.abc import Callable, Iterator

from django.db import connection, transaction
from django.utils import timezone

from billing import checking_rows, checking_stripe
from billing.checking_books import Books
from billing.models import LedgerCheck

logger = logging.getLogger(__name__)
LOGGED_MAX = 100  # a broken book may differ in every line


def differences() -> list[str]:
    """Every difference, in words; empty when the books prove themselves.

    One snapshot for all checks, for money moves meanwhile: what one query sees, the next sees too.
    Within a caller's transaction it is that transaction's view.
    """
    found: list[str] = []
    _walk(found.append)
    return found


def check(tell: Callable[[str], object] | None = None) -> LedgerCheck:
    """Prove the books as `differences` does, in bounded memory, and keep the verdict as a row.

    `tell` gets every difference as it is met; the log gets the first ones, as errors.
    """
    started_at, first, count = timezone.now(), "", 0

    def note(difference: str) -> None:
        nonlocal first, count
        first, count = first or difference, count + 1
        if count <= LOGGED_MAX:
            logger.error("ledger.difference %s", difference)
        if tell:
            tell(difference)

    transfers_count = _walk(note)
    if not count:
        logger.info("ledger.proved transfers=%s", transfers_count)
    return LedgerCheck.objects.create(
        started_at=started_at,
        finished_at=timezone.now(),
        transfers_count=transfers_count,
        differences_count=count,
        first_difference=first,
    )


def _walk(note: Callable[[str], object]) -> int:
    """Tell every difference; how many transfers there are."""
    books = Books()
    outermost = not connection.in_atomic_block
    with transaction.atomic():
        if outermost:
            with connection.cursor() as cursor:
                cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        for difference in books.differences():
            note(difference)
        for difference in _rows_differ():
            note(difference)
    return books.transfers_count


def _rows_differ() -> Iterator[str]:
    for sentence, query in (*checking_rows.CHECKS, *checking_stripe.CHECKS):
        with connection.chunked_cursor() as cursor:
            cursor.execute(query)
            for row in cursor:
                yield sentence.format(*row)

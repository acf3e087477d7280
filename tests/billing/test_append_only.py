"""Transfers are never changed: the database itself refuses, whoever asks."""

from collections.abc import Callable

import pytest
from django.db import DatabaseError, connection, transaction

from accounts.models import Organization
from billing.models import Transfer
from tests.world import money


def _sql(statement: str) -> Callable[[], object]:
    def run() -> None:
        with connection.cursor() as cursor:
            cursor.execute(statement)

    return run


@pytest.mark.parametrize(
    "tamper",
    [
        _sql("UPDATE billing_transfer SET amount_microusd = 1"),
        _sql("DELETE FROM billing_transfer"),
        _sql("TRUNCATE billing_transfer"),
        _sql("TRUNCATE billing_hold CASCADE"),
        lambda: Transfer.objects.update(reference="work:other"),
        lambda: Transfer.objects.all()._raw_delete("default"),
        lambda: Transfer.objects.get().delete(),
        lambda: Transfer.objects.get().save(),
    ],
    ids=["UPDATE", "DELETE", "TRUNCATE", "CASCADE", "update", "raw delete", "delete", "save"],
)
def test_a_transfer_stays_as_it_was_written(
    acme: Organization, tamper: Callable[[], object]
) -> None:
    before = Transfer.objects.values().get()
    connection.check_constraints()  # what is still to be checked would stop a TRUNCATE by itself

    with (
        pytest.raises(DatabaseError, match="billing_transfer is append-only"),
        transaction.atomic(),
    ):
        tamper()

    assert Transfer.objects.values().get() == before
    assert money(acme) == (25_000_000, 0)

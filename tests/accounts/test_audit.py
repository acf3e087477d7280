"""The audit trail is only ever appended to: the database itself refuses, whoever asks."""

from collections.abc import Callable

import pytest
from django.db import DatabaseError, connection, transaction

from accounts import audit
from accounts.models import AuditEntry, Organization


def _sql(statement: str) -> Callable[[], object]:
    def run() -> None:
        with connection.cursor() as cursor:
            cursor.execute(statement)

    return run


@pytest.mark.parametrize(
    "tamper",
    [
        _sql("UPDATE accounts_auditentry SET action = 'nothing'"),
        _sql("DELETE FROM accounts_auditentry"),
        _sql("TRUNCATE accounts_auditentry"),
        _sql("TRUNCATE accounts_organization CASCADE"),
        lambda: AuditEntry.objects.update(actor=None),
        lambda: AuditEntry.objects.get().delete(),
        lambda: AuditEntry.objects.get().save(),
    ],
    ids=["UPDATE", "DELETE", "TRUNCATE", "CASCADE", "update", "delete", "save"],
)
def test_an_entry_stays_as_it_was_written(db: None, tamper: Callable[[], object]) -> None:
    acme = Organization.objects.create(name="Acme")
    audit.note(acme, "setting.changed", acme.pk, before={"a": 1}, after={"a": 2})
    before = AuditEntry.objects.values().get()
    connection.check_constraints()  # what is still to be checked would stop a TRUNCATE by itself

    with (
        pytest.raises(
            DatabaseError, match=r"(accounts_auditentry|billing_transfer) is append-only"
        ),
        transaction.atomic(),
    ):
        tamper()

    assert AuditEntry.objects.values().get() == before


def test_an_entry_without_actor_or_key_is_the_systems(acme: Organization) -> None:
    audit.note(acme, "setting.changed", acme.pk)

    entry = AuditEntry.objects.get()
    assert (entry.actor, entry.api_key, entry.address) == (None, None, None)
    assert (entry.before, entry.after) == ({}, {})


def test_an_entry_rolls_back_with_its_change(acme: Organization) -> None:
    with transaction.atomic():
        audit.note(acme, "setting.changed", acme.pk)
        transaction.set_rollback(True)

    assert not AuditEntry.objects.exists()

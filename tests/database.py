"""Empties the database after a test that committed, quickly, and past the triggers that guard the books."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection, transaction
from django.test import TransactionTestCase
from psycopg import sql

MIGRATIONS = "django_migrations"  # what is applied stays applied
_tables: list[str] = []
_seeded: list[
    str
] = []  # tables in which migrations left rows; their copies are in the schema `seeded`


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: Any) -> Iterator[None]:
    """pytest-django's own set-up, and a copy of the rows that migrations made."""
    with django_db_blocker.unblock():
        _remember()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(TransactionTestCase, "_fixture_teardown", lambda self: flush())
        yield


def _remember() -> None:
    _tables[:] = [t for t in connection.introspection.table_names() if t != MIGRATIONS]
    with connection.cursor() as cursor:
        cursor.execute("DROP SCHEMA IF EXISTS seeded CASCADE; CREATE SCHEMA seeded")
        _seeded[:] = _tables_with_rows(cursor)
        for table in _seeded:
            cursor.execute(
                sql.SQL("CREATE TABLE seeded.{0} AS TABLE {0}").format(sql.Identifier(table))
            )


def flush() -> None:
    """Give every table the rows it had after migrating.

    Triggers and foreign keys are off for this one transaction, which only a superuser may do: no
    product code can pass the append-only triggers in this way with a role of its own.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        for table in _tables_with_rows(cursor):
            cursor.execute(sql.SQL("DELETE FROM {0}").format(sql.Identifier(table)))
        for table in _seeded:
            cursor.execute(
                sql.SQL("INSERT INTO {0} SELECT * FROM seeded.{0}").format(sql.Identifier(table))
            )


def _tables_with_rows(cursor: Any) -> list[str]:
    cursor.execute(
        sql.SQL(" UNION ALL ").join(
            sql.SQL("SELECT {0} WHERE EXISTS (SELECT FROM {1})").format(
                sql.Literal(table), sql.Identifier(table)
            )
            for table in _tables
        )
    )
    return [table for (table,) in cursor.fetchall()]

"""Makes the tests' database quickly, and empties it past the triggers that guard the books."""

import contextlib
import hashlib
import os
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.apps import apps
from django.db import connection, transaction
from django.test import TransactionTestCase
from psycopg import sql

from tests.settings import OWN_SERVER

MIGRATIONS = "django_migrations"  # what is applied stays applied
_tables: list[str] = []
_seeded: list[
    str
] = []  # tables in which migrations left rows; their copies are in the schema `seeded`


@pytest.fixture(scope="session")
def django_db_modify_db_settings(django_db_modify_db_settings: None) -> None:
    """On our own server, start from a copy of what the same migrations made in an earlier run."""
    if OWN_SERVER:
        with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as server:
            names = [name for (name,) in server.execute("SELECT datname FROM pg_database")]
            for name in filter(_is_left_over, names):
                # Another run may be quicker, or be at work on it.
                with contextlib.suppress(psycopg.Error):
                    server.execute(sql.SQL("DROP DATABASE {}").format(sql.Identifier(name)))
        if (template := _template()) in names:
            connection.settings_dict["TEST"]["TEMPLATE"] = template


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: Any) -> Iterator[None]:
    """pytest-django's own set-up, and a copy of the rows that migrations made."""
    with django_db_blocker.unblock():
        if OWN_SERVER and not connection.settings_dict["TEST"].get("TEMPLATE"):
            _keep_as_template()
        _remember()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(TransactionTestCase, "_fixture_teardown", lambda self: flush())
        yield


def _is_left_over(name: str) -> bool:
    """The database of a run that was killed, or the template of other migrations."""
    if name.startswith("migrated_"):
        return name != _template()
    if run := re.match(r"test_(\d+)", name):
        try:
            os.kill(int(run[1]), 0)
        except ProcessLookupError:
            return True
    return False


@cache
def _template() -> str:
    digest = hashlib.sha256()
    for app in apps.get_app_configs():
        for file in sorted(Path(app.path, "migrations").glob("*.py")):
            digest.update(file.read_bytes())
    return f"migrated_{digest.hexdigest()[:16]}"


def _keep_as_template() -> None:
    name = connection.settings_dict["NAME"]
    connection.close()
    # Another run may have been quicker.
    with (
        contextlib.suppress(psycopg.Error),
        psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as server,
    ):
        server.execute(
            sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(
                sql.Identifier(_template()), sql.Identifier(name)
            )
        )


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

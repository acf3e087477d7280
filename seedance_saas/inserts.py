"""Rows of several tables in one message to the server, where the round trips would be the cost."""

from typing import Any

from django.db import connection, models
from django.db.models.sql import InsertQuery


def insert_together(*rows: models.Model) -> None:
    """INSERT every row, in order, in one round trip and within the caller's transaction.

    For rows that need nothing back from the database. Raises IntegrityError as a save would.
    """
    assert connection.in_atomic_block, "rows that belong together are written together"
    statements: list[str] = []
    parameters: list[Any] = []
    for row in rows:
        fields = [
            field
            for field in row._meta.concrete_fields
            if not (isinstance(field, models.AutoField) and row.pk is None)
        ]
        query = InsertQuery(type(row))
        query.insert_values(fields, [row])
        for sql, sql_parameters in query.get_compiler(connection=connection).as_sql():
            statements.append(sql)
            parameters.extend(sql_parameters)
        row._state.adding, row._state.db = False, connection.alias
    with connection.cursor() as cursor:
        cursor.execute("; ".join(statements), parameters)

"""Stripe's objects as JSON in one SQLite file, so that they outlive the process.

Used by one thread at a time: a transaction holds the lock, also against other threads of a test.
"""

import json
import sqlite3
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from seedance_saas.simulators.stripe.errors import Json

SCHEMA = """
CREATE TABLE IF NOT EXISTS objects (
    serial INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    kind TEXT NOT NULL,
    created INTEGER NOT NULL,
    body TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS objects_by_time ON objects (kind, created, serial);
CREATE INDEX IF NOT EXISTS objects_by_customer ON objects (kind, json_extract(body, '$."customer"'));
CREATE INDEX IF NOT EXISTS objects_by_payment ON objects (kind, json_extract(body, '$."payment_intent"'));
CREATE TABLE IF NOT EXISTS timers (
    id INTEGER PRIMARY KEY,
    at_ms INTEGER NOT NULL,
    name TEXT NOT NULL,
    arguments TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS timers_due ON timers (at_ms, id);
CREATE TABLE IF NOT EXISTS deliveries (
    id INTEGER PRIMARY KEY,
    endpoint TEXT NOT NULL,
    event TEXT NOT NULL,
    event_type TEXT NOT NULL,
    body TEXT NOT NULL,
    status TEXT NOT NULL,
    due_at_ms INTEGER NOT NULL,
    attempts TEXT NOT NULL DEFAULT '[]'
);
CREATE INDEX IF NOT EXISTS deliveries_due ON deliveries (status, due_at_ms);
CREATE INDEX IF NOT EXISTS deliveries_by_event ON deliveries (event);
CREATE TABLE IF NOT EXISTS answers (
    key TEXT PRIMARY KEY,
    request TEXT NOT NULL,
    path TEXT NOT NULL,
    created_at_ms INTEGER NOT NULL,
    status INTEGER,
    headers TEXT,
    body TEXT
);
CREATE TABLE IF NOT EXISTS meter_events (
    id INTEGER PRIMARY KEY,
    event_name TEXT NOT NULL,
    customer TEXT NOT NULL,
    identifier TEXT NOT NULL,
    timestamp INTEGER NOT NULL,
    received_at_ms INTEGER NOT NULL,
    value TEXT NOT NULL,
    payload TEXT NOT NULL,
    meter TEXT,
    refusal TEXT,
    message TEXT,
    canceled INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX IF NOT EXISTS meter_events_by_time ON meter_events (meter, customer, timestamp);
CREATE INDEX IF NOT EXISTS meter_events_by_identifier ON meter_events (identifier);
CREATE INDEX IF NOT EXISTS meter_events_refused ON meter_events (received_at_ms)
    WHERE refusal IS NOT NULL;
CREATE TABLE IF NOT EXISTS settings (name TEXT PRIMARY KEY, value TEXT NOT NULL);
"""
TABLES = ("objects", "timers", "deliveries", "answers", "meter_events", "settings")


class Store:
    """Rows in, rows out. Every call is short."""

    def __init__(self, path: Path) -> None:
        self.connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self.connection.row_factory = sqlite3.Row
        self.connection.execute("PRAGMA journal_mode = WAL")
        self.connection.execute("PRAGMA synchronous = NORMAL")
        self.connection.executescript(SCHEMA)
        # What ran when the process died will never be answered.
        self.connection.execute("DELETE FROM answers WHERE status IS NULL")
        self._lock = threading.RLock()

    def close(self) -> None:
        with self._lock:
            self.connection.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing; a nested one is part of the outer one."""
        with self._lock:
            if self.connection.in_transaction:
                yield
                return
            self.connection.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                self.connection.execute("ROLLBACK")
                raise
            self.connection.execute("COMMIT")

    def clear(self) -> None:
        with self.transaction():
            for table in TABLES:
                self.connection.execute(f"DELETE FROM {table}")  # noqa: S608 (our own names)

    def get(self, id: str, kind: str | None = None) -> Json | None:
        row = self.connection.execute(
            "SELECT kind, body FROM objects WHERE id = ?", (id,)
        ).fetchone()
        if row is None or (kind is not None and row["kind"] != kind):
            return None
        body: Json = json.loads(row["body"])
        return body

    def put(self, obj: Json) -> None:
        """Insert or replace; `created` and the place in lists stay those of the first time."""
        created = obj.get("created", obj.get("date", 0))
        if isinstance(created, str):  # v2 writes times as text
            created = int(datetime.fromisoformat(created).timestamp())
        self.connection.execute(
            "INSERT INTO objects (id, kind, created, body) VALUES (?, ?, ?, ?)"
            " ON CONFLICT (id) DO UPDATE SET body = excluded.body",
            (obj["id"], obj["object"], created, to_json(obj)),
        )

    def remove(self, id: str) -> None:
        self.connection.execute("DELETE FROM objects WHERE id = ?", (id,))

    def select(
        self,
        kind: str,
        where: Mapping[str, Any] | None = None,
        *,
        created: Mapping[str, int] | None = None,
        older_than: str | None = None,
        newer_than: str | None = None,
        limit: int = -1,
    ) -> list[Json]:
        """Newest first. `where`: dotted path in the object to its value, or a list of
        values; None is no filter.

        `created`: gt, gte, lt, lte to seconds. `newer_than` gives the ones next to it.
        """
        clauses = ["kind = ?", "json_extract(body, '$._deleted') IS NULL"]
        values: list[Any] = [kind]
        for path, value in (where or {}).items():
            if isinstance(value, list):
                marks = ", ".join("?" * len(value))
                clauses.append(f"json_extract(body, '{json_path(path)}') IN ({marks})")
                values += value
            elif value is not None:
                clauses.append(f"json_extract(body, '{json_path(path)}') = ?")
                values.append(value)
        for name, seconds in (created or {}).items():
            clauses.append(f"created {_COMPARISONS[name]} ?")
            values.append(seconds)
        for id, sign in ((older_than, "<"), (newer_than, ">")):
            if id is not None:
                place = "(SELECT created, serial FROM objects WHERE id = ?)"
                clauses.append(f"(created, serial) {sign} {place}")
                values.append(id)
        order = "ASC" if newer_than is not None else "DESC"
        rows = self.connection.execute(
            f"SELECT body FROM objects WHERE {' AND '.join(clauses)}"  # noqa: S608 (our own names)
            f" ORDER BY created {order}, serial {order} LIMIT ?",
            (*values, limit),
        )
        found = [json.loads(row["body"]) for row in rows]
        return found[::-1] if newer_than is not None else found

    def setting(self, name: str, otherwise: Any) -> Any:
        row = self.connection.execute(
            "SELECT value FROM settings WHERE name = ?", (name,)
        ).fetchone()
        return otherwise if row is None else json.loads(row["value"])

    def set(self, name: str, value: Any) -> None:
        self.connection.execute(
            "INSERT INTO settings VALUES (?, ?)"
            " ON CONFLICT (name) DO UPDATE SET value = excluded.value",
            (name, json.dumps(value)),
        )


_COMPARISONS = {"gt": ">", "gte": ">=", "lt": "<", "lte": "<="}


def json_path(dotted: str) -> str:
    return "$" + "".join(f'."{name}"' for name in dotted.split("."))


def to_json(value: Any) -> str:
    """JSON in which a Decimal is a string, as in Stripe's `*_decimal` fields."""
    return json.dumps(value, default=_text, separators=(",", ":"), ensure_ascii=False)


def _text(value: object) -> str:
    assert isinstance(value, Decimal), type(value)
    return f"{value:f}"

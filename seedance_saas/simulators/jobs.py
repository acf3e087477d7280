"""Jobs of every vendor, in one SQLite file, so that they outlive the process as a vendor's do.

Nothing ticks: what a job is doing follows from its row and the time (`Job.phase`).
"""

import hashlib
import json
import sqlite3
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from seedance_saas.simulators.commands import Commands, parse
from seedance_saas.simulators.order import FilmOrder

SCHEMA = """
CREATE TABLE IF NOT EXISTS jobs (
    id TEXT PRIMARY KEY,
    upstream TEXT NOT NULL,
    key_hash TEXT NOT NULL,
    model TEXT NOT NULL,
    input TEXT NOT NULL,
    film TEXT NOT NULL,
    cost_microusd INTEGER NOT NULL,
    webhook_url TEXT NOT NULL,
    webhook_secret TEXT NOT NULL,
    failure TEXT NOT NULL,
    inputs_pending INTEGER NOT NULL,
    created_at_ms INTEGER NOT NULL,
    ends_at_ms INTEGER,
    canceled_at_ms INTEGER
);
CREATE INDEX IF NOT EXISTS jobs_by_time ON jobs (upstream, created_at_ms, id);
CREATE TABLE IF NOT EXISTS deliveries (
    id INTEGER PRIMARY KEY,
    job_id TEXT NOT NULL REFERENCES jobs (id),
    kind TEXT NOT NULL,
    created_at_ms INTEGER NOT NULL,
    next_attempt_at_ms INTEGER,
    body TEXT NOT NULL DEFAULT '',
    headers TEXT NOT NULL DEFAULT '{}',
    attempts TEXT NOT NULL DEFAULT '[]'
);
CREATE INDEX IF NOT EXISTS deliveries_due ON deliveries (next_attempt_at_ms)
    WHERE next_attempt_at_ms IS NOT NULL;
"""


class Phase(StrEnum):
    CREATED = "created"
    STARTING = "starting"
    PROCESSING = "processing"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELED = "canceled"

    @property
    def is_final(self) -> bool:
        return self in {Phase.SUCCEEDED, Phase.FAILED, Phase.CANCELED}


@dataclass(frozen=True, kw_only=True)
class Job:
    """One accepted request. `cost_microusd` is charged only if it succeeds.

    `failure` names the end it will come to, "" for success. `ends_at_ms` is None if never.
    `inputs_pending`: its files are still being fetched, so it cannot end.
    """

    id: str
    upstream: str
    key_hash: str
    model: str
    input: dict[str, Any]
    film: FilmOrder
    cost_microusd: int
    webhook_url: str
    webhook_secret: str
    failure: str
    inputs_pending: bool
    created_at_ms: int
    ends_at_ms: int | None
    canceled_at_ms: int | None = None

    @property
    def commands(self) -> Commands:
        return parse(str(self.input.get("prompt", "")))

    def phase(self, now_ms: int) -> Phase:
        if self.canceled_at_ms is not None:
            return Phase.CANCELED
        if self.ends_at_ms is not None and now_ms >= self.ends_at_ms and not self.inputs_pending:
            return Phase.FAILED if self.failure else Phase.SUCCEEDED
        elapsed_ms = now_ms - self.created_at_ms
        expected_ms = (self.ends_at_ms or self.created_at_ms + 10_000) - self.created_at_ms
        if elapsed_ms * 20 < expected_ms:
            return Phase.CREATED
        return Phase.STARTING if elapsed_ms * 8 < expected_ms else Phase.PROCESSING

    def run_ms(self, now_ms: int) -> int:
        """How long it has worked, until its end."""
        ends = [at for at in (self.canceled_at_ms, self.ends_at_ms, now_ms) if at is not None]
        return max(0, min(ends) - self.created_at_ms)


def work_ms(job_id: str, commands: Commands, work_seconds: float) -> int | None:
    """The pretended work of a job: the same whenever asked. None if it never ends."""
    if "stuck" in commands:
        return None
    if "work" in commands:
        return commands["work"] * 1000
    jitter = int.from_bytes(hashlib.sha256(job_id.encode()).digest()[:2]) / 65_535
    chosen = int(work_seconds * 1000 * (0.8 + 0.4 * jitter))
    # A word that nobody can see would prove nothing.
    return max(chosen, 2000) if "unknown status" in commands else chosen


class JobStore:
    """Rows in, rows out. Used from the event loop only; every call is short."""

    def __init__(self, path: Path) -> None:
        self.connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self.connection.row_factory = sqlite3.Row
        self.connection.execute("PRAGMA journal_mode = WAL")
        self.connection.execute("PRAGMA synchronous = NORMAL")
        self.connection.executescript(SCHEMA)

    def close(self) -> None:
        self.connection.close()

    def add(self, job: Job, deliveries: Mapping[str, int]) -> None:
        """Store an accepted job with its webhooks to be: kind to when it is due."""
        row = asdict(job) | {"input": json.dumps(job.input), "film": job.film.to_json()}
        names = ", ".join(row)
        marks = ", ".join(f":{name}" for name in row)
        with self.connection:
            self.connection.execute("BEGIN IMMEDIATE")
            self.connection.execute(f"INSERT INTO jobs ({names}) VALUES ({marks})", row)  # noqa: S608 (our own field names)
            self.connection.executemany(
                "INSERT INTO deliveries (job_id, kind, created_at_ms, next_attempt_at_ms)"
                " VALUES (?, ?, ?, ?)",
                [(job.id, kind, job.created_at_ms, due_ms) for kind, due_ms in deliveries.items()],
            )

    def clear(self) -> None:
        """Forget everything, as if just installed."""
        with self.connection:
            self.connection.execute("BEGIN IMMEDIATE")
            self.connection.execute("DELETE FROM deliveries")
            self.connection.execute("DELETE FROM jobs")

    def get(self, job_id: str) -> Job | None:
        row = self.connection.execute("SELECT * FROM jobs WHERE id = ?", (job_id,)).fetchone()
        return _job(row) if row else None

    def between(self, upstream: str, from_ms: int, to_ms: int) -> list[Job]:
        """Newest first."""
        rows = self.connection.execute(
            "SELECT * FROM jobs WHERE upstream = ? AND created_at_ms BETWEEN ? AND ?"
            " ORDER BY created_at_ms DESC, id DESC",
            (upstream, from_ms, to_ms),
        )
        return [_job(row) for row in rows]

    def with_pending_inputs(self) -> list[Job]:
        return [
            _job(row) for row in self.connection.execute("SELECT * FROM jobs WHERE inputs_pending")
        ]

    def inputs_fetched(self, job_id: str, failure: str) -> None:
        self.connection.execute(
            "UPDATE jobs SET inputs_pending = 0, failure = coalesce(nullif(?, ''), failure)"
            " WHERE id = ?",
            (failure, job_id),
        )

    def cancel(self, job_id: str, now_ms: int) -> bool:
        """False if it had ended."""
        done = self.connection.execute(
            "UPDATE jobs SET canceled_at_ms = ? WHERE id = ? AND canceled_at_ms IS NULL"
            " AND (ends_at_ms IS NULL OR ends_at_ms > ? OR inputs_pending)",
            (now_ms, job_id, now_ms),
        )
        return done.rowcount == 1

    def created_since(self, key_hash: str, since_ms: int) -> list[int]:
        """When this key's jobs after `since_ms` were created, oldest first."""
        rows = self.connection.execute(
            "SELECT created_at_ms FROM jobs WHERE key_hash = ? AND created_at_ms > ? ORDER BY 1",
            (key_hash, since_ms),
        )
        return [int(row[0]) for row in rows]

    def running(self, key_hash: str, now_ms: int) -> int:
        row = self.connection.execute(
            "SELECT count(*) FROM jobs WHERE key_hash = ? AND canceled_at_ms IS NULL"
            " AND (ends_at_ms IS NULL OR ends_at_ms > ? OR inputs_pending)",
            (key_hash, now_ms),
        ).fetchone()
        return int(row[0])

    def charged_microusd(self, upstream: str, now_ms: int) -> int:
        row = self.connection.execute(
            "SELECT coalesce(sum(cost_microusd), 0) FROM jobs WHERE upstream = ?"
            " AND canceled_at_ms IS NULL AND failure = '' AND ends_at_ms <= ?"
            " AND NOT inputs_pending",
            (upstream, now_ms),
        ).fetchone()
        return int(row[0])


def _job(row: sqlite3.Row) -> Job:
    values = dict(row)
    values["input"] = json.loads(values["input"])
    values["film"] = FilmOrder.from_json(values["film"])
    values["inputs_pending"] = bool(values["inputs_pending"])
    return Job(**values)

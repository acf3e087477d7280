"""Sends the webhooks of every vendor: due ones at once, refused ones again, after a restart too.

Three attempts in all, about ten seconds apart, any 2xx within 30 seconds acknowledges (EachLabs
docs, api/webhooks/payload-reference and the model pages). The vendor's module composes the message.
"""

import asyncio
import functools
import json
import logging
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import httpx

from seedance_saas.simulators.config import SimulatorConfig
from seedance_saas.simulators.jobs import Job, JobStore, Phase

logger = logging.getLogger(__name__)

ATTEMPTS_MAX = 3
LOOK_SECONDS = 0.05  # also how soon a turned clock or a fetched input is noticed
RESPONSE_CHARS_KEPT = 2048
# Delivery kinds. The first is every job's own; the others exist only when a prompt orders them.
END, AGAIN, CONTRADICTION = "end", "again", "contradiction"


@dataclass(frozen=True)
class Message:
    """What goes over the wire, the same bytes and signature in every attempt."""

    body: str
    headers: dict[str, str]


Composer = Callable[[Job, str, int], Message]
"""(job, kind, now_ms) -> Message. Called once, when the job has ended."""


def planned(job: Job) -> dict[str, int]:
    """The deliveries of a new job: kind to due time in milliseconds."""
    if not job.webhook_url or job.ends_at_ms is None:
        return {}
    if job.commands.keys() & {"no webhook", "lost"}:
        return {}
    due = {END: job.ends_at_ms}
    if "webhook twice" in job.commands:
        due[AGAIN] = job.ends_at_ms + 300
    if "webhook late contradiction" in job.commands and not job.failure:
        due[CONTRADICTION] = job.ends_at_ms + 1000
    return due


class WebhookSender:
    """One loop that finds what is due; each delivery is its own task, so a slow one delays no other."""

    def __init__(
        self, store: JobStore, config: SimulatorConfig, composers: dict[str, Composer]
    ) -> None:
        self._store = store
        self._config = config
        self._composers = composers
        self._sending: dict[int, asyncio.Task[None]] = {}

    async def run(self) -> None:
        # trust_env: a proxy of the environment could not reach a receiver on this machine.
        async with httpx.AsyncClient(trust_env=False, follow_redirects=False) as client:
            try:
                while True:
                    for row in self._due():
                        task = asyncio.create_task(self._deliver(client, row))
                        self._sending[row["id"]] = task
                        task.add_done_callback(functools.partial(self._forget, row["id"]))
                    await asyncio.sleep(LOOK_SECONDS)
            finally:
                for task in list(self._sending.values()):
                    task.cancel()

    def _forget(self, delivery_id: int, _: asyncio.Task[None]) -> None:
        del self._sending[delivery_id]

    def _due(self) -> list[sqlite3.Row]:
        rows = self._store.connection.execute(
            "SELECT * FROM deliveries WHERE next_attempt_at_ms <= ? ORDER BY next_attempt_at_ms",
            (self._config.now_ms(),),
        )
        return [row for row in rows if row["id"] not in self._sending]

    async def _deliver(self, client: httpx.AsyncClient, row: sqlite3.Row) -> None:
        now_ms = self._config.now_ms()
        job = self._store.get(row["job_id"])
        if job is None:  # everything was just forgotten
            return
        phase = job.phase(now_ms)
        if phase == Phase.CANCELED:  # a cancel sends none
            self._write(row["id"], next_attempt_at_ms=None)
            return
        if not phase.is_final:  # its inputs are still being fetched
            return
        message = self._message(row, job, now_ms)
        attempts = json.loads(row["attempts"])
        attempt = await self._attempt(client, job.webhook_url, message)
        attempts.append(attempt | {"created_at_ms": now_ms})
        is_over = attempt["status"] == "SUCCESS" or len(attempts) >= ATTEMPTS_MAX
        retry_ms = self._config.now_ms() + int(self._config.webhook_retry_seconds * 1000)
        self._write(
            row["id"],
            attempts=json.dumps(attempts),
            next_attempt_at_ms=None if is_over else retry_ms,
        )

    def _message(self, row: sqlite3.Row, job: Job, now_ms: int) -> Message:
        if row["body"]:
            return Message(row["body"], json.loads(row["headers"]))
        message = self._composers[job.upstream](job, row["kind"], now_ms)
        self._write(row["id"], body=message.body, headers=json.dumps(message.headers))
        return message

    async def _attempt(
        self, client: httpx.AsyncClient, url: str, message: Message
    ) -> dict[str, Any]:
        try:
            response = await client.post(
                url,
                content=message.body.encode(),
                headers=message.headers,
                timeout=self._config.webhook_timeout_seconds,
            )
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            return {
                "status": "FAILED",
                "status_code": None,
                "response": None,
                "error_message": f"{type(error).__name__}: {error}".rstrip(": "),
            }
        return {
            "status": "SUCCESS" if response.is_success else "FAILED",
            "status_code": response.status_code,
            "response": response.text[:RESPONSE_CHARS_KEPT],
            "error_message": None if response.is_success else f"status {response.status_code}",
        }

    def _write(self, delivery_id: int, **values: object) -> None:
        names = ", ".join(f"{name} = ?" for name in values)
        self._store.connection.execute(
            f"UPDATE deliveries SET {names} WHERE id = ?",  # noqa: S608 (our own column names)
            (*values.values(), delivery_id),
        )

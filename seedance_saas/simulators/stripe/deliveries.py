"""Webhook deliveries: planned with the event, signed when sent, repeated until a 2xx.

`pending` and `mark` are all that a test needs to be the network itself.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from seedance_saas.simulators.stripe.errors import Json

if TYPE_CHECKING:
    from seedance_saas.simulators.stripe.call import Call
    from seedance_saas.simulators.stripe.simulator import StripeSimulator

ATTEMPTS_MAX = 16
RETRY_SECONDS_MAX = 3600
PENDING, DELIVERED, FAILED, LOST = "pending", "delivered", "failed", "lost"


@dataclass(frozen=True)
class Delivery:
    """One message as it goes over the wire now; the signature's time is that of the call."""

    id: int
    endpoint: str
    event_id: str
    event_type: str
    url: str
    body: bytes
    headers: dict[str, str]


def plan(call: Call, taker: Json, event: Json) -> None:
    """One delivery of `event` to an endpoint or destination, as the faults will have it."""
    for delay_ms, is_lost in call.simulator.faults.webhook_fates():
        call.store.connection.execute(
            "INSERT INTO deliveries (endpoint, event, event_type, body, status, due_at_ms)"
            " VALUES (?, ?, ?, ?, ?, ?)",
            (
                taker["id"],
                event["id"],
                event["type"],
                json.dumps(event, indent=2, ensure_ascii=False, default=str),
                LOST if is_lost else PENDING,
                call.config.now_ms() + delay_ms,
            ),
        )


def signature(body: str, secrets: Sequence[str], now: int) -> str:
    """The Stripe-Signature header: one v1 for each secret that is active."""
    signed = f"{now}.{body}".encode()
    marks = [hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest() for secret in secrets]
    return ",".join([f"t={now}", *(f"v1={mark}" for mark in marks)])


class Deliveries:
    """What waits to be sent. Times are the real ones: turning the simulator's clock sends nothing sooner."""

    def __init__(self, simulator: StripeSimulator) -> None:
        self._simulator = simulator

    def pending(self) -> list[Delivery]:
        """What waits, due or not, the first due first."""
        found = [self.message(id) for id, _ in self.waiting()]
        return [delivery for delivery in found if delivery is not None]

    def waiting(self, *, due_only: bool = False) -> list[tuple[int, str]]:
        """Ids and endpoints of what waits; nothing while webhooks are off."""
        self._simulator.catch_up()
        if self._simulator.faults.webhooks.off:
            return []
        until_ms = self._simulator.config.now_ms() if due_only else 2**62
        rows = self._simulator.store.connection.execute(
            "SELECT id, endpoint FROM deliveries WHERE status = ? AND due_at_ms <= ?"
            " ORDER BY due_at_ms, id",
            (PENDING, until_ms),
        )
        return [(row["id"], row["endpoint"]) for row in rows]

    def message(self, id: int) -> Delivery | None:
        """Signed for now. None, and given up, if its endpoint was removed or disabled."""
        store, now_ms = self._simulator.store, self._simulator.config.now_ms()
        row = store.connection.execute("SELECT * FROM deliveries WHERE id = ?", (id,)).fetchone()
        if row is None:  # everything was just forgotten
            return None
        taker = store.get(row["endpoint"])
        if taker is None or taker.get("_deleted") or taker["status"] != "enabled":
            with store.transaction():
                self._write(id, status=FAILED)
            return None
        secrets = [
            secret["secret"]
            for secret in taker["_secrets"]
            if secret.get("until_ms") is None or secret["until_ms"] > now_ms
        ]
        headers = {
            "Content-Type": "application/json; charset=utf-8",
            "User-Agent": "Stripe/1.0 (+https://stripe.com/docs/webhooks)",
            "Stripe-Signature": signature(row["body"], secrets, now_ms // 1000),
        }
        url = taker.get("url") or taker["webhook_endpoint"]["url"]
        body = row["body"].encode()
        return Delivery(id, row["endpoint"], row["event"], row["event_type"], url, body, headers)

    def mark(self, id: int, status: int | None, answer: str = "") -> None:
        """What the receiver answered; None: nothing. Any 2xx ends it, else it is due again later."""
        simulator = self._simulator
        with simulator.store.transaction():
            row = simulator.store.connection.execute(
                "SELECT attempts FROM deliveries WHERE id = ?", (id,)
            ).fetchone()
            if row is None:  # everything was just forgotten
                return
            now_ms = simulator.config.now_ms()
            attempts = json.loads(row["attempts"])
            attempts.append({"at_ms": now_ms, "status": status, "answer": answer[:2048]})
            wait = simulator.config.stripe_webhook_retry_seconds * 2 ** (len(attempts) - 1)
            is_over = status is not None and 200 <= status < 300
            self._write(
                id,
                attempts=json.dumps(attempts),
                status=DELIVERED
                if is_over
                else FAILED
                if len(attempts) >= ATTEMPTS_MAX
                else PENDING,
                due_at_ms=now_ms + int(min(wait, RETRY_SECONDS_MAX) * 1000),
            )

    def all(self) -> list[Json]:
        """Every delivery, the latest first, as /stripe/control/deliveries shows it."""
        rows = self._simulator.store.connection.execute(
            "SELECT * FROM deliveries ORDER BY id DESC LIMIT 1000"
        )
        return [
            {
                "id": row["id"],
                "endpoint": row["endpoint"],
                "event": row["event"],
                "type": row["event_type"],
                "status": row["status"],
                "due_at_ms": row["due_at_ms"],
                "attempts": json.loads(row["attempts"]),
            }
            for row in rows
        ]

    def waiting_for(self, event_id: str) -> int:
        """How many endpoints have not taken the event."""
        row = self._simulator.store.connection.execute(
            "SELECT count(*) FROM deliveries WHERE event = ? AND status IN (?, ?)",
            (event_id, PENDING, LOST),
        ).fetchone()
        return int(row[0])

    def _write(self, id: int, **values: object) -> None:
        names = ", ".join(f"{name} = ?" for name in values)
        self._simulator.store.connection.execute(
            f"UPDATE deliveries SET {names} WHERE id = ?",  # noqa: S608 (our own column names)
            (*values.values(), id),
        )

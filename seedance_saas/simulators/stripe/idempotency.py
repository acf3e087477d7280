"""Idempotency keys: the first answer again, for 24 hours."""

import json
from dataclasses import dataclass

from seedance_saas.simulators.stripe.errors import StripeError
from seedance_saas.simulators.stripe.store import Store

KEPT_MS = 24 * 3600 * 1000
KEY_CHARS_MAX = 255


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: str


class Idempotency:
    """One request's key; without a key nothing is looked up and nothing kept."""

    def __init__(self, store: Store, key: str | None, path: str, digest: str) -> None:
        self._store = store
        self.key = key or None
        self._path = path
        self._digest = digest
        self._is_running = False

    def find(self, now_ms: int) -> Answer | None:
        """The kept answer. Raises if the key was used for something else, or is in use right now."""
        if self.key is None:
            return None
        if len(self.key) > KEY_CHARS_MAX:
            raise StripeError(
                400,
                "invalid_request_error",
                f"Idempotency keys can be at most {KEY_CHARS_MAX} characters long.",
            )
        with self._store.transaction():
            self._store.connection.execute(
                "DELETE FROM answers WHERE created_at_ms <= ?", (now_ms - KEPT_MS,)
            )
            row = self._store.connection.execute(
                "SELECT * FROM answers WHERE key = ?", (self.key,)
            ).fetchone()
        if row is None:
            return None
        if row["path"] != self._path:
            raise StripeError(
                400,
                "idempotency_error",
                "Keys for idempotent requests can only be used for the same endpoint they were "
                f"first used for ('{row['path']}' vs '{self._path}'). Try using a key other than "
                f"'{self.key}' if you meant to execute a different request.",
            )
        if row["request"] != self._digest:
            raise StripeError(
                400,
                "idempotency_error",
                "Keys for idempotent requests can only be used with the same parameters they were "
                f"first used with. Try using a key other than '{self.key}' if you meant to execute "
                "a different request.",
            )
        if row["status"] is None:
            raise self._in_use()
        headers = json.loads(row["headers"]) | {"Idempotent-Replayed": "true"}
        return Answer(row["status"], headers, row["body"])

    def _in_use(self) -> StripeError:
        return StripeError(
            409,
            "idempotency_error",
            "There is currently another in-progress request using this Stripe-Idempotency-Key (that "
            "probably means you submitted twice, and the other request is still going through): "
            f"{self.key}. Please try again later.",
            code="idempotency_key_in_use",
        )

    def start(self, now_ms: int) -> None:
        """From now on the key is in use. Raises if another request was quicker."""
        if self.key is None:
            return
        with self._store.transaction():
            begun = self._store.connection.execute(
                "INSERT INTO answers (key, request, path, created_at_ms) VALUES (?, ?, ?, ?)"
                " ON CONFLICT DO NOTHING",
                (self.key, self._digest, self._path, now_ms),
            )
        if begun.rowcount == 0:
            raise self._in_use()
        self._is_running = True

    def keep(self, now_ms: int, made: Answer, request_id: str) -> None:
        if self.key is None:
            return
        headers = json.dumps(made.headers | {"Original-Request": request_id})
        with self._store.transaction():
            self._store.connection.execute(
                "INSERT INTO answers VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (key) DO UPDATE SET"
                " status = excluded.status, headers = excluded.headers, body = excluded.body",
                (
                    *(self.key, self._digest, self._path, now_ms),
                    *(made.status, headers, made.body),
                ),
            )

    def forget_unfinished(self) -> None:
        """A request that kept no answer may be tried again under its key."""
        if self._is_running:
            with self._store.transaction():
                self._store.connection.execute(
                    "DELETE FROM answers WHERE key = ? AND status IS NULL", (self.key,)
                )

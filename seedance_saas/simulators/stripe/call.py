"""One piece of work in one transaction: a request, a press on a hosted page, or a timer."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from seedance_saas.simulators.stripe import events
from seedance_saas.simulators.stripe.errors import Json, invalid, no_such

if TYPE_CHECKING:
    from seedance_saas.simulators.config import SimulatorConfig
    from seedance_saas.simulators.stripe.simulator import StripeSimulator
    from seedance_saas.simulators.stripe.store import Store

# What Stripe calls a kind in a sentence, where it is not the kind itself.
NOUNS = {
    "payment_method": "PaymentMethod",
    "setup_intent": "setupintent",
    "webhook_endpoint": "webhook endpoint",
    "billing_portal.configuration": "configuration",
}


class Call:
    """`now_ms` stands still during the work. `path` and `params` are those of the request."""

    def __init__(
        self,
        simulator: StripeSimulator,
        now_ms: int,
        *,
        path: dict[str, str] | None = None,
        params: Json | None = None,
        address: str = "",
        request_id: str | None = None,
        idempotency_key: str | None = None,
    ) -> None:
        self.simulator = simulator
        self.now_ms = now_ms
        self.path = path or {}
        self.params = params or {}
        self.address = address  # of the request, below the simulator's own
        self.request_id = request_id
        self.idempotency_key = idempotency_key

    @property
    def now(self) -> int:
        return self.now_ms // 1000

    @property
    def store(self) -> Store:
        return self.simulator.store

    @property
    def config(self) -> SimulatorConfig:
        return self.simulator.config

    @property
    def url(self) -> str:
        """Where the simulator is reached, without a slash at the end."""
        return self.simulator.url

    def get(self, kind: str, id: str, *, param: str | None = None) -> Json:
        """The stored object. Raises resource_missing: 404, or 400 when `param` gave the id."""
        found = self.store.get(id, kind)
        if found is None or found.get("_deleted"):
            raise no_such(NOUNS.get(kind, kind.rpartition(".")[2]), id, param=param)
        return found

    def save(self, obj: Json, *event_types: str) -> Json:
        """Write the object and an event of each type, with what changed since it was stored."""
        before = self.store.get(obj["id"])
        self.store.put(obj)
        for event_type in event_types:
            shows_change = event_type.endswith((".updated", ".refunded", ".detached"))
            events.emit(self, event_type, obj, before if shows_change else None)
        return obj

    def later(self, at_ms: int, name: str, **arguments: Any) -> None:
        """Run the `@timer` of that name at that time."""
        self.store.connection.execute(
            "INSERT INTO timers (at_ms, name, arguments) VALUES (?, ?, ?)",
            (at_ms, name, json.dumps(arguments)),
        )

    def page(self, kind: str, where: Json | None = None, *, url: str | None = None) -> Json:
        """A list: newest first, by `limit`, `starting_after`, `ending_before` and `created`."""
        limit = self._limit()
        after, before = self.params.get("starting_after"), self.params.get("ending_before")
        for name, id in (("starting_after", after), ("ending_before", before)):
            if id is not None:
                self.get(kind, id, param=name)
        created = self.params.get("created")
        bounds = {"gte": created, "lte": created} if isinstance(created, int) else created
        found = self.store.select(
            kind,
            where,
            created=bounds,
            older_than=after,
            newer_than=before,
            limit=limit + 1,
        )
        has_more = len(found) > limit
        data = found[-limit:] if before is not None else found[:limit]
        return listed(data, url or self.address, has_more=has_more)

    def cut(self, rows: list[Json], noun: str) -> Json:
        """The same of rows that are no objects of the store, in the order in which they are given."""
        limit = self._limit()
        places = {row["id"]: place for place, row in enumerate(rows)}
        after, before = self.params.get("starting_after"), self.params.get("ending_before")
        for name, id in (("starting_after", after), ("ending_before", before)):
            if id is not None and id not in places:
                raise no_such(noun, id, param=name)
        if before is not None:
            first = max(0, places[before] - limit)
            return listed(rows[first : places[before]], self.address, has_more=first > 0)
        first = 0 if after is None else places[after] + 1
        has_more = first + limit < len(rows)
        return listed(rows[first : first + limit], self.address, has_more=has_more)

    def _limit(self) -> int:
        limit: int = self.params.get("limit", 10)
        if not 1 <= limit <= 100:
            raise invalid(
                f"Invalid integer: {limit} (must be between 1 and 100)"
                if limit > 0
                else "Invalid positive integer",
                param="limit",
                code="parameter_invalid_integer",
            )
        return limit


def listed(data: list[Json], url: str, *, has_more: bool = False) -> Json:
    """Stripe's envelope of a list."""
    return {"object": "list", "data": data, "has_more": has_more, "url": url}

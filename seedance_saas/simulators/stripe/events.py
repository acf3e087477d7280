"""Snapshot events: every change writes one; each endpoint that wants it gets it.

Also /v1/events. An event keeps the object as it was at that moment.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from seedance_saas.simulators.stripe import deliveries, ids
from seedance_saas.simulators.stripe.errors import Json
from seedance_saas.simulators.stripe.version import API_VERSION

if TYPE_CHECKING:
    from seedance_saas.simulators.stripe.call import Call


def emit(call: Call, event_type: str, obj: Json, before: Json | None = None) -> Json:
    """Write an event about `obj` and plan its deliveries. `before`: as it was, for what changed."""
    data: Json = {"object": _shown(obj)}
    if before is not None:
        data["previous_attributes"] = changed(_shown(before), _shown(obj))
    event: Json = {
        "id": ids.new("evt_1", 23),
        "object": "event",
        "api_version": API_VERSION,
        "created": call.now,
        "data": data,
        "livemode": False,
        "pending_webhooks": 0,
        "request": {"id": call.request_id, "idempotency_key": call.idempotency_key},
        "type": event_type,
    }
    takers = [
        taker
        for kind in ("webhook_endpoint", "v2.core.event_destination")
        for taker in call.store.select(kind, {"status": "enabled"})
        if taker.get("event_payload", "snapshot") == "snapshot"
        and fits(event_type, taker["enabled_events"])
    ]
    event["pending_webhooks"] = len(takers)
    call.store.put(event)
    for taker in takers:
        deliveries.plan(call, taker, event)
    return event


def fits(event_type: str, enabled_events: list[str]) -> bool:
    return "*" in enabled_events or event_type in enabled_events


def changed(before: Json, after: Json) -> Json:
    """The former values of what is different now; objects inside are compared by their keys."""
    different: Json = {}
    for name in sorted(before.keys() | after.keys()):
        old, new = before.get(name), after.get(name)
        if old == new:
            continue
        if isinstance(old, dict) and isinstance(new, dict) and "object" not in old:
            old = changed(old, new)
        different[name] = old
    return different


def _shown(obj: Json) -> Json:
    return {name: value for name, value in obj.items() if not name.startswith("_")}

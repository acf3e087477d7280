"""Thin events: a small message that something happened; the whole of it is at /v2/core/events."""

import datetime

from seedance_saas.simulators.stripe import deliveries, ids
from seedance_saas.simulators.stripe.call import Call
from seedance_saas.simulators.stripe.errors import Json, StripeError, invalid
from seedance_saas.simulators.stripe.events import fits
from seedance_saas.simulators.stripe.registry import endpoint

KIND = "v2.core.event"
PAGE_MAX = 100


def emit(
    call: Call,
    event_type: str,
    data: Json | None,
    related: Json | None,
    *,
    to: Json | None = None,
) -> Json:
    """Write the event and plan its message: `to` one destination, or every thin one that wants it."""
    event: Json = {
        "id": ids.new("evt_test_65", 44),
        "object": KIND,
        "context": None,
        "created": moment(call.now_ms),
        "livemode": False,
        "reason": _reason(call),
        "type": event_type,
        "_created_ms": call.now_ms,
    }
    event |= {"related_object": related} if related is not None else {}
    event |= {"data": data} if data is not None else {}
    call.store.put(event)
    message = {k: v for k, v in event.items() if k != "data" and not k.startswith("_")}
    for taker in [to] if to else _takers(call, event_type):
        deliveries.plan(call, taker, message)
    return event


def _takers(call: Call, event_type: str) -> list[Json]:
    thin = {"status": "enabled", "event_payload": "thin"}
    return [
        taker
        for taker in call.store.select("v2.core.event_destination", thin)
        if fits(event_type, taker["enabled_events"])
    ]


def _reason(call: Call) -> Json | None:
    if call.request_id is None:
        return None
    request = {"id": call.request_id, "idempotency_key": call.idempotency_key or ""}
    return {"type": "request", "request": request}


def moment(ms: int) -> str:
    """A time as v2 writes it: 2026-11-26T19:29:21.000Z."""
    at = datetime.datetime.fromtimestamp(ms / 1000, datetime.UTC)
    return at.strftime("%Y-%m-%dT%H:%M:%S.") + f"{ms % 1000:03d}Z"


def seconds(text: str, param: str) -> int:
    """The other way round. Raises a 400 that names the parameter."""
    try:
        at = datetime.datetime.fromisoformat(text)
    except ValueError:
        raise invalid(f"Invalid timestamp: {text}", param=param) from None
    if at.tzinfo is None:
        raise invalid(f"Invalid timestamp: {text} has no time zone", param=param)
    return int(at.timestamp())


def listed_v2(call: Call, found: list[Json]) -> Json:
    """A page of a v2 list: `limit`, and the rest behind `next_page_url`."""
    limit = call.params.get("limit", 20)
    if not 1 <= limit <= PAGE_MAX:
        raise invalid(f"limit must be between 1 and {PAGE_MAX}", param="limit")
    page = call.params.get("page", "page_0").removeprefix("page_")
    if not page.isdecimal():
        raise invalid("Invalid page token", param="page")
    begin = int(page)

    def url(first: int) -> str:
        return f"{call.address}?limit={limit}&page=page_{first}"

    return {
        "data": found[begin : begin + limit],
        "next_page_url": url(begin + limit) if begin + limit < len(found) else None,
        "previous_page_url": url(max(0, begin - limit)) if begin else None,
    }


@endpoint("GET", "/v2/core/events", "v2.core.EventListParams")
def list_events(call: Call) -> Json:
    """Newest first. `object_id` is that of the related object."""
    given = call.params
    bounds = {
        name: seconds(text, f"created[{name}]") * 1000
        for name, text in given.get("created", {}).items()
    }
    types, wanted = given.get("types"), given.get("object_id")
    found = [
        event
        for event in call.store.select(KIND, {"related_object.id": wanted})
        if (types is None or event["type"] in types) and _within(event["_created_ms"], bounds)
    ]
    return listed_v2(call, found)


def _within(ms: int, bounds: dict[str, int]) -> bool:
    compare = {"gt": int.__gt__, "gte": int.__ge__, "lt": int.__lt__, "lte": int.__le__}
    return all(compare[name](ms, bound) for name, bound in bounds.items())


@endpoint("GET", "/v2/core/events/{id}", "v2.core.EventRetrieveParams")
def retrieve_event(call: Call) -> Json:
    return find(call, KIND, call.path["id"])


def find(call: Call, kind: str, id: str) -> Json:
    """A v2 object, or v2's own 404."""
    found = call.store.get(id, kind)
    if found is None:
        raise StripeError(
            404,
            "invalid_request_error",
            f"No such {kind.rpartition('.')[2]}: {id}",
            code="not_found",
        )
    return found

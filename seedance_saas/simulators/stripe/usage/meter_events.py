"""Usage as it is sent: /v1/billing/meter_events, their cancellation, and the same of v2.

v1 looks at most of it later, v2 at once. The stream of v2 works in live mode only, so it is not played.
"""

import sqlite3

from seedance_saas.simulators.stripe import ids, thin_events
from seedance_saas.simulators.stripe.call import Call, listed
from seedance_saas.simulators.stripe.errors import Json, invalid
from seedance_saas.simulators.stripe.registry import control, endpoint
from seedance_saas.simulators.stripe.usage import records


@endpoint("POST", "/v1/billing/meter_events", "billing.MeterEventCreateParams")
def create(call: Call) -> Json:
    given = call.params
    _require_few_digits(call, given["event_name"], given["payload"])
    row = records.record(
        call,
        given["event_name"],
        given["payload"],
        given.get("identifier"),
        given.get("timestamp"),
    )
    return {
        "object": "billing.meter_event",
        "created": call.now,
        "event_name": row["event_name"],
        "identifier": row["identifier"],
        "livemode": False,
        "payload": given["payload"],
        "timestamp": row["timestamp"],
    }


@endpoint("POST", "/v1/billing/meter_event_adjustments", "billing.MeterEventAdjustmentCreateParams")
def adjust(call: Call) -> Json:
    identifier = call.params.get("cancel", {}).get("identifier")
    if identifier is None:
        raise invalid(
            "Missing required param: cancel[identifier].",
            param="cancel[identifier]",
            code="parameter_missing",
        )
    records.cancel(call, call.params["event_name"], identifier)
    return {
        "object": "billing.meter_event_adjustment",
        "cancel": {"identifier": identifier},
        "event_name": call.params["event_name"],
        "livemode": False,
        "status": "pending",
        "type": "cancel",
    }


@endpoint("POST", "/v2/billing/meter_events", "v2.billing.MeterEventCreateParams")
def create_v2(call: Call) -> Json:
    """As v1, but whatever is wrong with it is refused at once."""
    given = call.params
    found = records.refusal(call, given["event_name"], given["payload"])
    if found is not None:
        raise invalid(found.message, code=found.code)
    return _shown_v2(call, _record_v2(call, given), given["payload"])


@endpoint(
    "POST", "/v2/billing/meter_event_adjustments", "v2.billing.MeterEventAdjustmentCreateParams"
)
def adjust_v2(call: Call) -> Json:
    identifier = call.params["cancel"]["identifier"]
    records.cancel(call, call.params["event_name"], identifier)
    return {
        "id": ids.new("mtr_evt_adj_test_61", 30),
        "object": "v2.billing.meter_event_adjustment",
        "cancel": {"identifier": identifier},
        "created": thin_events.moment(call.now_ms),
        "event_name": call.params["event_name"],
        "livemode": False,
        "status": "pending",
        "type": "cancel",
    }


@control("GET", "/control/meter_events")
def show(call: Call) -> Json:
    """What was received, every key of the payload included, and what became of it."""
    return listed(records.received(call), "/control/meter_events")


@control("POST", "/control/meter_events")
def order_refusals(call: Call) -> Json:
    """{"refuse": 2, "code": "meter_event_customer_not_found"}: the next two are refused, later."""
    times = call.params.get("refuse", 1)
    if not isinstance(times, int) or times < 0:
        raise invalid("Give refuse, how many of the next events.", param="refuse")
    order = {"times": times, "code": call.params.get("code", "meter_event_invalid_value")}
    call.store.set("refuse_meter_events", order)
    return order


def _record_v2(call: Call, given: Json) -> sqlite3.Row:
    timestamp = given.get("timestamp")
    seconds = None if timestamp is None else thin_events.seconds(timestamp, "timestamp")
    return records.record(
        call, given["event_name"], given["payload"], given.get("identifier"), seconds
    )


def _shown_v2(call: Call, row: sqlite3.Row, payload: dict[str, str]) -> Json:
    return {
        "object": "v2.billing.meter_event",
        "created": thin_events.moment(call.now_ms),
        "event_name": row["event_name"],
        "identifier": row["identifier"],
        "livemode": False,
        "payload": payload,
        "timestamp": thin_events.moment(row["timestamp"] * 1000),
    }


def _require_few_digits(call: Call, event_name: str, payload: dict[str, str]) -> None:
    """The one thing about a value that v1 refuses at once (since 2026-04-22)."""
    found = records.refusal(call, event_name, payload)
    if found is not None and found.code == "meter_event_value_too_many_digits":
        raise invalid(found.message, param="payload")

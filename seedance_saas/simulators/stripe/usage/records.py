"""Meter events as they were received, and their sums.

What is wrong with an event is found when it comes, but said later, as Stripe does: those of one window
of ten seconds together, in one thin event for each meter and one for all that name no meter.
"""

import json
import re
import sqlite3
import uuid
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from seedance_saas.simulators.stripe import thin_events
from seedance_saas.simulators.stripe.call import Call
from seedance_saas.simulators.stripe.errors import Json, StripeError, invalid
from seedance_saas.simulators.stripe.registry import timer

DAY_SECONDS = 86_400
PAST_SECONDS, FUTURE_SECONDS = 35 * DAY_SECONDS, 300
NAME_CHARS_MAX, VALUE_DIGITS_MAX = 100, 15
WINDOW_MS, REPORT_MS = 10_000, 2_000  # errors of a window; how long after it they are reported
SAMPLES_MAX = 5
WINDOW_SECONDS = {"hour": 3600, "day": DAY_SECONDS}
_NUMBER = re.compile(r"-?\d{1,100}(\.\d{1,100})?")


@dataclass(frozen=True)
class Refusal:
    """Why an event does not count. `code` is one of Stripe's words."""

    code: str
    message: str


def record(
    call: Call,
    event_name: str,
    payload: dict[str, str],
    identifier: str | None,
    timestamp: int | None,
) -> sqlite3.Row:
    """Keep one event. Raises what Stripe refuses at once: a repeated identifier, a time out of range."""
    for name, value in (("event_name", event_name), ("identifier", identifier)):
        if value is not None and len(value) > NAME_CHARS_MAX:
            shown = f"{value[:20]}...{value[-20:]}"
            raise invalid(
                f"Invalid string: {shown}; must be at most {NAME_CHARS_MAX} characters", param=name
            )
    _require_near(call, timestamp)
    identifier = identifier or str(uuid.uuid4())
    day_ago_ms = call.now_ms - DAY_SECONDS * 1000
    if _find(call, identifier, day_ago_ms) is not None:
        raise StripeError(
            400,
            "invalid_request_error",
            f"An event already exists with identifier {identifier}.",
            headers={"Stripe-Should-Retry": "false"},
        )
    meter = _meter(call, event_name)
    wrong = _ordered(call) or refusal(call, event_name, payload)
    value = payload.get(meter["value_settings"]["event_payload_key"], "") if meter else ""
    if wrong is not None:
        _report_later(call)
    call.store.connection.execute(
        "INSERT INTO meter_events (event_name, customer, identifier, timestamp, received_at_ms,"
        " value, payload, meter, refusal, message) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            event_name,
            payload.get(meter["customer_mapping"]["event_payload_key"], "") if meter else "",
            identifier,
            call.now if timestamp is None else timestamp,
            call.now_ms,
            value,
            json.dumps(payload),
            meter["id"] if meter else None,
            wrong.code if wrong else None,
            wrong.message if wrong else None,
        ),
    )
    found = _find(call, identifier, day_ago_ms)
    assert found is not None
    return found


def refusal(call: Call, event_name: str, payload: dict[str, str]) -> Refusal | None:
    """What is wrong with an event, of what Stripe looks at later."""
    meter = _meter(call, event_name)
    if meter is None:
        return Refusal("no_meter", f"No meter was found matching event_name {event_name}.")
    if meter["status"] != "active":
        return Refusal("archived_meter", f"The meter {meter['id']} is archived.")
    key = meter["customer_mapping"]["event_payload_key"]
    if not payload.get(key):
        return Refusal(
            "meter_event_no_customer_defined", f"Customer mapping key {key} not found in payload."
        )
    customer = call.store.get(payload[key], "customer")
    if customer is None or customer.get("_deleted"):
        return Refusal("meter_event_customer_not_found", f"No such customer: '{payload[key]}'")
    if meter["default_aggregation"]["formula"] == "count":
        return None
    return _value_refusal(meter, payload)


def _value_refusal(meter: Json, payload: dict[str, str]) -> Refusal | None:
    key = meter["value_settings"]["event_payload_key"]
    value = payload.get(key)
    if value is None:
        return Refusal("meter_event_invalid_value", f"Value key {key} not found in payload.")
    if not _NUMBER.fullmatch(value):
        message = f"The value in the event payload must be a number. Received {value}."
        return Refusal("meter_event_invalid_value", message)
    if len(re.sub(r"[-.]", "", value).strip("0")) > VALUE_DIGITS_MAX:
        message = (
            f"The value in the event payload can have at most {VALUE_DIGITS_MAX} digits. "
            f"Received {value}."
        )
        return Refusal("meter_event_value_too_many_digits", message)
    return None


def cancel(call: Call, event_name: str, identifier: str) -> None:
    """Uncount an event that came within 24 hours. A second time it is refused, as is an unknown one."""
    row = _find(call, identifier, call.now_ms - DAY_SECONDS * 1000)
    if row is None or row["event_name"] != event_name:
        raise invalid(
            f"No meter event of the last 24 hours with event_name {event_name} and identifier "
            f"{identifier} was found.",
            param="cancel[identifier]",
        )
    if row["canceled"]:
        raise invalid(
            f"The meter event {identifier} is already canceled.", param="cancel[identifier]"
        )
    call.store.connection.execute("UPDATE meter_events SET canceled = 1 WHERE id = ?", (row["id"],))


def total(call: Call, meter: Json, customer: str, start: int, end: int) -> Decimal | None:
    """The meter's aggregate of start ≤ timestamp < end (seconds); None if nothing was counted."""
    rows = call.store.connection.execute(
        "SELECT timestamp, value FROM meter_events WHERE meter = ? AND customer = ?"
        " AND timestamp >= ? AND timestamp < ? AND refusal IS NULL AND NOT canceled"
        " ORDER BY timestamp, id",
        (meter["id"], customer, start, end),
    ).fetchall()
    if meter["event_time_window"]:  # aggregated by the sender: the last one of a window replaces
        step = WINDOW_SECONDS[meter["event_time_window"]]
        rows = list({row["timestamp"] // step: row for row in rows}.values())
    if not rows:
        return None
    formula = meter["default_aggregation"]["formula"]
    if formula == "count":
        return Decimal(len(rows))
    values = [Decimal(row["value"]) for row in rows]
    return values[-1] if formula == "last" else sum(values, Decimal(0))


def as_number(value: Decimal) -> int | float:
    """As JSON shows it: Stripe's aggregated values are plain numbers."""
    return int(value) if value == value.to_integral_value() else float(value)


def received(call: Call) -> list[Json]:
    """Every event, the latest first, with what became of it."""
    rows = call.store.connection.execute("SELECT * FROM meter_events ORDER BY id DESC LIMIT 1000")
    return [
        dict(row) | {"payload": json.loads(row["payload"]), "canceled": bool(row["canceled"])}
        for row in rows
    ]


def _require_near(call: Call, timestamp: int | None) -> None:
    if timestamp is None:
        return
    earliest, latest = call.now - PAST_SECONDS, call.now + FUTURE_SECONDS
    if timestamp < earliest:
        raise invalid(
            "The event timestamp cannot be more than 35 days in past. Expected a timestamp greater "
            f"than or equal to {earliest}.",
            param="timestamp",
        )
    if timestamp > latest:
        raise invalid(
            "The event timestamp cannot be more than 5 minutes in future. Expected a timestamp less "
            f"than or equal to {latest}.",
            param="timestamp",
        )


def _find(call: Call, identifier: str, since_ms: int) -> sqlite3.Row | None:
    found: sqlite3.Row | None = call.store.connection.execute(
        "SELECT * FROM meter_events WHERE identifier = ? AND received_at_ms > ?",
        (identifier, since_ms),
    ).fetchone()
    return found


def _meter(call: Call, event_name: str) -> Json | None:
    """The active meter of that name, else the newest that was."""
    meters = call.store.select("billing.meter", {"event_name": event_name})
    return next(
        (meter for meter in meters if meter["status"] == "active"), next(iter(meters), None)
    )


def _ordered(call: Call) -> Refusal | None:
    """A refusal that a test has ordered for the next events."""
    order: Any = call.store.setting("refuse_meter_events", None)
    if not order or order["times"] <= 0:
        return None
    call.store.set("refuse_meter_events", order | {"times": order["times"] - 1})
    return Refusal(order["code"], "Refused as ordered at /stripe/control/meter_events.")


def _report_later(call: Call) -> None:
    """The first refused event of a window sets the timer of its report."""
    start_ms = call.now_ms // WINDOW_MS * WINDOW_MS
    known = call.store.connection.execute(
        "SELECT 1 FROM meter_events WHERE received_at_ms >= ? AND refusal IS NOT NULL", (start_ms,)
    ).fetchone()
    if known is None:
        call.later(start_ms + WINDOW_MS + REPORT_MS, "meter_errors", start_ms=start_ms)


@timer("meter_errors")
def report(call: Call, start_ms: int) -> None:
    """A thin event for each meter that refused in the window, and one for all that have none."""
    rows = call.store.connection.execute(
        "SELECT * FROM meter_events WHERE received_at_ms >= ? AND received_at_ms < ?"
        " AND refusal IS NOT NULL ORDER BY id",
        (start_ms, start_ms + WINDOW_MS),
    ).fetchall()
    for meter in dict.fromkeys(row["meter"] for row in rows):
        errors = [row for row in rows if row["meter"] == meter]
        if meter is None:
            kind, related = "v1.billing.meter.no_meter_found", None
        else:
            kind = "v1.billing.meter.error_report_triggered"
            related = {
                "id": meter,
                "type": "billing.meter",
                "url": f"/v1/billing/meters/{meter}",
            }
        thin_events.emit(call, kind, _report(errors, start_ms), related)


def _report(errors: list[sqlite3.Row], start_ms: int) -> Json:
    by_code: dict[str, list[sqlite3.Row]] = {}
    for row in errors:
        by_code.setdefault(row["refusal"], []).append(row)
    count = len(errors)
    return {
        "developer_message_summary": (
            "There is 1 invalid event" if count == 1 else f"There are {count} invalid events"
        ),
        "reason": {
            "error_count": count,
            "error_types": [
                {
                    "code": code,
                    "error_count": len(rows),
                    "sample_errors": [
                        {
                            "error_message": row["message"],
                            "request": {"identifier": row["identifier"]},
                        }
                        for row in rows[:SAMPLES_MAX]
                    ],
                }
                for code, rows in by_code.items()
            ],
        },
        "validation_end": thin_events.moment(start_ms + WINDOW_MS),
        "validation_start": thin_events.moment(start_ms),
    }

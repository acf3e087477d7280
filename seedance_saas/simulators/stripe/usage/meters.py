"""/v1/billing/meters: what is counted, under which event name, and the sums of it."""

from seedance_saas.simulators.stripe import ids
from seedance_saas.simulators.stripe.call import Call
from seedance_saas.simulators.stripe.errors import Json, invalid
from seedance_saas.simulators.stripe.registry import endpoint
from seedance_saas.simulators.stripe.usage import records

WINDOW_SECONDS = {"hour": 3600, "day": 86_400}


@endpoint("POST", "/v1/billing/meters", "billing.MeterCreateParams")
def create(call: Call) -> Json:
    given = call.params
    _require_free(call, given["event_name"])
    meter: Json = {
        "id": ids.new("mtr_test_61", 30),
        "object": "billing.meter",
        "created": call.now,
        "customer_mapping": given.get(
            "customer_mapping", {"event_payload_key": "stripe_customer_id", "type": "by_id"}
        ),
        "default_aggregation": given["default_aggregation"],
        "display_name": given["display_name"],
        "event_name": given["event_name"],
        "event_time_window": given.get("event_time_window"),
        "livemode": False,
        "status": "active",
        "status_transitions": {"deactivated_at": None},
        "updated": call.now,
        "value_settings": given.get("value_settings", {"event_payload_key": "value"}),
    }
    return call.save(meter, "billing.meter.created")


@endpoint("GET", "/v1/billing/meters", "billing.MeterListParams")
def list_meters(call: Call) -> Json:
    return call.page("billing.meter", {"status": call.params.get("status")})


@endpoint("GET", "/v1/billing/meters/{id}", "billing.MeterRetrieveParams")
def retrieve(call: Call) -> Json:
    return call.get("billing.meter", call.path["id"])


@endpoint("POST", "/v1/billing/meters/{id}", "billing.MeterUpdateParams")
def update(call: Call) -> Json:
    meter = call.get("billing.meter", call.path["id"])
    meter["display_name"] = call.params.get("display_name", meter["display_name"])
    meter["updated"] = call.now
    return call.save(meter, "billing.meter.updated")


@endpoint("POST", "/v1/billing/meters/{id}/deactivate", "billing.MeterDeactivateParams")
def deactivate(call: Call) -> Json:
    """What is sent to it afterwards is refused, later, as `archived_meter`."""
    meter = call.get("billing.meter", call.path["id"])
    if meter["status"] != "active":
        raise invalid("This meter is already inactive.")
    meter |= {"status": "inactive", "updated": call.now}
    meter["status_transitions"] = {"deactivated_at": call.now}
    return call.save(meter, "billing.meter.deactivated")


@endpoint("POST", "/v1/billing/meters/{id}/reactivate", "billing.MeterReactivateParams")
def reactivate(call: Call) -> Json:
    meter = call.get("billing.meter", call.path["id"])
    if meter["status"] == "active":
        raise invalid("This meter is already active.")
    _require_free(call, meter["event_name"])
    meter |= {"status": "active", "updated": call.now}
    meter["status_transitions"] = {"deactivated_at": None}
    return call.save(meter, "billing.meter.reactivated")


@endpoint("GET", "/v1/billing/meters/{id}/event_summaries", "billing.MeterListEventSummariesParams")
def list_event_summaries(call: Call) -> Json:
    """One for the whole time, or one for each window, the newest first. Where nothing was counted there is none."""
    meter = call.get("billing.meter", call.path["id"])
    customer = call.get("customer", call.params["customer"], param="customer")
    start, end = call.params["start_time"], call.params["end_time"]
    window = call.params.get("value_grouping_window")
    _require_aligned(start, end, window)
    step = WINDOW_SECONDS[window] if window else end - start
    summaries = [
        {
            "id": f"mtrusg_test_60{customer['id'][4:]}{begin:x}{step:x}",
            "object": "billing.meter_event_summary",
            "aggregated_value": records.as_number(total),
            "end_time": begin + step,
            "livemode": False,
            "meter": meter["id"],
            "start_time": begin,
        }
        for begin in range(end - step, start - 1, -step)
        if (total := records.total(call, meter, customer["id"], begin, begin + step)) is not None
    ]
    return call.cut(summaries, "meter event summary")


def _require_free(call: Call, event_name: str) -> None:
    taken = call.store.select("billing.meter", {"event_name": event_name, "status": "active"})
    if taken:
        raise invalid(
            f"A meter with event_name '{event_name}' is already active: {taken[0]['id']}.",
            param="event_name",
        )


def _require_aligned(start: int, end: int, window: str | None) -> None:
    step = WINDOW_SECONDS[window] if window else 60
    for name, seconds in (("start_time", start), ("end_time", end)):
        if seconds % step:
            raise invalid(
                f"Invalid {name}: must be aligned with {window or 'minute'} boundaries.", param=name
            )
    if end <= start:
        raise invalid("Invalid end_time: must be after start_time.", param="end_time")

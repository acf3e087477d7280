"""GET /v1/events and /v1/events/{id}."""

from seedance_saas.simulators.stripe.call import Call
from seedance_saas.simulators.stripe.errors import Json, invalid
from seedance_saas.simulators.stripe.registry import endpoint

TYPES_MAX = 20


@endpoint("GET", "/v1/events", "EventListParams")
def list_events(call: Call) -> Json:
    types = call.params.get("types")
    if types is not None and call.params.get("type") is not None:
        raise invalid("You may only specify one of these parameters: type, types.")
    if types is not None and len(types) > TYPES_MAX:
        raise invalid(f"You may pass at most {TYPES_MAX} types.", param="types")
    wanted = [call.params["type"]] if "type" in call.params else types
    found = call.page("event", {"type": wanted})
    found["data"] = [_current(call, event) for event in found["data"]]
    return found


@endpoint("GET", "/v1/events/{id}", "EventRetrieveParams")
def retrieve(call: Call) -> Json:
    return _current(call, call.get("event", call.path["id"]))


def _current(call: Call, event: Json) -> Json:
    return event | {"pending_webhooks": call.simulator.deliveries.waiting_for(event["id"])}

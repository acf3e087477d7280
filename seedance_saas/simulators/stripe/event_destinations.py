"""/v2/core/event_destinations: where events go, thin ones or snapshots."""

from seedance_saas.simulators.stripe import ids, thin_events
from seedance_saas.simulators.stripe.call import Call
from seedance_saas.simulators.stripe.errors import Json, StripeError, invalid
from seedance_saas.simulators.stripe.registry import endpoint
from seedance_saas.simulators.stripe.version import API_VERSION

KIND = "v2.core.event_destination"
PATH = "/v2/core/event_destinations"


@endpoint("POST", PATH, "v2.core.EventDestinationCreateParams")
def create(call: Call) -> Json:
    """The signing secret is in this answer alone, and only if `include` asks for it."""
    given = call.params
    if given["type"] != "webhook_endpoint":
        raise invalid(f"Destinations of type {given['type']} are not played here.", param="type")
    if "webhook_endpoint" not in given:
        raise invalid("webhook_endpoint is required for this type.", param="webhook_endpoint")
    if given["event_payload"] == "thin" and "snapshot_api_version" in given:
        raise invalid(
            "snapshot_api_version is for snapshot payloads.", param="snapshot_api_version"
        )
    now = thin_events.moment(call.now_ms)
    secret = call.config.stripe_webhook_secret or ids.new("whsec_", 32)
    destination: Json = {
        "id": ids.new("ed_test_61", 44),
        "object": KIND,
        "amazon_eventbridge": None,
        "azure_event_grid": None,
        "created": now,
        "description": given.get("description", ""),
        "enabled_events": given["enabled_events"],
        "event_payload": given["event_payload"],
        "events_from": given.get("events_from", ["@self"]),
        "livemode": False,
        "metadata": given.get("metadata", {}),
        "name": given["name"],
        "snapshot_api_version": (
            given.get("snapshot_api_version", API_VERSION)
            if given["event_payload"] == "snapshot"
            else None
        ),
        "status": "enabled",
        "status_details": None,
        "type": "webhook_endpoint",
        "updated": now,
        "webhook_endpoint": {"url": _url(given)},
        "_secrets": [{"secret": secret}],
    }
    call.store.put(destination)
    return _shown(call, destination, secret)


@endpoint("GET", PATH, "v2.core.EventDestinationListParams")
def list_destinations(call: Call) -> Json:
    return thin_events.listed_v2(call, [_shown(call, found) for found in call.store.select(KIND)])


@endpoint("GET", PATH + "/{id}", "v2.core.EventDestinationRetrieveParams")
def retrieve(call: Call) -> Json:
    return _shown(call, thin_events.find(call, KIND, call.path["id"]))


@endpoint("POST", PATH + "/{id}", "v2.core.EventDestinationUpdateParams")
def update(call: Call) -> Json:
    """A metadata value of null removes its key."""
    destination, given = thin_events.find(call, KIND, call.path["id"]), call.params
    for name in ("description", "enabled_events", "name"):
        destination[name] = given.get(name, destination[name])
    if "webhook_endpoint" in given:
        destination["webhook_endpoint"]["url"] = _url(given)
    merged = destination["metadata"] | given.get("metadata", {})
    destination["metadata"] = {name: value for name, value in merged.items() if value is not None}
    return _changed(call, destination)


@endpoint("DELETE", PATH + "/{id}", "v2.core.EventDestinationDeleteParams")
def delete(call: Call) -> Json:
    destination = thin_events.find(call, KIND, call.path["id"])
    call.store.remove(destination["id"])
    return {"id": destination["id"], "object": KIND}


@endpoint("POST", PATH + "/{id}/disable", "v2.core.EventDestinationDisableParams")
def disable(call: Call) -> Json:
    destination = thin_events.find(call, KIND, call.path["id"])
    destination |= {"status": "disabled", "status_details": {"disabled": {"reason": "user"}}}
    return _changed(call, destination)


@endpoint("POST", PATH + "/{id}/enable", "v2.core.EventDestinationEnableParams")
def enable(call: Call) -> Json:
    destination = thin_events.find(call, KIND, call.path["id"])
    destination |= {"status": "enabled", "status_details": None}
    return _changed(call, destination)


@endpoint("POST", PATH + "/{id}/ping", "v2.core.EventDestinationPingParams")
def ping(call: Call) -> Json:
    """Sent to this destination whatever events it wants."""
    destination = thin_events.find(call, KIND, call.path["id"])
    if destination["status"] != "enabled":
        raise StripeError(
            400,
            "invalid_request_error",
            "The destination is disabled.",
            code="destination_disabled",
        )
    related = {"id": destination["id"], "type": KIND, "url": f"{PATH}/{destination['id']}"}
    return thin_events.emit(call, f"{KIND}.ping", None, related, to=destination)


def _changed(call: Call, destination: Json) -> Json:
    destination["updated"] = thin_events.moment(call.now_ms)
    call.store.put(destination)
    return _shown(call, destination)


def _url(given: Json) -> str:
    url: str = given["webhook_endpoint"]["url"]
    if not url.startswith(("http://", "https://")):
        raise invalid(
            "Invalid URL: an explicit scheme must be given.", param="webhook_endpoint[url]"
        )
    return url


def _shown(call: Call, destination: Json, secret: str | None = None) -> Json:
    """Without what `include` has not asked for."""
    included = call.params.get("include", [])
    url = destination["webhook_endpoint"]["url"]
    return destination | {
        "webhook_endpoint": {
            "signing_secret": secret if "webhook_endpoint.signing_secret" in included else None,
            "url": url if "webhook_endpoint.url" in included else None,
        }
    }

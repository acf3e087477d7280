"""Webhook endpoints. The secret is said once, in the answer to the create."""

from urllib.parse import urlsplit

from seedance_saas.simulators.stripe import ids, metadata
from seedance_saas.simulators.stripe.call import Call
from seedance_saas.simulators.stripe.errors import Json, invalid
from seedance_saas.simulators.stripe.registry import endpoint

ENDPOINTS_MAX = 16


@endpoint("POST", "/v1/webhook_endpoints", "WebhookEndpointCreateParams")
def create(call: Call) -> Json:
    given = call.params
    _check_url(given["url"])
    if len(call.store.select("webhook_endpoint")) >= ENDPOINTS_MAX:
        raise invalid(f"You have reached the maximum of {ENDPOINTS_MAX} test webhook endpoints.")
    secret = call.config.stripe_webhook_secret or ids.new("whsec_", 32)
    made: Json = {
        "id": ids.new("we_1", 23),
        "object": "webhook_endpoint",
        "api_version": given.get("api_version"),
        "application": None,
        "created": call.now,
        "description": given.get("description") or None,
        "enabled_events": given["enabled_events"],
        "livemode": False,
        "metadata": metadata.merged({}, given.get("metadata")),
        "status": "enabled",
        "url": given["url"],
        "_secrets": [{"secret": secret}],
    }
    call.save(made)
    return made | {"secret": secret}


def _check_url(url: str) -> None:
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise invalid(
            "Invalid URL: An explicit scheme (such as https) must be provided.", param="url"
        )


@endpoint("GET", "/v1/webhook_endpoints", "WebhookEndpointListParams")
def list_all(call: Call) -> Json:
    return call.page("webhook_endpoint")


@endpoint("GET", "/v1/webhook_endpoints/{id}", "WebhookEndpointRetrieveParams")
def retrieve(call: Call) -> Json:
    return call.get("webhook_endpoint", call.path["id"])


@endpoint("POST", "/v1/webhook_endpoints/{id}", "WebhookEndpointUpdateParams")
def update(call: Call) -> Json:
    made = call.get("webhook_endpoint", call.path["id"])
    given = call.params
    if "url" in given:
        _check_url(given["url"])
        made["url"] = given["url"]
    if "disabled" in given:
        made["status"] = "disabled" if given["disabled"] else "enabled"
    made["enabled_events"] = given.get("enabled_events", made["enabled_events"])
    made["description"] = given.get("description", made["description"]) or None
    made["metadata"] = metadata.merged(made["metadata"], given.get("metadata"))
    return call.save(made)


@endpoint("DELETE", "/v1/webhook_endpoints/{id}", "WebhookEndpointDeleteParams")
def delete(call: Call) -> Json:
    made = call.get("webhook_endpoint", call.path["id"])
    call.save(made | {"_deleted": True})
    return {"id": made["id"], "object": "webhook_endpoint", "deleted": True}

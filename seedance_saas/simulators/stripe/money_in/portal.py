"""The billing portal: configurations and sessions."""

from typing import Any

from seedance_saas.simulators.stripe import ids, metadata
from seedance_saas.simulators.stripe.call import Call
from seedance_saas.simulators.stripe.errors import Json, invalid
from seedance_saas.simulators.stripe.registry import endpoint

FEATURES: Json = {
    "customer_update": {"allowed_updates": [], "enabled": False},
    "invoice_history": {"enabled": False},
    "payment_method_update": {"enabled": False, "payment_method_configuration": None},
    "subscription_cancel": {
        "cancellation_reason": {"enabled": False, "options": []},
        "enabled": False,
        "mode": "at_period_end",
        "proration_behavior": "none",
    },
    "subscription_pause": {
        "duration": {"interval_options": [], "type": "indefinite"},
        "enabled": False,
    },
    "subscription_update": {
        "billing_cycle_anchor": None,
        "default_allowed_updates": [],
        "enabled": False,
        "products": [],
        "proration_behavior": "none",
        "schedule_at_period_end": {"conditions": []},
        "trial_update_behavior": "end_trial",
    },
}
SESSION_SECONDS = 3600


@endpoint("POST", "/v1/billing_portal/configurations", "billing_portal.ConfigurationCreateParams")
def create_configuration(call: Call) -> Json:
    made: Json = {
        "id": ids.new("bpc_1", 23),
        "object": "billing_portal.configuration",
        "active": True,
        "application": None,
        "business_profile": {
            "headline": None,
            "privacy_policy_url": None,
            "terms_of_service_url": None,
        },
        "created": call.now,
        "default_return_url": None,
        "features": FEATURES,
        "is_default": not call.store.select("billing_portal.configuration", limit=1),
        "livemode": False,
        "login_page": {"enabled": False, "url": None},
        "metadata": {},
        "name": None,
        "updated": call.now,
    }
    _apply(call, made)
    return call.save(made, "billing_portal.configuration.created")


def _apply(call: Call, configuration: Json) -> None:
    given = call.params
    for name in ("default_return_url", "name"):
        if name in given:
            configuration[name] = given[name] or None
    configuration["active"] = given.get("active", configuration["active"])
    profile = {name: value or None for name, value in (given.get("business_profile") or {}).items()}
    configuration["business_profile"] = configuration["business_profile"] | profile
    features = dict(configuration["features"])
    for name, values in (given.get("features") or {}).items():
        features[name] = features[name] | {
            key: value or [] if value == "" else value for key, value in values.items()
        }
    configuration["features"] = features
    configuration["metadata"] = metadata.merged(configuration["metadata"], given.get("metadata"))


@endpoint("GET", "/v1/billing_portal/configurations", "billing_portal.ConfigurationListParams")
def list_configurations(call: Call) -> Json:
    names = ("active", "is_default")
    where = {name: call.params.get(name) for name in names}
    return call.page("billing_portal.configuration", where)


@endpoint(
    "GET", "/v1/billing_portal/configurations/{id}", "billing_portal.ConfigurationRetrieveParams"
)
def retrieve_configuration(call: Call) -> Json:
    return call.get("billing_portal.configuration", call.path["id"])


@endpoint(
    "POST", "/v1/billing_portal/configurations/{id}", "billing_portal.ConfigurationUpdateParams"
)
def update_configuration(call: Call) -> Json:
    configuration = call.get("billing_portal.configuration", call.path["id"])
    if configuration["is_default"] and call.params.get("active") is False:
        raise invalid("You cannot deactivate the default configuration.", param="active")
    _apply(call, configuration)
    configuration["updated"] = call.now
    return call.save(configuration, "billing_portal.configuration.updated")


@endpoint("POST", "/v1/billing_portal/sessions", "billing_portal.SessionCreateParams")
def create_session(call: Call) -> Json:
    given: dict[str, Any] = call.params
    if "customer" not in given:
        raise invalid(
            "Missing required param: customer.", param="customer", code="parameter_missing"
        )
    customer = call.get("customer", given["customer"], param="customer")
    kind = "billing_portal.configuration"
    if "configuration" in given:
        configuration = call.get(kind, given["configuration"], param="configuration")
    else:
        defaults = call.store.select(kind, {"is_default": True})
        if not defaults:
            raise invalid(
                "You can't create a portal session in test mode until you save your customer portal "
                "settings in test mode at https://dashboard.stripe.com/test/settings/billing/portal.",
            )
        configuration = defaults[0]
    if not configuration["active"]:
        raise invalid("This configuration is inactive.", param="configuration")
    flow = given.get("flow_data")
    if flow and flow["type"] != "payment_method_update":
        raise invalid("This flow is not played by the simulator.", param="flow_data[type]")
    if flow and not configuration["features"]["payment_method_update"]["enabled"]:
        raise invalid(
            "This `flow_data[type]` is not enabled in the portal configuration.", param="flow_data"
        )
    secret = ids.new("test_", 44)
    session: Json = {
        "id": ids.new("bps_1", 23),
        "object": "billing_portal.session",
        "after_expiration": None,
        "configuration": configuration["id"],
        "created": call.now,
        "customer": customer["id"],
        "customer_account": None,
        "flow": _flow(flow),
        "livemode": False,
        "locale": given.get("locale"),
        "on_behalf_of": None,
        "return_url": given.get("return_url", configuration["default_return_url"]),
        "url": f"{call.url}/p/session/{secret}",
        "_secret": secret,
    }
    return call.save(session, "billing_portal.session.created")


def _flow(flow: Json | None) -> Json | None:
    if flow is None:
        return None
    after = {"hosted_confirmation": None, "redirect": None, "type": "portal_homepage"}
    after |= flow.get("after_completion") or {}
    rest = dict.fromkeys(("customer_update", "subscription_cancel", "subscription_pause"))
    rest |= dict.fromkeys(("subscription_update", "subscription_update_confirm"))
    return {"type": flow["type"], "after_completion": after, **rest}

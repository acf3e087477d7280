"""/v1/subscriptions with metered prices, in Stripe's flexible billing mode.

In that mode nothing is invoiced when a metered subscription begins. `current_period_*` is on the items.
"""

from typing import Any

from seedance_saas.simulators.stripe import ids, metadata
from seedance_saas.simulators.stripe.call import Call, listed
from seedance_saas.simulators.stripe.errors import Json, invalid, missing_parameter
from seedance_saas.simulators.stripe.invoicing import (
    cycle,
    methods,
    periods,
    standing,
    subscription_items,
    tax_location,
    unplayed,
)
from seedance_saas.simulators.stripe.registry import endpoint

KIND = "subscription"
NOT_PLAYED = (
    *("add_invoice_items", "application_fee_percent", "backdate_start_date", "billing_schedules"),
    *("billing_thresholds", "default_source", "default_tax_rates", "discounts", "on_behalf_of"),
    *("pause_collection", "pending_invoice_item_interval", "transfer_data", "trial_end"),
    *("trial_from_plan", "trial_period_days", "trial_settings", "customer_account"),
)
EMPTY_SETTINGS = {
    "payment_method_options": None,
    "payment_method_types": None,
    "save_default_payment_method": "off",
}


@endpoint("POST", "/v1/subscriptions", "SubscriptionCreateParams")
def create(call: Call) -> Json:
    given = call.params
    unplayed.refuse(given, NOT_PLAYED)
    for name in ("customer", "items"):
        if name not in given:
            raise missing_parameter(name)
    customer = call.get("customer", given["customer"], param="customer")
    if given.get("billing_mode", {}).get("type", "flexible") != "flexible":
        raise invalid("Only flexible billing mode is played here.", param="billing_mode[type]")
    subscription = _new(call, customer)
    subscription["items"]["data"] = subscription_items.new(call, subscription, given["items"])
    subscription["items"]["total_count"] = len(given["items"])
    subscription["currency"] = subscription["items"]["data"][0]["price"]["currency"]
    _apply(call, subscription)
    if subscription["automatic_tax"]["enabled"]:
        tax_location.require(customer)
    _set_anchor(call, subscription)
    cycle.begin(call, subscription, call.now)
    return call.save(subscription, "customer.subscription.created")


@endpoint("GET", "/v1/subscriptions", "SubscriptionListParams")
def list_all(call: Call) -> Json:
    """Without canceled ones, unless a status is asked for: `all` is every one, `ended` what is over."""
    given = call.params
    where: Json = {"customer": given.get("customer")}
    where["collection_method"] = given.get("collection_method")
    status = given.get("status")
    if status in {"canceled", "ended"}:
        where["status"] = "canceled"
    elif status is None:
        where["status"] = standing.LIVING
    elif status != "all":
        where["status"] = status
    if "price" in given:
        raise invalid("Listing subscriptions by price is not played here.", param="price")
    return call.page(KIND, where)


@endpoint("GET", "/v1/subscriptions/{id}", "SubscriptionRetrieveParams")
def retrieve(call: Call) -> Json:
    return call.get(KIND, call.path["id"])


@endpoint("POST", "/v1/subscriptions/{id}", "SubscriptionUpdateParams")
def update(call: Call) -> Json:
    subscription, given = call.get(KIND, call.path["id"]), call.params
    unplayed.refuse(given, NOT_PLAYED)
    if "items" in given:
        raise invalid("The items of a subscription cannot be changed here.", param="items")
    if given.get("billing_cycle_anchor", {}).get("type", "unchanged") != "unchanged":
        raise invalid("Resetting the anchor is not played here.", param="billing_cycle_anchor")
    if subscription["status"] == "canceled" and given.keys() - {"metadata", "expand"}:
        raise invalid(
            "A canceled subscription can only update its cancellation_details and metadata.",
            code="invalid_canceled_subscription_fields",
        )
    _apply(call, subscription)
    return call.save(subscription, "customer.subscription.updated")


@endpoint("DELETE", "/v1/subscriptions/{id}", "SubscriptionCancelParams")
def cancel(call: Call) -> Json:
    """At once. What was used in the period is billed only with `invoice_now`."""
    subscription = call.get(KIND, call.path["id"])
    if subscription["status"] == "canceled":
        raise invalid(
            f"No such subscription: '{subscription['id']}'", param="id", code="resource_missing"
        )
    details = call.params.get("cancellation_details", {})
    subscription["cancellation_details"] |= {k: v or None for k, v in details.items()}
    keep = None
    if call.params.get("invoice_now"):
        start = min(item["current_period_start"] for item in subscription["items"]["data"])
        invoice = cycle.draft(call, subscription, start, call.now, "subscription_update")
        subscription["latest_invoice"] = keep = invoice["id"]
        call.save(invoice, "invoice.created")
    return cycle.cancel(call, subscription, keep=keep)


def _new(call: Call, customer: Json) -> Json:
    id = ids.new("sub_1", 23)
    url = f"/v1/subscription_items?subscription={id}"
    return {
        "id": id,
        "object": KIND,
        "application": None,
        "application_fee_percent": None,
        "automatic_tax": {"disabled_reason": None, "enabled": False, "liability": None},
        "billing_cycle_anchor": call.now,
        "billing_cycle_anchor_config": None,
        "billing_mode": {
            "flexible": {"proration_discounts": "included"},
            "type": "flexible",
            "updated_at": None,
        },
        "billing_schedules": [],
        "billing_thresholds": None,
        "cancel_at": None,
        "cancel_at_period_end": False,
        "canceled_at": None,
        "cancellation_details": {
            "comment": None,
            "feedback": None,
            "feedback_option": None,
            "reason": None,
        },
        "collection_method": "charge_automatically",
        "created": call.now,
        "currency": "usd",
        "customer": customer["id"],
        "customer_account": None,
        "days_until_due": None,
        "default_payment_method": None,
        "default_source": None,
        "default_tax_rates": [],
        "description": None,
        "discounts": [],
        "ended_at": None,
        "invoice_settings": {
            "account_tax_ids": None,
            "custom_fields": None,
            "description": None,
            "footer": None,
            "issuer": {"type": "self"},
        },
        "items": listed([], url),
        "latest_invoice": None,
        "livemode": False,
        "managed_payments": None,
        "metadata": {},
        "next_pending_invoice_item_invoice": None,
        "on_behalf_of": None,
        "pause_collection": None,
        "payment_settings": dict(EMPTY_SETTINGS),
        "pending_invoice_item_interval": None,
        "pending_setup_intent": None,
        "pending_update": None,
        "presentment_details": None,
        "schedule": None,
        "start_date": call.now,
        "status": "active",
        "status_details": None,
        "test_clock": None,
        "transfer_data": None,
        "trial_end": None,
        "trial_settings": {"end_behavior": {"missing_payment_method": "create_invoice"}},
        "trial_start": None,
    }


def _apply(call: Call, subscription: Json) -> None:
    """What create and update have in common."""
    given = call.params
    for name in ("collection_method", "days_until_due"):
        subscription[name] = given.get(name, subscription[name])
    _require_due_days(subscription, given)
    if "default_payment_method" in given:
        subscription["default_payment_method"] = methods.own(
            call, given["default_payment_method"], subscription["customer"]
        )
    subscription["description"] = given.get("description", subscription["description"]) or None
    subscription["metadata"] = metadata.merged(subscription["metadata"], given.get("metadata"))
    for name in ("payment_settings", "invoice_settings", "automatic_tax", "cancellation_details"):
        changes: dict[str, Any] = given.get(name, {})
        subscription[name] |= {key: None if v == "" else v for key, v in changes.items()}
    _apply_end(call, subscription, given)


def _require_due_days(subscription: Json, given: Json) -> None:
    if subscription["collection_method"] == "send_invoice":
        if subscription["days_until_due"] is None:
            raise invalid(
                "If you set `collection_method` to `send_invoice`, you must also set "
                "`days_until_due`.",
                param="days_until_due",
                code="parameter_missing",
            )
    elif given.get("days_until_due") is not None:
        raise invalid(
            "You can only set `days_until_due` if `collection_method` is `send_invoice`.",
            param="days_until_due",
        )
    else:
        subscription["days_until_due"] = None


def _apply_end(call: Call, subscription: Json, given: Json) -> None:
    """`cancel_at_period_end` or `cancel_at`; "" and false take them back."""
    if given.get("cancel_at_period_end") and given.get("cancel_at"):
        raise invalid("Only one of `cancel_at` and `cancel_at_period_end` can be set.")
    if "cancel_at_period_end" in given:
        wanted = given["cancel_at_period_end"]
        is_new = wanted != subscription["cancel_at_period_end"]
        subscription["cancel_at_period_end"] = wanted
        if is_new:
            has_period = subscription["items"]["data"][0]["current_period_end"]
            end = cycle.end_of(subscription) if wanted and has_period else None
            subscription |= {"cancel_at": end, "canceled_at": call.now if wanted else None}
    if "cancel_at" in given:
        at = given["cancel_at"] or None
        if isinstance(at, str):
            raise invalid(f"cancel_at={at} is not played here.", param="cancel_at")
        if at is not None and at <= call.now:
            raise invalid(
                "Invalid timestamp: must be an integer Unix timestamp in the future.",
                param="cancel_at",
            )
        subscription |= {"cancel_at": at, "canceled_at": call.now if at else None}
        if at is not None:
            call.later(at * 1000, "subscriptions.cancel", subscription=subscription["id"], at=at)


def _set_anchor(call: Call, subscription: Json) -> None:
    given = call.params
    config, anchor = given.get("billing_cycle_anchor_config"), given.get("billing_cycle_anchor")
    if config is not None:
        if anchor is not None:
            raise invalid(
                "You may only specify one of these parameters: billing_cycle_anchor, "
                "billing_cycle_anchor_config."
            )
        subscription["billing_cycle_anchor_config"] = _config(subscription, config)
        subscription["billing_cycle_anchor"] = periods.next_on(config, call.now)
        return
    if anchor is None:
        return
    if anchor <= call.now:
        raise invalid(
            "Invalid timestamp: must be an integer Unix timestamp in the future.",
            param="billing_cycle_anchor",
        )
    for item in subscription["items"]["data"]:
        natural = periods.boundary(call.now, item["price"]["recurring"], 1)
        if anchor > natural:
            raise invalid(
                f"billing_cycle_anchor cannot be later than next natural billing date ({natural}) "
                "for plan",
                param="billing_cycle_anchor",
            )
    subscription["billing_cycle_anchor"] = anchor


def _config(subscription: Json, config: Json) -> Json:
    ranges = {
        "month": (1, 12),
        "day_of_month": (1, 31),
        "hour": (0, 23),
        "minute": (0, 59),
        "second": (0, 59),
    }
    for name, value in config.items():
        low, high = ranges[name]
        if not low <= value <= high:
            raise invalid(
                f"Invalid integer: {value} (must be between {low} and {high})",
                param=f"billing_cycle_anchor_config[{name}]",
            )
    for item in subscription["items"]["data"]:
        if item["price"]["recurring"]["interval"] not in periods.MONTHS:
            raise invalid(
                "billing_cycle_anchor_config is only valid with monthly and yearly prices.",
                param="billing_cycle_anchor_config",
            )
    return dict.fromkeys(("hour", "minute", "month", "second")) | config

"""What a new Checkout session may not be."""

from seedance_saas.simulators.stripe.call import Call
from seedance_saas.simulators.stripe.errors import Json, invalid, missing_parameter
from seedance_saas.simulators.stripe.money_in import payment_intents

EXPIRES_MIN_SECONDS, EXPIRES_MAX_SECONDS = 30 * 60, 24 * 3600
NOT_PLAYED = (
    *("subscription_data", "shipping_options", "shipping_address_collection", "discounts"),
    *("optional_items", "managed_payments", "customer_account"),
)


def check(call: Call) -> None:
    """Raises what Stripe refuses before it looks at prices."""
    given = call.params
    mode = given.get("mode")
    if mode is None:
        raise missing_parameter("mode")
    if mode == "subscription" or any(name in given for name in NOT_PLAYED):
        name = next((name for name in NOT_PLAYED if name in given), "mode")
        raise invalid("This part of Checkout is not played by the simulator.", param=name)
    payment_intents.refuse_not_played(given.get("payment_intent_data") or {}, "payment_intent_data")
    if given.get("ui_mode", "hosted_page") != "hosted_page":
        raise invalid("The simulator has only the hosted page.", param="ui_mode")
    if "success_url" not in given:
        raise missing_parameter("success_url")
    for name in ("success_url", "cancel_url"):
        if not given.get(name, "https://").startswith(("http://", "https://")):
            raise invalid(
                "Not a valid URL. It must begin with http:// or https://.",
                param=name,
                code="url_invalid",
            )
    if "customer" in given and "customer_email" in given:
        raise invalid("You may only specify one of these parameters: customer, customer_email.")
    if "customer" in given and "customer_creation" in given:
        raise invalid("You may only specify one of these parameters: customer, customer_creation.")
    if "customer" not in given and "customer_update" in given:
        raise invalid(
            "`customer_update` can only be used with `customer`.", param="customer_update"
        )
    if mode == "payment" and not given.get("line_items"):
        raise missing_parameter("line_items")
    if mode == "setup":
        for name in ("line_items", "payment_intent_data", "invoice_creation", "automatic_tax"):
            if name in given:
                raise invalid(f"You can not pass `{name}` in `setup` mode.", param=name)
        if "currency" not in given and "allowed_payment_method_types" not in given:
            raise missing_parameter("currency")
    expires_in = given.get("expires_at", call.now + EXPIRES_MAX_SECONDS) - call.now
    if expires_in < EXPIRES_MIN_SECONDS:
        raise invalid(
            "The `expires_at` timestamp must be at least 30 minutes from Checkout Session creation.",
            param="expires_at",
        )
    if expires_in > EXPIRES_MAX_SECONDS:
        raise invalid(
            "The `expires_at` timestamp must be less than 24 hours from Checkout Session creation.",
            param="expires_at",
        )
    _check_customer_update(given)


def _check_customer_update(given: Json) -> None:
    updates = given.get("customer_update") or {}
    collects_tax_id = (given.get("tax_id_collection") or {}).get("enabled")
    if "customer" in given and collects_tax_id and updates.get("name") != "auto":
        raise invalid(
            "Tax ID collection requires updating business name on the customer. To enable tax ID "
            "collection for an existing customer, please set `customer_update[name]` to `auto`.",
            param="tax_id_collection[enabled]",
        )

"""Which payment method pays an invoice, and whose it must be."""

from seedance_saas.simulators.stripe.call import Call
from seedance_saas.simulators.stripe.errors import Json, invalid
from seedance_saas.simulators.stripe.invoicing import standing


def of_invoice(call: Call, invoice: Json) -> str | None:
    """The invoice's own, else the subscription's, else the customer's default payment method."""
    subscription = standing.subscription_of(call, invoice) or {}
    customer = call.get("customer", invoice["customer"])
    choices = (
        invoice["default_payment_method"],
        subscription.get("default_payment_method"),
        customer["invoice_settings"]["default_payment_method"],
    )
    return next((choice for choice in choices if choice), None)


def own(call: Call, id: str, customer: str) -> str:
    """The id of a `default_payment_method`, if it is attached to the customer."""
    method = call.get("payment_method", id, param="default_payment_method")
    if method["customer"] != customer:
        raise invalid(
            f"The customer does not have a payment method with the ID {id}. The payment method must "
            "be attached to the customer.",
            param="default_payment_method",
            code="resource_missing",
        )
    return id

"""Whether automatic tax knows where a customer is: by the address, which Stripe asks for first."""

from seedance_saas.simulators.stripe.errors import Json, invalid


def is_known(customer: Json) -> bool:
    address = customer["address"]
    return bool(address and address.get("country"))


def require(customer: Json) -> None:
    """Raises Stripe's refusal."""
    if not is_known(customer):
        raise invalid(
            "The customer's location isn't recognized. Set a valid customer address in order to "
            "automatically calculate tax.",
            param="automatic_tax",
            code="customer_tax_location_invalid",
        )


def settle(invoice: Json, customer: Json) -> None:
    """For an invoice that becomes final: a subscription's goes out without tax rather than not at all."""
    tax = invoice["automatic_tax"]
    if not tax["enabled"]:
        return
    if is_known(customer):
        tax["status"] = "complete"
        return
    if not (invoice["parent"] or {}).get("subscription_details"):
        require(customer)
    invoice["_lines"] = [line | {"taxes": []} for line in invoice["_lines"]]
    tax["enabled"] = False
    tax["disabled_reason"] = "finalization_requires_location_inputs"

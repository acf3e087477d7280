"""What becomes of a subscription by what becomes of its invoices."""

from seedance_saas.simulators.stripe.call import Call
from seedance_saas.simulators.stripe.errors import Json

LIVING = ["active", "past_due", "unpaid"]


def subscription_of(call: Call, invoice: Json) -> Json | None:
    parent = invoice["parent"]
    if parent is None or not parent.get("subscription_details"):
        return None
    return call.store.get(parent["subscription_details"]["subscription"], "subscription")


def follow(call: Call, invoice: Json, status: str) -> None:
    """The latest invoice was paid or given up ("active"), failed ("past_due"), or failed for good ("unpaid").

    Older invoices change nothing, and what has ended stays so.
    """
    subscription = subscription_of(call, invoice)
    if subscription is None or subscription["status"] in {"canceled", status}:
        return
    if subscription["latest_invoice"] != invoice["id"]:
        return
    if status == "past_due" and subscription["status"] == "unpaid":
        return
    call.save(subscription | {"status": status}, "customer.subscription.updated")

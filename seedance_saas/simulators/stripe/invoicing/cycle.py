"""What time does to a subscription: a period ends, an invoice is drafted, the next period begins."""

from seedance_saas.simulators.stripe.call import Call
from seedance_saas.simulators.stripe.errors import Json
from seedance_saas.simulators.stripe.invoicing import drafts, lines, periods, standing
from seedance_saas.simulators.stripe.money_in import customers
from seedance_saas.simulators.stripe.registry import timer


def begin(call: Call, subscription: Json, start: int) -> None:
    """Set the items' period that begins at `start`, and the timer of its end."""
    config = subscription["billing_cycle_anchor_config"] or {}
    for item in subscription["items"]["data"]:
        item["current_period_start"] = start
        item["current_period_end"] = periods.end_after(
            subscription["billing_cycle_anchor"],
            item["price"]["recurring"],
            start,
            config.get("day_of_month"),
        )
    end = end_of(subscription)
    if subscription["cancel_at_period_end"]:
        subscription["cancel_at"] = end
    call.later(end * 1000, "subscriptions.cycle", subscription=subscription["id"], end=end)


def end_of(subscription: Json) -> int:
    ends: list[int] = [item["current_period_end"] for item in subscription["items"]["data"]]
    return min(ends)


@timer("subscriptions.cycle")
def cycle(call: Call, subscription: str, end: int) -> None:
    """The period is over: draft its invoice and begin the next one, or end the subscription."""
    found = call.store.get(subscription, "subscription")
    if found is None or found["status"] == "canceled" or end_of(found) != end:
        return
    start = min(item["current_period_start"] for item in found["items"]["data"])
    invoice = draft(call, found, start, end, "subscription_cycle")
    found["latest_invoice"] = invoice["id"]
    if found["cancel_at"] is not None and found["cancel_at"] <= end:
        cancel(call, found, keep=invoice["id"])
    else:
        begin(call, found, end)
        call.save(found, "customer.subscription.updated")
    call.save(invoice, "invoice.created")


@timer("subscriptions.cancel")
def cancel_at(call: Call, subscription: str, at: int) -> None:
    """A day named by `cancel_at` that is no period's end. What was used until then is not billed."""
    found = call.store.get(subscription, "subscription")
    if found is None or found["status"] == "canceled" or found["cancel_at"] != at:
        return
    if end_of(found) != at:  # else the end of the period does it
        cancel(call, found)


def draft(call: Call, subscription: Json, start: int, end: int, reason: str) -> Json:
    """The invoice of a period, without its event. An unpaid subscription's is not collected."""
    customer = call.get("customer", subscription["customer"])
    is_sent = subscription["collection_method"] == "send_invoice"
    due_days = subscription["days_until_due"] or 0
    invoice = drafts.new(
        call,
        customer,
        subscription["currency"],
        auto_advance=subscription["status"] != "unpaid",
        billing_reason=reason,
        collection_method=subscription["collection_method"],
        description=subscription["description"],
        due_date=call.now + due_days * drafts.DAY_SECONDS if is_sent else None,
        parent={
            "quote_details": None,
            "subscription_details": {
                "metadata": subscription["metadata"],
                "subscription": subscription["id"],
                "subscription_proration_date": None,
            },
            "type": "subscription_details",
        },
        period_end=end,
        period_start=start,
    )
    invoice["automatic_tax"]["enabled"] = subscription["automatic_tax"]["enabled"]
    drafts.draw_in(call, invoice, subscription["id"])
    for item in reversed(subscription["items"]["data"]):
        period = {"end": end, "start": item["current_period_start"]}
        invoice["_lines"].append(lines.metered(call, invoice, subscription, item, period))
    drafts.schedule(call, invoice)
    lines.add_up(call, invoice)
    return invoice


@customers.when_deleted
def cancel_all(call: Call, customer: Json) -> None:
    """A customer who is deleted has no subscription any more, and no invoice that advances by itself."""
    for subscription in call.store.select(
        "subscription", {"customer": customer["id"], "status": standing.LIVING}
    ):
        cancel(call, subscription)
    _stop(call, {"customer": customer["id"]})


def cancel(call: Call, subscription: Json, *, keep: str | None = None) -> Json:
    """End it now. Its invoices stop advancing by themselves, but for the one to `keep`."""
    subscription |= {
        "canceled_at": subscription["canceled_at"] or call.now,
        "ended_at": call.now,
        "status": "canceled",
    }
    subscription["cancellation_details"]["reason"] = "cancellation_requested"
    call.save(subscription, "customer.subscription.deleted")
    _stop(call, {"parent.subscription_details.subscription": subscription["id"]}, keep)
    return subscription


def _stop(call: Call, where: Json, keep: str | None = None) -> None:
    """Invoices that are not settled advance no more by themselves."""
    stopped = {
        "auto_advance": False,
        "automatically_finalizes_at": None,
        "next_payment_attempt": None,
    }
    where |= {"auto_advance": True, "status": ["draft", "open"]}
    for invoice in call.store.select("invoice", where):
        if invoice["id"] != keep:
            call.save(invoice | stopped, "invoice.updated")

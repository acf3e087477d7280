"""A new invoice: Stripe's defaults, its lines, and what is drawn into it."""

from typing import Any

from seedance_saas.simulators.stripe import ids
from seedance_saas.simulators.stripe.call import Call
from seedance_saas.simulators.stripe.errors import Json
from seedance_saas.simulators.stripe.invoicing import lines

FINALIZES_AFTER_SECONDS = 3600
DAY_SECONDS = 86_400


def new(call: Call, customer: Json, currency: str, **values: Any) -> Json:
    """A draft without lines; not yet written."""
    tax_ids = call.store.select("tax_id", {"customer": customer["id"]})
    invoice: Json = {
        "id": ids.new("in_1", 23),
        "object": "invoice",
        "account_country": "US",
        "account_name": "Stripe simulator",
        "account_tax_ids": None,
        "amount_due": 0,
        "amount_overpaid": 0,
        "amount_paid": 0,
        "amount_paid_off_stripe": 0,
        "amount_remaining": 0,
        "amount_shipping": 0,
        "application": None,
        "attempt_count": 0,
        "attempted": False,
        "auto_advance": False,
        "automatic_tax": {
            "disabled_reason": None,
            "enabled": False,
            "liability": None,
            "provider": None,
            "status": None,
        },
        "automatically_finalizes_at": None,
        "billing_reason": "manual",
        "collection_method": "charge_automatically",
        "created": call.now,
        "currency": currency,
        "custom_fields": None,
        "customer": customer["id"],
        "customer_account": None,
        "customer_address": customer["address"],
        "customer_email": customer["email"],
        "customer_name": customer["name"],
        "customer_phone": customer["phone"],
        "customer_shipping": customer["shipping"],
        "customer_tax_exempt": customer["tax_exempt"],
        "customer_tax_ids": [{"type": t["type"], "value": t["value"]} for t in reversed(tax_ids)],
        "default_payment_method": None,
        "default_source": None,
        "default_tax_rates": [],
        "description": None,
        "discounts": [],
        "due_date": None,
        "effective_at": None,
        "ending_balance": None,
        "footer": None,
        "from_invoice": None,
        "hosted_invoice_url": None,
        "invoice_pdf": None,
        "issuer": {"type": "self"},
        "last_finalization_error": None,
        "latest_revision": None,
        "livemode": False,
        "metadata": {},
        "next_payment_attempt": None,
        "number": None,
        "on_behalf_of": None,
        "parent": None,
        "payment_settings": {
            "default_mandate": None,
            "payment_method_options": None,
            "payment_method_types": None,
        },
        "period_end": call.now,
        "period_start": call.now,
        "post_payment_credit_notes_amount": 0,
        "pre_payment_credit_notes_amount": 0,
        "receipt_number": None,
        "rendering": None,
        "shipping_cost": None,
        "shipping_details": None,
        "starting_balance": customer["balance"],
        "statement_descriptor": None,
        "status": "draft",
        "status_details": None,
        "status_transitions": dict.fromkeys(
            ("finalized_at", "marked_uncollectible_at", "paid_at", "voided_at")
        ),
        "test_clock": None,
        "threshold_reason": None,
        "total_discount_amounts": [],
        "total_pretax_credit_amounts": [],
        "webhooks_delivered_at": call.now,
        "_lines": [],
    }
    return invoice | values


def keep(call: Call, invoice: Json, *event_types: str) -> Json:
    """Add up and write."""
    lines.add_up(call, invoice)
    return call.save(invoice, *event_types)


def schedule(call: Call, invoice: Json) -> None:
    """A draft that advances by itself is finalized an hour after it was made."""
    if not invoice["auto_advance"]:
        invoice["automatically_finalizes_at"] = None
    elif invoice["automatically_finalizes_at"] is None:
        at = invoice["created"] + FINALIZES_AFTER_SECONDS
        invoice["automatically_finalizes_at"] = max(at, call.now)
    at = invoice["automatically_finalizes_at"]
    if at is not None:
        call.later(at * 1000, "invoices.advance", invoice=invoice["id"], at=at)


def draw_in(call: Call, invoice: Json, subscription: str | None = None) -> None:
    """Take the customer's pending items, the newest first: all of them, or those of a subscription and of none."""
    for item in call.store.select("invoiceitem", {"customer": invoice["customer"]}):
        if item["invoice"] is not None or item["currency"] != invoice["currency"]:
            continue
        details = item["parent"] and item["parent"]["subscription_details"]
        owner = details["subscription"] if details else None
        if subscription is None or owner in {None, subscription}:
            take(call, invoice, item)


def take(call: Call, invoice: Json, item: Json) -> None:
    """One item becomes one line."""
    invoice["_lines"].append(lines.of_item(call, invoice, item))
    call.save(item | {"invoice": invoice["id"], "_is_pending": False})

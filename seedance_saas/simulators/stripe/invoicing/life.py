"""The life of an invoice, top to bottom: draft, open, then paid, void or uncollectible.

Each function writes the invoice and its events, and says what it refuses with Stripe's 400.
"""

from seedance_saas.simulators.stripe.call import Call
from seedance_saas.simulators.stripe.errors import Json, invalid
from seedance_saas.simulators.stripe.invoicing import (
    drafts,
    invoice_payments,
    lines,
    methods,
    standing,
    tax_location,
)
from seedance_saas.simulators.stripe.money_in import payment_methods, payments
from seedance_saas.simulators.stripe.registry import timer

RETRY_DAYS = (3, 5, 7)  # after the first attempt failed
DAY_SECONDS = drafts.DAY_SECONDS


@timer("invoices.advance")
def advance(call: Call, invoice: str, at: int) -> None:
    """A draft's hour is over: finalize it and collect. Late usage of its period is counted once more."""
    found = call.store.get(invoice, "invoice")
    if found is None or found["status"] != "draft" or found["automatically_finalizes_at"] != at:
        return
    finalize(call, found)
    if found["status"] == "open":
        collect(call, found)


def finalize(call: Call, invoice: Json) -> Json:
    """Draft → open, or → paid if nothing is to be paid. The customer's balance is taken into account."""
    if invoice["status"] != "draft":
        raise invalid(
            "This invoice is already finalized, you can't re-finalize a non-draft invoice.",
            code="invoice_not_editable",
        )
    customer = call.get("customer", invoice["customer"])
    invoice["_lines"] = [lines.counted(call, line, customer["id"]) for line in invoice["_lines"]]
    invoice["starting_balance"] = customer["balance"]
    _open(call, invoice, customer)
    if invoice["amount_due"] == 0:
        return mark_paid(call, invoice)
    invoice_payments.begin(call, invoice)
    if invoice["due_date"] is not None:
        call.later(invoice["due_date"] * 1000, "invoices.overdue", invoice=invoice["id"])
    return invoice


def issue_paid(call: Call, invoice: Json, intent: Json) -> Json:
    """The invoice of a payment that has already succeeded, as Checkout makes it. No balance is touched."""
    customer = call.get("customer", invoice["customer"])
    invoice["starting_balance"] = 0
    drafts.keep(call, invoice, "invoice.created")
    _open(call, invoice, customer)
    invoice_payments.begin(call, invoice, intent)
    return mark_paid(call, invoice)


def _open(call: Call, invoice: Json, customer: Json) -> None:
    tax_location.settle(invoice, customer)
    lines.add_up(call, invoice)
    _number(call, invoice, customer)
    token = invoice["id"].removeprefix("in_")
    invoice |= {
        "automatically_finalizes_at": None,
        "effective_at": invoice["effective_at"] or call.now,
        "ending_balance": invoice["_balance_after"],
        "hosted_invoice_url": f"{call.url}/invoices/{token}",
        "invoice_pdf": f"{call.url}/invoices/{token}/pdf",
        "status": "open",
    }
    invoice["status_transitions"]["finalized_at"] = call.now
    call.save(invoice, "invoice.finalized")


def _number(call: Call, invoice: Json, customer: Json) -> None:
    """The next number of the customer, whose balance becomes what the invoice leaves of it."""
    sequence = customer["next_invoice_sequence"]
    if invoice["number"] is None:
        invoice["number"] = f"{customer['invoice_prefix']}-{sequence:04d}"
        customer["next_invoice_sequence"] = sequence + 1
    customer["balance"] += invoice["_balance_after"] - invoice["starting_balance"]
    customer["currency"] = customer["currency"] or invoice["currency"]
    call.save(customer)


def collect(call: Call, invoice: Json) -> Json:
    """Charge the customer's method, or send the invoice to be paid."""
    if invoice["collection_method"] == "send_invoice":
        return send(call, invoice)
    return attempt(call, invoice, is_scheduled=True)


def send(call: Call, invoice: Json) -> Json:
    return call.save(invoice, "invoice.sent")


def attempt(
    call: Call,
    invoice: Json,
    method: str | None = None,
    *,
    off_session: bool = True,
    is_scheduled: bool = False,
) -> Json:
    """One try to take the money. The invoice as it is afterwards; a decline does not raise."""
    if is_scheduled or invoice["attempt_count"] == 0:
        invoice["attempt_count"] += 1
    invoice["attempted"] = True
    payment = invoice_payments.current(call, invoice)
    assert payment is not None, invoice["id"]
    intent = call.get("payment_intent", payment["payment"]["payment_intent"])
    method = method or methods.of_invoice(call, invoice)
    if method is None:
        return _failed(call, invoice, intent, is_scheduled)
    call.save(invoice)
    found = payment_methods.find(call, method)
    intent = payments.attempt(call, intent, found, off_session=off_session)
    if intent["status"] == "succeeded":
        return call.get("invoice", invoice["id"])  # see `succeeded`
    if intent["status"] in {"processing", "requires_action"}:
        return call.save(invoice, "invoice.updated")
    return _failed(call, invoice, intent, is_scheduled)


def _failed(call: Call, invoice: Json, intent: Json, is_scheduled: bool) -> Json:
    """Tell it, and plan the next try; after the last one the debt is given up."""
    if is_scheduled:
        _plan_retry(call, invoice)
    error = intent["last_payment_error"] or {}
    events = ["invoice.payment_failed"]
    if error.get("code") == "authentication_required":
        events.append("invoice.payment_action_required")
    call.save(invoice, "invoice.updated", *events)
    standing.follow(call, invoice, "past_due")
    is_last = is_scheduled and invoice["next_payment_attempt"] is None
    if is_last and invoice["auto_advance"] and invoice["status"] == "open":
        mark_uncollectible(call, invoice, "max_payment_attempts")
        standing.follow(call, invoice, "unpaid")
    return invoice


def _plan_retry(call: Call, invoice: Json) -> None:
    number = invoice["attempt_count"] - 1
    first = invoice.setdefault("_first_attempt_at", call.now)
    if number >= len(RETRY_DAYS) or not invoice["auto_advance"]:
        invoice["next_payment_attempt"] = None
        return
    at = first + RETRY_DAYS[number] * DAY_SECONDS
    invoice["next_payment_attempt"] = at
    call.later(at * 1000, "invoices.retry", invoice=invoice["id"], at=at)


@timer("invoices.retry")
def retry(call: Call, invoice: str, at: int) -> None:
    found = call.store.get(invoice, "invoice")
    if found is None or found["status"] != "open" or found["next_payment_attempt"] != at:
        return
    payment = invoice_payments.current(call, found)
    intent = payment and call.get("payment_intent", payment["payment"]["payment_intent"])
    if intent and intent["status"] == "processing":
        return  # a debit is under way; its end decides
    attempt(call, found, is_scheduled=True)


@timer("invoices.collect")
def collect_later(call: Call, invoice: str) -> None:
    """An hour after it was finalized by hand."""
    found = call.store.get(invoice, "invoice")
    if found and found["status"] == "open" and found["auto_advance"] and not found["attempted"]:
        collect(call, found)


@timer("invoices.overdue")
def overdue(call: Call, invoice: str) -> None:
    """The due date has passed: said once, and the subscription is past due."""
    found = call.store.get(invoice, "invoice")
    if found is not None and found["status"] == "open":
        call.save(found, "invoice.overdue")
        standing.follow(call, found, "past_due")


@payments.when_succeeded
def succeeded(call: Call, intent: Json) -> None:
    """The money of an invoice has come: by an attempt of ours, on its page, or by the API."""
    payment = invoice_payments.of_intent(call, intent)
    if payment is not None and payment["status"] == "open":
        mark_paid(call, call.get("invoice", payment["invoice"]))


@payments.when_settled
def settled(call: Call, intent: Json) -> None:
    """A bank debit has come to its end; only a failure is left to be told."""
    payment = invoice_payments.of_intent(call, intent)
    if payment is None or intent["status"] == "succeeded":
        return
    invoice = call.get("invoice", payment["invoice"])
    if invoice["status"] in {"open", "uncollectible"}:
        _failed(call, invoice, intent, is_scheduled=invoice["next_payment_attempt"] is None)


def mark_paid(call: Call, invoice: Json, *, off_stripe: bool = False) -> Json:
    """Open or uncollectible → paid. `off_stripe`: the money came another way."""
    if off_stripe:
        drop_payment(call, invoice)
        invoice["amount_paid_off_stripe"] = invoice["amount_due"]
    payment = invoice_payments.current(call, invoice)
    if payment is not None:
        invoice_payments.end(call, payment, "paid")
    invoice |= {
        "amount_paid": invoice["amount_due"],
        "amount_remaining": 0,
        "attempted": True,
        "next_payment_attempt": None,
        "status": "paid",
    }
    invoice["status_transitions"]["paid_at"] = call.now
    call.save(invoice, "invoice.updated", "invoice.paid", "invoice.payment_succeeded")
    standing.follow(call, invoice, "active")
    return invoice


def void(call: Call, invoice: Json) -> Json:
    """Open or uncollectible → void: as if it had never been, but for its number.

    What it took from the customer's balance, or left on it, is taken back.
    """
    if invoice["status"] not in {"open", "uncollectible"}:
        raise invalid(
            "You can only pass in open or uncollectible invoices. This invoice isn't open or "
            "uncollectible."
        )
    drop_payment(call, invoice)
    customer = call.get("customer", invoice["customer"])
    balance = customer["balance"] + invoice["starting_balance"] - invoice["ending_balance"]
    call.save(customer | {"balance": balance})
    invoice |= {"next_payment_attempt": None, "status": "void"}
    invoice["status_transitions"]["voided_at"] = call.now
    call.save(invoice, "invoice.voided")
    standing.follow(call, invoice, "active")
    return invoice


def mark_uncollectible(call: Call, invoice: Json, reason: str = "user_forgiven") -> Json:
    """Open → uncollectible. It can still be paid or voided."""
    if invoice["status"] != "open":
        raise invalid("You can only pass in open invoices. This invoice isn't open.")
    invoice |= {
        "next_payment_attempt": None,
        "status": "uncollectible",
        "status_details": {"uncollectible": {"reason": reason}},
    }
    invoice["status_transitions"]["marked_uncollectible_at"] = call.now
    call.save(invoice, "invoice.marked_uncollectible")
    standing.follow(call, invoice, "active")
    return invoice


def drop_payment(call: Call, invoice: Json) -> None:
    """No card will pay this any more: cancel the open payment and its intent."""
    payment = invoice_payments.current(call, invoice)
    if payment is None:
        return
    invoice_payments.end(call, payment, "canceled")
    intent = call.get("payment_intent", payment["payment"]["payment_intent"])
    if intent["status"] not in {"succeeded", "canceled", "processing"}:
        intent |= {
            "canceled_at": call.now,
            "cancellation_reason": "void_invoice",
            "next_action": None,
            "status": "canceled",
        }
        call.save(intent, "payment_intent.canceled")

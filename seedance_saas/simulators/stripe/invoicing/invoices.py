"""The endpoints of invoices."""

from seedance_saas.simulators.stripe import metadata
from seedance_saas.simulators.stripe.call import Call
from seedance_saas.simulators.stripe.errors import Json, invalid, missing_parameter
from seedance_saas.simulators.stripe.invoicing import (
    drafts,
    invoice_payments,
    life,
    methods,
    unplayed,
)
from seedance_saas.simulators.stripe.money_in import payments
from seedance_saas.simulators.stripe.registry import endpoint

NOT_PLAYED = (
    *("account_tax_ids", "application_fee_amount", "customer_account", "default_source"),
    *("default_tax_rates", "discounts", "from_invoice", "on_behalf_of", "rendering"),
    *("shipping_cost", "shipping_details", "transfer_data"),
)
TEXTS = ("custom_fields", "description", "footer", "statement_descriptor")
# What may change after finalization.
ALWAYS_EDITABLE = {"auto_advance", "default_payment_method", "expand", "metadata"}


@endpoint("POST", "/v1/invoices", "InvoiceCreateParams")
def create(call: Call) -> Json:
    """A draft without the customer's pending items, unless `pending_invoice_items_behavior` includes them."""
    given = call.params
    unplayed.refuse(given, NOT_PLAYED)
    if "customer" not in given:
        raise missing_parameter("customer")
    customer = call.get("customer", given["customer"], param="customer")
    currency = str(given.get("currency") or customer["currency"] or "usd").lower()
    invoice = drafts.new(call, customer, currency)
    subscription = given.get("subscription")
    if subscription is not None:
        call.get("subscription", subscription, param="subscription")
        details = {
            "metadata": {},
            "subscription": subscription,
            "subscription_proration_date": None,
        }
        invoice["parent"] = {
            "quote_details": None,
            "subscription_details": details,
            "type": "subscription_details",
        }
    _apply(call, invoice)
    if subscription is not None or given.get("pending_invoice_items_behavior") == "include":
        drafts.draw_in(call, invoice, subscription)
    drafts.schedule(call, invoice)
    return drafts.keep(call, invoice, "invoice.created")


@endpoint("GET", "/v1/invoices", "InvoiceListParams")
def list_all(call: Call) -> Json:
    given = call.params
    if "due_date" in given:
        raise invalid("Listing invoices by due_date is not played here.", param="due_date")
    names = ("collection_method", "customer", "status")
    where = {name: given.get(name) for name in names}
    where["parent.subscription_details.subscription"] = given.get("subscription")
    return call.page("invoice", where)


@endpoint("GET", "/v1/invoices/{id}", "InvoiceRetrieveParams")
def retrieve(call: Call) -> Json:
    return call.get("invoice", call.path["id"])


@endpoint("POST", "/v1/invoices/{id}", "InvoiceUpdateParams")
def update(call: Call) -> Json:
    invoice, given = call.get("invoice", call.path["id"]), call.params
    unplayed.refuse(given, NOT_PLAYED)
    fixed = sorted(given.keys() - ALWAYS_EDITABLE)
    if invoice["status"] != "draft" and fixed:
        raise invalid(
            f"Finalized invoices can't be updated in this way: {', '.join(fixed)}",
            code="invoice_not_editable",
        )
    _apply(call, invoice)
    if invoice["status"] != "draft":
        return call.save(invoice, "invoice.updated")
    drafts.schedule(call, invoice)
    return drafts.keep(call, invoice, "invoice.updated")


@endpoint("DELETE", "/v1/invoices/{id}", "InvoiceDeleteParams")
def delete(call: Call) -> Json:
    """A draft of one's own. Its items wait again for the next invoice."""
    invoice = call.get("invoice", call.path["id"])
    if invoice["status"] != "draft":
        raise invalid(
            "You can only delete draft invoices. To cancel a finalized invoice, void it instead.",
            code="invoice_not_editable",
        )
    if invoice["billing_reason"] != "manual":
        raise invalid("You can't delete invoices created by subscriptions.")
    for item in call.store.select("invoiceitem", {"invoice": invoice["id"]}):
        call.save(item | {"invoice": None, "_is_pending": True})
    call.save(invoice | {"_deleted": True}, "invoice.deleted")
    return {"id": invoice["id"], "object": "invoice", "deleted": True}


@endpoint("GET", "/v1/invoices/{id}/lines", "InvoiceLineItemListParams")
def list_lines(call: Call) -> Json:
    return call.cut(call.get("invoice", call.path["id"])["_lines"], "line item")


@endpoint("POST", "/v1/invoices/{id}/finalize", "InvoiceFinalizeInvoiceParams")
def finalize(call: Call) -> Json:
    """Finalized only: what advances by itself is collected an hour later, as a draft would have been."""
    invoice = call.get("invoice", call.path["id"])
    invoice["auto_advance"] = call.params.get("auto_advance", invoice["auto_advance"])
    life.finalize(call, invoice)
    if invoice["status"] == "open" and invoice["auto_advance"]:
        at = call.now + drafts.FINALIZES_AFTER_SECONDS
        if invoice["collection_method"] == "charge_automatically":
            invoice["next_payment_attempt"] = at
            call.save(invoice)
        call.later(at * 1000, "invoices.collect", invoice=invoice["id"])
    return invoice


@endpoint("POST", "/v1/invoices/{id}/pay", "InvoicePayParams")
def pay(call: Call) -> Json:
    """Now. Raises the decline; a draft is finalized first."""
    invoice, given = call.get("invoice", call.path["id"]), call.params
    if invoice["status"] == "draft":
        life.finalize(call, invoice)
        if invoice["status"] == "paid":
            return invoice
    if invoice["status"] not in {"open", "uncollectible"}:
        status = invoice["status"]
        message = "Invoice is already paid" if status == "paid" else f"This invoice is {status}."
        raise invalid(message, code="invoice_already_paid" if status == "paid" else None)
    if given.get("paid_out_of_band"):
        return life.mark_paid(call, invoice, off_stripe=True)
    method = given.get("payment_method") or methods.of_invoice(call, invoice)
    if method is None:
        raise invalid(
            "There is no `default_payment_method` set on this Customer or Invoice. Please set either "
            "an Invoice's `default_payment_method`, or a Customer's `default_payment_method` or "
            "`default_source`."
        )
    owner = call.get("payment_method", method, param="payment_method")["customer"]
    if owner != invoice["customer"]:
        raise invalid(
            f"The PaymentMethod {method} does not belong to the Customer you supplied "
            f"{invoice['customer']}. Please use this PaymentMethod with the Customer that it belongs "
            "to instead.",
            param="payment_method",
        )
    paid = life.attempt(call, invoice, method, off_session=given.get("off_session", True))
    payment = invoice_payments.current(call, paid)
    if payment is not None:
        intent = call.get("payment_intent", payment["payment"]["payment_intent"])
        if intent["status"] == "requires_payment_method":
            raise payments.decline_error(intent)
        if intent["status"] == "requires_action":
            error = invalid(
                "This payment requires additional user action before it can be completed "
                "successfully.",
                code="invoice_payment_intent_requires_action",
            )
            error.status, error.keeps_work = 402, True
            raise error
    return paid


@endpoint("POST", "/v1/invoices/{id}/send", "InvoiceSendInvoiceParams")
def send(call: Call) -> Json:
    invoice = call.get("invoice", call.path["id"])
    if invoice["collection_method"] != "send_invoice":
        raise invalid(
            "You can only manually send an invoice if its collection method is 'send_invoice'."
        )
    if invoice["status"] == "draft":
        life.finalize(call, invoice)
    if invoice["status"] not in {"open", "paid"}:
        raise invalid(f"You can't send an invoice that is {invoice['status']}.")
    return life.send(call, invoice)


@endpoint("POST", "/v1/invoices/{id}/void", "InvoiceVoidInvoiceParams")
def void(call: Call) -> Json:
    return life.void(call, call.get("invoice", call.path["id"]))


@endpoint("POST", "/v1/invoices/{id}/mark_uncollectible", "InvoiceMarkUncollectibleParams")
def mark_uncollectible(call: Call) -> Json:
    return life.mark_uncollectible(call, call.get("invoice", call.path["id"]))


def _apply(call: Call, invoice: Json) -> None:
    """What create and update have in common."""
    given = call.params
    for name in TEXTS:
        if name in given:
            invoice[name] = given[name] or None
    for name in ("auto_advance", "automatically_finalizes_at", "effective_at", "number"):
        if name in given:
            invoice[name] = None if given[name] == "" else given[name]
    invoice["metadata"] = metadata.merged(invoice["metadata"], given.get("metadata"))
    for name in ("automatic_tax", "payment_settings"):
        invoice[name] |= {key: None if v == "" else v for key, v in given.get(name, {}).items()}
    if "default_payment_method" in given:
        invoice["default_payment_method"] = methods.own(
            call, given["default_payment_method"], invoice["customer"]
        )
    _apply_due_date(call, invoice)


def _apply_due_date(call: Call, invoice: Json) -> None:
    """An invoice that is sent has one; one that is charged has none."""
    given = call.params
    invoice["collection_method"] = given.get("collection_method", invoice["collection_method"])
    if "days_until_due" in given and "due_date" in given:
        raise invalid("You may only specify one of these parameters: days_until_due, due_date.")
    if invoice["collection_method"] == "charge_automatically":
        for name in ("days_until_due", "due_date"):
            if name in given:
                raise invalid(
                    f"You can only set `{name}` on invoices whose collection method is "
                    "`send_invoice`.",
                    param=name,
                )
        invoice["due_date"] = None
        return
    if "due_date" in given:
        if given["due_date"] < call.now:
            raise invalid("The due date must be in the future.", param="due_date")
        invoice["due_date"] = given["due_date"]
    elif "days_until_due" in given:
        invoice["due_date"] = invoice["created"] + given["days_until_due"] * drafts.DAY_SECONDS
    elif invoice["due_date"] is None:
        raise invalid(
            "If you set `collection_method` to `send_invoice`, you must also set `days_until_due` or "
            "`due_date`.",
            param="days_until_due",
            code="parameter_missing",
        )

"""/v1/credit_notes: less is owed on an open invoice, or money of a paid one goes back."""

from decimal import Decimal

from seedance_saas.simulators.stripe import ids, metadata
from seedance_saas.simulators.stripe.call import Call, listed
from seedance_saas.simulators.stripe.errors import Json, invalid, missing_parameter
from seedance_saas.simulators.stripe.invoicing import (
    drafts,
    invoice_payments,
    life,
    lines,
    unplayed,
)
from seedance_saas.simulators.stripe.money_in import refunds
from seedance_saas.simulators.stripe.registry import endpoint

KIND = "credit_note"
NOT_PLAYED = ("effective_at", "shipping_cost")


@endpoint("POST", "/v1/credit_notes", "CreditNoteCreateParams")
def create(call: Call) -> Json:
    """On an open invoice it lowers what remains. On a paid one the parts must add up to the amount."""
    given = call.params
    unplayed.refuse(given, NOT_PLAYED)
    invoice = call.get("invoice", given["invoice"], param="invoice")
    if invoice["status"] not in {"open", "paid"}:
        raise invalid(
            f"You can only create credit notes for open or paid invoices; {invoice['id']} is "
            f"{invoice['status']}.",
            param="invoice",
        )
    note = _new(call, invoice)
    note["lines"]["data"] = rows = _lines(call, invoice)
    taxes = sum(tax["amount"] for row in rows for tax in row["taxes"])
    subtotal = sum(row["amount"] for row in rows)
    amount = subtotal + taxes
    if amount <= 0:
        raise invalid("The amount of a credit note must be greater than 0.", param="amount")
    note |= {
        "amount": amount,
        "subtotal": subtotal,
        "subtotal_excluding_tax": subtotal,
        "total": amount,
        "total_excluding_tax": subtotal,
        "total_taxes": [lines.tax(taxes, subtotal)] if taxes else [],
    }
    if invoice["status"] == "open":
        _lower(call, invoice, note)
    else:
        _give_back(call, invoice, note)
    return call.save(note, "credit_note.created")


@endpoint("GET", "/v1/credit_notes", "CreditNoteListParams")
def list_all(call: Call) -> Json:
    return call.page(KIND, {name: call.params.get(name) for name in ("customer", "invoice")})


@endpoint("GET", "/v1/credit_notes/{id}", "CreditNoteRetrieveParams")
def retrieve(call: Call) -> Json:
    return call.get(KIND, call.path["id"])


def _new(call: Call, invoice: Json) -> Json:
    given = call.params
    id = ids.new("cn_1", 23)
    before = len(call.store.select(KIND, {"invoice": invoice["id"]}))
    return {
        "id": id,
        "object": KIND,
        "amount_shipping": 0,
        "created": call.now,
        "currency": invoice["currency"],
        "customer": invoice["customer"],
        "customer_account": None,
        "customer_balance_transaction": None,
        "discount_amount": 0,
        "discount_amounts": [],
        "effective_at": call.now,
        "invoice": invoice["id"],
        "lines": listed([], f"/v1/credit_notes/{id}/lines"),
        "livemode": False,
        "memo": given.get("memo"),
        "metadata": metadata.merged({}, given.get("metadata")),
        "number": f"{invoice['number']}-CN-{before + 1:02d}",
        "out_of_band_amount": None,
        "pdf": invoice["invoice_pdf"],
        "post_payment_amount": 0,
        "pre_payment_amount": 0,
        "pretax_credit_amounts": [],
        "reason": given.get("reason"),
        "refunds": [],
        "shipping_cost": None,
        "status": "issued",
        "type": "pre_payment",
        "voided_at": None,
    }


def _lines(call: Call, invoice: Json) -> list[Json]:
    given = call.params
    if ("amount" in given) == ("lines" in given):
        raise invalid("You must specify exactly one of `amount` and `lines`.")
    if "amount" in given:  # with its tax in it
        return [_line(given["amount"], "Credit", type="custom_line_item")]
    return [_given_line(invoice, row, f"lines[{n}]") for n, row in enumerate(given["lines"])]


def _given_line(invoice: Json, row: Json, path: str) -> Json:
    """A line of one's own, or a part of one of the invoice's, which takes its part of the tax along."""
    if row["type"] == "custom_line_item":
        each = row.get("unit_amount", row.get("unit_amount_decimal"))
        if each is None or "description" not in row:
            missing = "unit_amount" if each is None else "description"
            raise missing_parameter(f"{path}[{missing}]")
        amount = lines.cents(Decimal(each) * row.get("quantity", 1))
        return _line(amount, row["description"], type="custom_line_item")
    found = [line for line in invoice["_lines"] if line["id"] == row.get("invoice_line_item")]
    if not found:
        raise invalid(
            f"No such line item: '{row.get('invoice_line_item')}'",
            param=f"{path}[invoice_line_item]",
            code="resource_missing",
        )
    (line,) = found
    if "amount" not in row:
        raise invalid("Credit a line by its amount here.", param=f"{path}[amount]")
    if row["amount"] > line["amount"]:
        raise invalid("The amount is more than that of the line.", param=f"{path}[amount]")
    made = _line(row["amount"], line["description"], type="invoice_line_item")
    made["invoice_line_item"] = line["id"]
    whole = sum(tax["amount"] for tax in line["taxes"])
    if whole:
        part = lines.cents(Decimal(whole) * row["amount"] / line["amount"])
        made["taxes"] = [lines.tax(part, row["amount"])]
    return made


def _line(amount: int, description: str | None, *, type: str) -> Json:
    return {
        "id": ids.new("cnli_1", 23),
        "object": "credit_note_line_item",
        "amount": amount,
        "description": description,
        "discount_amount": 0,
        "discount_amounts": [],
        "invoice_line_item": None,
        "livemode": False,
        "metadata": {},
        "pretax_credit_amounts": [],
        "quantity": None,
        "tax_rates": [],
        "taxes": [],
        "type": type,
        "unit_amount": None,
        "unit_amount_decimal": None,
    }


def _lower(call: Call, invoice: Json, note: Json) -> None:
    """Take the amount off what remains; the invoice is paid when nothing does."""
    for name in ("refund_amount", "credit_amount", "out_of_band_amount", "refunds"):
        if name in call.params:
            raise invalid(f"{name} is for invoices that are paid.", param=name)
    if note["amount"] > invoice["amount_remaining"]:
        raise invalid(
            f"The credit note's amount ({note['amount']}) is more than what remains of the invoice "
            f"({invoice['amount_remaining']}).",
            param="amount",
        )
    note["pre_payment_amount"] = note["amount"]
    invoice["pre_payment_credit_notes_amount"] += note["amount"]
    lines.add_up(call, invoice)
    if invoice["amount_remaining"] == 0:
        life.drop_payment(call, invoice)
        life.mark_paid(call, invoice)
        return
    payment = invoice_payments.current(call, invoice)
    assert payment is not None, invoice["id"]
    left = invoice["amount_remaining"]
    intent = call.get("payment_intent", payment["payment"]["payment_intent"])
    call.save(intent | {"amount": left})
    call.save(payment | {"amount_requested": left})
    drafts.keep(call, invoice, "invoice.updated")


def _give_back(call: Call, invoice: Json, note: Json) -> None:
    """By a refund, on the customer's balance, or out of band: together exactly the amount."""
    given = call.params
    known = given.get("refunds", [])
    parts = [
        given.get(name, 0) for name in ("refund_amount", "credit_amount", "out_of_band_amount")
    ]
    if sum(parts) + sum(row.get("amount_refunded", 0) for row in known) != note["amount"]:
        raise invalid(
            "The sum of refund_amount, credit_amount, out_of_band_amount and refunds must equal the "
            f"credit note's amount ({note['amount']}).",
        )
    if invoice["post_payment_credit_notes_amount"] + note["amount"] > invoice["amount_paid"]:
        raise invalid("The credit notes are more than what was paid.", param="amount")
    refund_amount, credit_amount, out_of_band = parts
    note |= {"post_payment_amount": note["amount"], "type": "post_payment"}
    note["out_of_band_amount"] = out_of_band or None
    for row in known:
        refund = call.get("refund", row["refund"], param="refunds[0][refund]")
        note["refunds"].append(_refunded(refund, row["amount_refunded"]))
    if refund_amount:
        charge = _charge(call, invoice)
        note["refunds"].append(
            _refunded(refunds.refund(call, charge, amount=refund_amount), refund_amount)
        )
    if credit_amount:
        customer = call.get("customer", invoice["customer"])
        balance = customer["balance"] - credit_amount
        call.save(customer | {"balance": balance}, "customer.updated")
    invoice["post_payment_credit_notes_amount"] += note["amount"]
    call.save(invoice, "invoice.updated")


def _charge(call: Call, invoice: Json) -> Json:
    for payment in invoice_payments.of_invoice(call, invoice)["data"]:
        if payment["status"] == "paid":
            intent = call.get("payment_intent", payment["payment"]["payment_intent"])
            return call.get("charge", intent["latest_charge"])
    raise invalid("The invoice has no payment to refund.", param="refund_amount")


def _refunded(refund: Json, amount: int) -> Json:
    return {
        "amount_refunded": amount,
        "payment_record_refund": None,
        "refund": refund["id"],
        "type": "refund",
    }

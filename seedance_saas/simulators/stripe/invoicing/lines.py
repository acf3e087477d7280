"""The lines of an invoice and what they add up to. Amounts are cents."""

from decimal import ROUND_HALF_UP, Decimal

from seedance_saas.simulators.stripe import ids
from seedance_saas.simulators.stripe.call import Call, listed
from seedance_saas.simulators.stripe.errors import Json
from seedance_saas.simulators.stripe.invoicing import prices
from seedance_saas.simulators.stripe.usage import records

SHOWN_MAX = 10  # the rest of an invoice's lines is at its /lines
TAX_PERCENT = 10
MINIMUM_CENTS = 50  # less is not charged but waits on the customer's balance


def cents(exact: Decimal) -> int:
    """Half a cent rounds away from zero."""
    return int(exact.quantize(Decimal(1), ROUND_HALF_UP))


def new(call: Call, invoice: Json, **values: object) -> Json:
    line = {
        "id": ids.new("il_1", 23),
        "object": "line_item",
        "amount": 0,
        "currency": invoice["currency"],
        "description": None,
        "discount_amounts": [],
        "discountable": True,
        "discounts": [],
        "invoice": invoice["id"],
        "livemode": False,
        "metadata": {},
        "parent": None,
        "period": {"end": call.now, "start": call.now},
        "pretax_credit_amounts": [],
        "pricing": None,
        "quantity": 1,
        "quantity_decimal": "1",
        "subscription": None,
        "taxes": [],
    } | values
    return line | {"subtotal": line["amount"]}


def metered(call: Call, invoice: Json, subscription: Json, item: Json, period: Json) -> Json:
    """What the meter of an item's price counted in the period. A sum below zero is none."""
    line = new(
        call,
        invoice,
        metadata=subscription["metadata"],
        parent={
            "invoice_item_details": None,
            "subscription_item_details": {
                "invoice_item": None,
                "proration": False,
                "proration_details": {"credited_items": None},
                "subscription": subscription["id"],
                "subscription_item": item["id"],
            },
            "type": "subscription_item_details",
        },
        period=period,
        pricing=pricing_of(item["price"]),
        subscription=subscription["id"],
    )
    return counted(call, line, subscription["customer"])


def counted(call: Call, line: Json, customer: str) -> Json:
    """The line with what its meter has counted by now; any other line as it is."""
    if line["parent"] is None or line["parent"]["type"] != "subscription_item_details":
        return line
    price = call.get("price", line["pricing"]["price_details"]["price"])
    meter = call.get("billing.meter", price["recurring"]["meter"])
    start, end = line["period"]["start"], line["period"]["end"]
    total = records.total(call, meter, customer, start, end) or Decimal(0)
    quantity = max(Decimal(0), total)
    product = call.store.get(price["product"], "product") or {}
    each, interval = prices.exact_amount(price), price["recurring"]["interval"]
    amount = cents(quantity * each)
    return line | {
        "amount": amount,
        "description": f"{quantity:f} × {product.get('name')} (at {_dollars(each)} / {interval})",
        "quantity": int(quantity),
        "quantity_decimal": f"{quantity:f}",
        "subtotal": amount,
    }


def of_item(call: Call, invoice: Json, item: Json) -> Json:
    """An invoice item as a line; it keeps the item's id beside its own."""
    details = item["parent"] and item["parent"]["subscription_details"]
    subscription = details["subscription"] if details else None
    return new(
        call,
        invoice,
        amount=item["amount"],
        description=item["description"],
        discountable=item["discountable"],
        metadata=item["metadata"],
        parent={
            "invoice_item_details": {
                "invoice_item": item["id"],
                "proration": False,
                "proration_details": {"credited_items": None},
                "subscription": subscription,
            },
            "subscription_item_details": None,
            "type": "invoice_item_details",
        },
        period=item["period"],
        pricing=item["pricing"],
        quantity=item["quantity"],
        quantity_decimal=item["quantity_decimal"],
        subscription=subscription,
    )


def pricing_of(price: Json) -> Json:
    return {
        "price_details": {"price": price["id"], "product": price["product"]},
        "type": "price_details",
        "unit_amount_decimal": price["unit_amount_decimal"],
    }


def add_up(call: Call, invoice: Json) -> None:
    """Set every amount of an invoice from its lines, and show the first of them.

    What a customer owes us from before (`starting_balance` above 0) is added, what we owe is taken off.
    """
    all_lines = invoice["_lines"]
    for line in all_lines:
        line["taxes"] = _taxes(invoice, line)
    subtotal = sum(line["amount"] for line in all_lines)
    total = subtotal + _tax_of(all_lines, "exclusive")
    before_tax = subtotal - _tax_of(all_lines, "inclusive")
    due = total + invoice["starting_balance"]
    is_charged = due >= MINIMUM_CENTS
    amount_due = due if is_charged else 0
    amount_due = max(0, amount_due - invoice["pre_payment_credit_notes_amount"])
    invoice |= {
        "amount_due": amount_due,
        "amount_remaining": max(0, amount_due - invoice["amount_paid"]),
        "lines": listed(
            all_lines[:SHOWN_MAX],
            f"/v1/invoices/{invoice['id']}/lines",
            has_more=len(all_lines) > SHOWN_MAX,
        )
        | {"total_count": len(all_lines)},
        "subtotal": subtotal,
        "subtotal_excluding_tax": before_tax,
        "total": total,
        "total_excluding_tax": before_tax,
        "total_taxes": _summed(all_lines),
        "_balance_after": 0 if is_charged else due,
    }


def _taxes(invoice: Json, line: Json) -> list[Json]:
    """Ten per cent on top, where automatic tax is on; a tax of Checkout's stays as it came."""
    if not invoice["automatic_tax"]["enabled"]:
        return list(line["taxes"])
    return [tax(cents(Decimal(line["amount"]) * TAX_PERCENT / 100), line["amount"])]


def tax(amount: int, taxable: int, behavior: str = "exclusive") -> Json:
    return {
        "amount": amount,
        "tax_behavior": behavior,
        "tax_rate_details": {"tax_rate": "txr_simulated"},
        "taxability_reason": "standard_rated",
        "taxable_amount": taxable,
        "type": "tax_rate_details",
    }


def _tax_of(all_lines: list[Json], behavior: str) -> int:
    taxes = [tax for line in all_lines for tax in line["taxes"]]
    return sum(tax["amount"] for tax in taxes if tax["tax_behavior"] == behavior)


def _summed(all_lines: list[Json]) -> list[Json]:
    """One tax for each behavior that occurs."""
    sums: dict[str, list[int]] = {}
    for line in all_lines:
        for one in line["taxes"]:
            of_behavior = sums.setdefault(one["tax_behavior"], [0, 0])
            of_behavior[0] += one["amount"]
            of_behavior[1] += one["taxable_amount"]
    return [tax(amount, taxable, behavior) for behavior, (amount, taxable) in sums.items()]


def _dollars(exact_cents: Decimal) -> str:
    """Cents, exactly, as dollars with at least two decimals."""
    whole, _, fraction = f"{(exact_cents / 100).normalize():f}".partition(".")
    return f"${whole}.{fraction:0<2}"

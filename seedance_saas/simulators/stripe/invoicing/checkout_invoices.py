"""The paid invoice that Checkout makes when a session was created with `invoice_creation`."""

from seedance_saas.simulators.stripe.call import Call
from seedance_saas.simulators.stripe.errors import Json
from seedance_saas.simulators.stripe.invoicing import drafts, life, lines
from seedance_saas.simulators.stripe.money_in import checkout_flow

KEPT = ("custom_fields", "description", "footer")


@checkout_flow.when_paid
def make(call: Call, session: Json, intent: Json) -> None:
    """Before the session is complete, so that its event already names the invoice."""
    wanted = session["invoice_creation"] or {}
    if not wanted.get("enabled") or session["customer"] is None:
        return
    data = wanted["invoice_data"]
    invoice = drafts.new(
        call,
        call.get("customer", session["customer"]),
        session["currency"],
        metadata=dict(data.get("metadata") or {}),
        **{name: data.get(name) for name in KEPT},
    )
    invoice["_lines"] = [_line(call, invoice, item) for item in session["_line_items"]]
    session["invoice"] = life.issue_paid(call, invoice, intent)["id"]


def _line(call: Call, invoice: Json, item: Json) -> Json:
    behavior = "inclusive" if item["price"]["tax_behavior"] == "inclusive" else "exclusive"
    subtotal = item["amount_subtotal"]
    taxes = [lines.tax(item["amount_tax"], subtotal, behavior)] if item["amount_tax"] else []
    return lines.new(
        call,
        invoice,
        amount=subtotal,
        description=item["description"],
        pricing=lines.pricing_of(item["price"]),
        quantity=item["quantity"],
        quantity_decimal=str(item["quantity"]),
        taxes=taxes,
    )

"""The page of an invoice that a customer opens from a mail: what it is for, and the button that pays it."""

from html import escape

from starlette.responses import HTMLResponse, RedirectResponse, Response

from seedance_saas.simulators.stripe.call import Call
from seedance_saas.simulators.stripe.errors import Json
from seedance_saas.simulators.stripe.html import document, error, moment, money
from seedance_saas.simulators.stripe.invoicing import invoice_payments, life, pdf
from seedance_saas.simulators.stripe.money_in import forms, payment_methods
from seedance_saas.simulators.stripe.registry import page

STATES = {
    "draft": "This invoice is not finished yet.",
    "paid": "This invoice is paid. Nothing is left to pay.",
    "void": "This invoice was voided. Nothing is to be paid.",
}
NEW_CARD = "card"


@page("GET", "/invoices/{token}")
def show(call: Call) -> Response:
    invoice = _find(call)
    return _missing() if invoice is None else _shown(call, invoice)


@page("POST", "/invoices/{token}")
def press(call: Call) -> Response:
    """Pay it. A second press, in another tab, finds it paid."""
    invoice = _find(call)
    if invoice is None:
        return _missing()
    if invoice["status"] not in {"open", "uncollectible"} or _is_processing(call, invoice):
        return _shown(call, invoice)
    given = {name: value.strip() for name, value in call.params.items()}
    chosen = NEW_CARD if given.get("number") else given.get("method", NEW_CARD)
    saved = [m["id"] for m in payment_methods.of_customer(call, invoice["customer"], "card")]
    if chosen == NEW_CARD:
        wrong = forms.wrong_card(call, given)
        if wrong:
            return _shown(call, invoice, wrong, given)
        chosen = forms.new_card(call, given, {"name": given.get("name") or None})["id"]
    elif chosen not in saved:
        return _shown(call, invoice, "This card is not saved any more. Choose another one.", given)
    invoice = life.attempt(call, invoice, chosen, off_session=False)
    return _after(call, invoice, given)


def _after(call: Call, invoice: Json, given: dict[str, str]) -> Response:
    intent = _intent(call, invoice)
    if intent is not None and intent["status"] == "requires_action":
        address = {
            "return_url": invoice["hosted_invoice_url"],
            "url": f"{call.url}/authenticate/{intent['id']}",
        }
        intent["next_action"] = {"type": "redirect_to_url", "redirect_to_url": address}
        call.save(intent)
        return RedirectResponse(address["url"], 303)
    if intent is not None and intent["status"] == "requires_payment_method":
        return _shown(call, invoice, intent["last_payment_error"]["message"], given)
    return RedirectResponse(invoice["hosted_invoice_url"], 303)


@page("GET", "/invoices/{token}/pdf")
def download(call: Call) -> Response:
    invoice = _find(call)
    if invoice is None:
        return _missing()
    rows = [
        f"Invoice {invoice['number']}",
        f"Stripe simulator - {moment(invoice['created'])}",
        f"Billed to {invoice['customer_name'] or invoice['customer_email'] or invoice['customer']}",
        "",
        *(
            f"{line['description']}: {_money(line['amount'], invoice)}"
            for line in invoice["_lines"]
        ),
        "",
        f"Total: {_money(invoice['total'], invoice)}",
        f"Paid: {_money(invoice['amount_paid'], invoice)}",
        f"Left to pay: {_money(invoice['amount_remaining'], invoice)}",
    ]
    name = f'attachment; filename="Invoice-{invoice["number"]}.pdf"'
    headers = {"Content-Disposition": name}
    return Response(pdf.document(rows), media_type="application/pdf", headers=headers)


def _find(call: Call) -> Json | None:
    invoice = call.store.get(f"in_{call.path['token']}", "invoice")
    return invoice if invoice and invoice["hosted_invoice_url"] else None


def _intent(call: Call, invoice: Json) -> Json | None:
    payment = invoice_payments.current(call, invoice)
    return payment and call.get("payment_intent", payment["payment"]["payment_intent"])


def _is_processing(call: Call, invoice: Json) -> bool:
    intent = _intent(call, invoice)
    return intent is not None and intent["status"] == "processing"


def _money(amount: int, invoice: Json) -> str:
    return money(amount, invoice["currency"])


def _missing() -> Response:
    body = "<h1>This page does not exist</h1><p>Check the address.</p>"
    return HTMLResponse(document("Invoice", body), 404)


def _shown(
    call: Call, invoice: Json, message: str = "", given: dict[str, str] | None = None
) -> Response:
    rows = "".join(
        f"<tr><td>{escape(line['description'] or '')}</td>"
        f'<td class="amount">{_money(line["amount"], invoice)}</td></tr>'
        for line in invoice["_lines"]
    )
    sums = [("Total", invoice["total"]), ("Left to pay", invoice["amount_remaining"])]
    tax = invoice["total"] - invoice["total_excluding_tax"]
    if tax:
        sums.insert(0, ("Tax", tax))
    rows += "".join(
        f'<tr><th scope="row">{name}</th><td class="amount">{_money(amount, invoice)}</td></tr>'
        for name, amount in sums
    )
    due = invoice["due_date"]
    body = [
        f"<h1>Invoice {escape(invoice['number'] or '')}</h1>",
        f'<p class="total">{_money(invoice["amount_due"], invoice)}</p>',
        f'<p class="quiet">Due {moment(due)}</p>' if due else "",
        f"<table>{rows}</table>",
        error(message),
        _form(call, invoice, given or {}),
        f'<p><a href="{escape(invoice["invoice_pdf"])}">Download as PDF</a></p>',
        forms.known_cards(),
    ]
    return HTMLResponse(document(f"Invoice {invoice['number']}", "".join(body)))


def _form(call: Call, invoice: Json, given: dict[str, str]) -> str:
    if invoice["status"] in STATES:
        return f'<p class="good" role="status">{STATES[invoice["status"]]}</p>'
    if _is_processing(call, invoice):
        return '<p class="good" role="status">Your bank debit is on its way.</p>'
    saved = payment_methods.of_customer(call, invoice["customer"], "card")
    choices = [(method["id"], _name(method)) for method in saved]
    choices.append((NEW_CARD, "Another card" if saved else "Card"))
    chosen = given.get("method", choices[0][0])
    radios = "".join(
        f'<label class="choice"><input type="radio" name="method" value="{value}"'
        f"{' checked' if value == chosen else ''}> {escape(text)}</label>"
        for value, text in choices
    )
    return (
        f'<form method="post"><fieldset><legend>Pay with</legend>{radios}'
        f"{forms.card_fields(given)}</fieldset>"
        f'<button class="wide" name="pay">Pay {_money(invoice["amount_remaining"], invoice)}</button>'
        "</form>"
    )


def _name(method: Json) -> str:
    card = method["card"]
    return f"{card['brand'].title()} •••• {card['last4']}"

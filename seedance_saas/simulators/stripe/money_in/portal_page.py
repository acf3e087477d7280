"""The page of the billing portal: who one is, one's cards, one's invoices, the way back."""

from html import escape

from starlette.responses import HTMLResponse, RedirectResponse, Response

from seedance_saas.simulators.stripe.call import Call
from seedance_saas.simulators.stripe.errors import Json, StripeError
from seedance_saas.simulators.stripe.html import document, error, moment, money
from seedance_saas.simulators.stripe.money_in import forms, payment_methods
from seedance_saas.simulators.stripe.money_in.portal import SESSION_SECONDS
from seedance_saas.simulators.stripe.registry import page


@page("GET", "/p/session/{secret}")
def show(call: Call) -> Response:
    session = _session(call)
    return _gone() if session is None else _page(call, session)


@page("POST", "/p/session/{secret}")
def change(call: Call) -> Response:
    session = _session(call)
    if session is None:
        return _gone()
    if not _features(call, session)["payment_method_update"]["enabled"]:
        return _page(call, session, "Cards cannot be changed here.")
    given = {name: value.strip() for name, value in call.params.items()}
    wrong = _changed(call, session, given)
    if wrong:
        return _page(call, session, wrong, given)
    if session["flow"] and session["flow"]["after_completion"]["type"] == "redirect":
        return RedirectResponse(session["flow"]["after_completion"]["redirect"]["return_url"], 303)
    return RedirectResponse(session["url"], 303)


def _session(call: Call) -> Json | None:
    """The session of this address; a deleted customer has none."""
    found = call.store.select("billing_portal.session", {"_secret": call.path["secret"]}, limit=1)
    if not found or found[0]["created"] + SESSION_SECONDS < call.now:
        return None
    customer = call.store.get(found[0]["customer"], "customer")
    return None if customer is None or customer.get("_deleted") else found[0]


def _gone() -> Response:
    text = "<h1>This link has expired</h1><p>Go back and open the portal again.</p>"
    return HTMLResponse(document("Billing portal", text), 404)


def _features(call: Call, session: Json) -> Json:
    features: Json = call.get("billing_portal.configuration", session["configuration"])["features"]
    return features


def _changed(call: Call, session: Json, given: dict[str, str]) -> str:
    """Does what a button says; what went wrong, or ""."""
    if "add" in given:
        return _add(call, session, given)
    owned = {method["id"]: method for method in _cards(call, session)}
    method = owned.get(given.get("remove") or given.get("default", ""))
    if method is None:
        return "This card is not saved any more."
    if "remove" in given:
        payment_methods.detach(call, method)
    else:
        _set_default(call, session, method)
    return ""


def _add(call: Call, session: Json, given: dict[str, str]) -> str:
    """A card that is saved here becomes the default one, as in Stripe's portal."""
    wrong = forms.wrong_card(call, given)
    if wrong:
        return wrong
    customer = call.get("customer", session["customer"])
    billing = {"email": customer["email"], "name": given.get("name") or None}
    method = forms.new_card(call, given, billing)
    try:
        method = payment_methods.attach(call, method, customer["id"], is_set_up=True)
    except StripeError as refused:
        return str(refused)
    _set_default(call, session, method)
    return ""


def _set_default(call: Call, session: Json, method: Json) -> None:
    customer = call.get("customer", session["customer"])
    settings = customer["invoice_settings"] | {"default_payment_method": method["id"]}
    call.save(customer | {"invoice_settings": settings}, "customer.updated")


def _cards(call: Call, session: Json) -> list[Json]:
    return payment_methods.of_customer(call, session["customer"])


def _page(
    call: Call, session: Json, message: str = "", given: dict[str, str] | None = None
) -> Response:
    customer = call.get("customer", session["customer"])
    features = _features(call, session)
    back = session["return_url"]
    who = escape(customer["name"] or customer["email"] or customer["id"])
    body = [
        f'<p><a href="{escape(back)}">← Back</a></p>' if back else "",
        f"<h1>Billing of {who}</h1>",
        f'<p class="quiet">{escape(customer["email"] or "")}</p>',
        error(message),
        "<h2>Payment methods</h2>",
        _card_table(call, session, customer, features["payment_method_update"]["enabled"]),
    ]
    if features["payment_method_update"]["enabled"]:
        body.append(
            '<form method="post"><fieldset><legend>Add a card</legend>'
            f'{forms.card_fields(given or {})}<button name="add">Save card</button>'
            f"</fieldset></form>{forms.known_cards()}"
        )
    if features["invoice_history"]["enabled"]:
        body.append("<h2>Invoices</h2>" + _invoices(call, customer["id"]))
    return HTMLResponse(document("Billing portal", "".join(body)))


def _card_table(call: Call, session: Json, customer: Json, may_change: bool) -> str:
    default = customer["invoice_settings"]["default_payment_method"]
    rows = [
        _card_row(method, method["id"] == default, may_change) for method in _cards(call, session)
    ]
    return f"<table>{''.join(rows)}</table>" if rows else "<p>No card is saved.</p>"


def _card_row(method: Json, is_default: bool, may_change: bool) -> str:
    details = method.get("card") or method["us_bank_account"]
    kind = str(details.get("brand") or details["bank_name"]).title()
    name = f"{kind} •••• {details['last4']}"
    if "card" in method:
        name += f", {details['exp_month']:02d}/{details['exp_year']}"
    buttons = "Default" if is_default else ""
    if may_change:
        make = f'<button class="second" name="default" value="{method["id"]}" aria-label="Make {name} the default">'
        remove = f'<button class="second" name="remove" value="{method["id"]}" aria-label="Remove {name}">'
        buttons += "" if is_default else f"{make}Make default</button>"
        buttons = f"{buttons}{remove}Remove</button>"
    return f'<tr><td>{name}</td><td class="amount"><form method="post">{buttons}</form></td></tr>'


def _invoices(call: Call, customer_id: str) -> str:
    found = call.store.select("invoice", {"customer": customer_id}, limit=24)
    rows = [
        f"<tr><td>{moment(invoice['created'])}</td><td>{_invoice_link(invoice)}</td>"
        f"<td>{escape(invoice['status'])}</td>"
        f'<td class="amount">{money(invoice["total"], invoice["currency"])}</td></tr>'
        for invoice in found
        if invoice["status"] != "draft"
    ]
    return f"<table>{''.join(rows)}</table>" if rows else "<p>There is no invoice yet.</p>"


def _invoice_link(invoice: Json) -> str:
    url, number = invoice.get("hosted_invoice_url"), escape(invoice.get("number") or invoice["id"])
    return f'<a href="{escape(url)}">{number}</a>' if url else number

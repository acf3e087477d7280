"""The hosted page of Checkout. It needs no script."""

from html import escape

from starlette.responses import HTMLResponse, RedirectResponse, Response

from seedance_saas.simulators.stripe.call import Call
from seedance_saas.simulators.stripe.errors import Json
from seedance_saas.simulators.stripe.html import document, error, money
from seedance_saas.simulators.stripe.money_in import (
    checkout_flow,
    checkout_items,
    payment_intents,
    payment_methods,
    payments,
)
from seedance_saas.simulators.stripe.money_in.checkout_flow import Payer
from seedance_saas.simulators.stripe.money_in.forms import (
    COUNTRIES,
    address_fields,
    card_fields,
    field,
    new_card,
    tax_id_fields,
    test_cards,
    wrong_card,
)
from seedance_saas.simulators.stripe.registry import page

NEW_CARD, BANK = "card", "us_bank_account"


@page("GET", "/c/pay/{id}")
def show(call: Call) -> Response:
    session = call.store.get(call.path["id"], "checkout.session")
    if session is None:
        return _message("This page does not exist", "Check the address.", 404)
    return _state(call, session) or _form(call, session)


@page("POST", "/c/pay/{id}")
def press(call: Call) -> Response:
    session = call.store.get(call.path["id"], "checkout.session")
    if session is None:
        return _message("This page does not exist", "Check the address.", 404)
    over = _state(call, session)
    if over is not None:
        return over
    given = {name: value.strip() for name, value in call.params.items()}
    if "remove" in given:
        return _remove(call, session, given)
    wrong = _wrong(call, session, given)
    if wrong:
        return _form(call, session, given, wrong)
    method = _method(call, session, given)
    refused = checkout_flow.pay(call, session, method, _payer(session, given))
    return _after(call, session, given, refused)


def _after(call: Call, session: Json, given: dict[str, str], refused: str) -> Response:
    if refused:
        return _form(call, session, given, refused)
    if session.get("_challenge"):
        return RedirectResponse(f"{call.url}/c/pay/{session['id']}/authenticate", 303)
    return RedirectResponse(_success_url(session), 303)


def _success_url(session: Json) -> str:
    url: str = session["success_url"]
    return url.replace("{CHECKOUT_SESSION_ID}", session["id"])


@page("GET", "/c/pay/{id}/authenticate")
def challenge(call: Call) -> Response:
    session = call.get("checkout.session", call.path["id"])
    over = _state(call, session)
    if over is not None:
        return over
    if not session.get("_challenge"):
        return RedirectResponse(f"{call.url}/c/pay/{session['id']}", 303)
    body = payment_intents.challenge(session["amount_total"], session["currency"] or "usd")
    return HTMLResponse(document("3D Secure", body))


@page("POST", "/c/pay/{id}/authenticate")
def answer(call: Call) -> Response:
    session = call.get("checkout.session", call.path["id"])
    over = _state(call, session)
    if over is not None:
        return over
    if not session.get("_challenge"):
        return RedirectResponse(f"{call.url}/c/pay/{session['id']}", 303)
    is_confirmed = call.params.get("answer") == "complete"
    refused = checkout_flow.answer(call, session, is_confirmed=is_confirmed)
    return _after(call, session, {}, refused)


@page("POST", "/c/pay/{id}/bank")
def settle(call: Call) -> Response:
    """The bank's decision about a debit, by a button instead of by time."""
    session = call.get("checkout.session", call.path["id"])
    failure = "" if call.params.get("answer") == "pay" else "insufficient_funds"
    if session["payment_intent"] is not None:
        payments.settle(call, session["payment_intent"], failure)
    return RedirectResponse(f"{call.url}/c/pay/{session['id']}", 303)


def _message(title: str, text: str, status: int = 200, more: str = "") -> Response:
    body = f"<h1>{escape(title)}</h1><p>{escape(text)}</p>{more}"
    return HTMLResponse(document(title, body), status)


def _state(call: Call, session: Json) -> Response | None:
    """What is shown instead of the form once the session is not open."""
    if session["status"] == "open":
        return None
    if session["status"] == "expired":
        back = _link(session["cancel_url"], "Back to the shop")
        text = "Nothing was charged. Go back and begin again."
        return _message("This payment page has expired", text, more=back)
    link = _link(_success_url(session), "Go on")
    if session["mode"] == "setup":
        return _message("Your card is saved", "There is nothing left to do here.", more=link)
    intent = call.get("payment_intent", session["payment_intent"])
    if intent["status"] == "processing":
        buttons = (
            f'<form method="post" action="{call.url}/c/pay/{session["id"]}/bank">'
            '<button name="answer" value="pay">The bank pays</button>'
            '<button class="second" name="answer" value="refuse">The bank refuses</button></form>'
        )
        text = "The bank has not decided yet. It will by itself, or now by a button:"
        return _message("Your bank debit is on its way", text, more=buttons + link)
    if session["payment_status"] != "paid":
        text = "The bank refused the debit. Nothing was charged."
        return _message("This payment failed", text, more=link)
    sum_paid = money(session["amount_total"], session["currency"])
    text = f"{sum_paid} was paid once. Nothing will be charged again."
    return _message("This is already paid", text, more=link)


def _link(url: str | None, text: str) -> str:
    return f'<p><a href="{escape(url)}">{text}</a></p>' if url else ""


def _saved(call: Call, session: Json) -> list[Json]:
    """The cards that the payer may choose from, as the session's filters say."""
    if session["customer"] is None or session["mode"] == "setup":
        return []
    shown = session["saved_payment_method_options"]["allow_redisplay_filters"]
    methods = payment_methods.of_customer(call, session["customer"], "card")
    return [method for method in methods if method["allow_redisplay"] in shown]


def _remove(call: Call, session: Json, given: dict[str, str]) -> Response:
    options = session["saved_payment_method_options"] or {}
    for method in _saved(call, session):
        if method["id"] == given["remove"] and options["payment_method_remove"] == "enabled":
            payment_methods.detach(call, method)
    return RedirectResponse(f"{call.url}/c/pay/{session['id']}", 303)


def _asks_address(session: Json) -> bool:
    return bool(
        session["automatic_tax"]["enabled"] or session["billing_address_collection"] == "required"
    )


def _chosen(given: dict[str, str]) -> str:
    """A number that was typed in counts, whatever is chosen above it."""
    return NEW_CARD if given.get("number") else given.get("method", NEW_CARD)


def _wrong(call: Call, session: Json, given: dict[str, str]) -> str:
    """What is missing or ill-formed, "" if nothing."""
    if not _known_email(session) and "@" not in given.get("email", ""):
        return "Your email is incomplete."
    chosen = _chosen(given)
    if chosen == NEW_CARD:
        wrong = wrong_card(call, given)
        if wrong:
            return wrong
    elif chosen == BANK:
        if BANK not in session["payment_method_types"]:
            return "Choose another way to pay."
    elif chosen not in {method["id"] for method in _saved(call, session)}:
        return "This card is not saved any more. Choose another one."
    if _asks_address(session) and given.get("country") not in COUNTRIES:
        return "Choose your country."
    return ""


def _known_email(session: Json) -> str | None:
    email: str | None = (session["customer_details"] or {}).get("email")
    return email


def _payer(session: Json, given: dict[str, str]) -> Payer:
    address = {}
    if given.get("country"):
        address = payment_methods.EMPTY_ADDRESS | {
            name: given.get(name) or None
            for name in ("country", "postal_code", "city", "line1", "state")
        }
    return Payer(
        email=_known_email(session) or given.get("email"),
        name=given.get("name") or None,
        address=address,
        business_name=given.get("business_name") or None,
        tax_id=given.get("tax_id", ""),
        saves_card="save" in given,
    )


def _method(call: Call, session: Json, given: dict[str, str]) -> Json:
    chosen = _chosen(given)
    payer = _payer(session, given)
    billing = {"email": payer.email, "name": payer.name, "address": payer.address}
    if chosen == BANK:
        return payment_methods.new_bank(call, given.get("bank", ""), billing)
    if chosen == NEW_CARD:
        return new_card(call, given, billing)
    return call.get("payment_method", chosen)


def _form(
    call: Call, session: Json, given: dict[str, str] | None = None, message: str = ""
) -> Response:
    given = given or {}
    is_setup = session["mode"] == "setup"
    body = [
        "<h1>Save a card</h1>" if is_setup else "<h1>Pay</h1>" + _summary(session),
        error(message),
        '<form method="post">',
        _contact(session, given),
        _methods(call, session, given),
        address_fields(given) if _asks_address(session) else "",
        tax_id_fields(given) if (session["tax_id_collection"] or {}).get("enabled") else "",
        f'<button class="wide" name="pay">{_button(session)}</button></form>',
        _link(session["cancel_url"], "Back"),
        test_cards(),
    ]
    # A declined card is an answer of the page, as it is at Stripe: no error of HTTP.
    return HTMLResponse(document("Checkout", "".join(body)))


def _button(session: Json) -> str:
    if session["mode"] == "setup":
        return "Save card"
    return f"Pay {money(_total(session)['amount_total'], session['currency'])}"


def _total(session: Json) -> Json:
    """The sums with the tax that will be on them."""
    items = session["_line_items"]
    if session["automatic_tax"]["enabled"]:
        items = checkout_items.taxed(items)
    return checkout_items.totals(items)


def _summary(session: Json) -> str:
    sums, currency = _total(session), session["currency"]
    rows = [
        (f"{item['description']} × {item['quantity']}", item["amount_subtotal"])
        for item in session["_line_items"]
    ]
    if session["automatic_tax"]["enabled"]:
        rows.append((f"Tax ({checkout_items.TAX_PERCENT}%)", sums["total_details"]["amount_tax"]))
    rows.append(("Total", sums["amount_total"]))
    table = "".join(
        f'<tr><td>{escape(text)}</td><td class="amount">{money(amount, currency)}</td></tr>'
        for text, amount in rows
    )
    return f'<p class="total">{money(sums["amount_total"], currency)}</p><table>{table}</table>'


def _contact(session: Json, given: dict[str, str]) -> str:
    known = _known_email(session)
    if known:
        return f'<p class="quiet">Receipt to {escape(known)}</p>'
    more = 'type="email" autocomplete="email" required'
    return field("email", "Email", given.get("email", ""), more)


def _methods(call: Call, session: Json, given: dict[str, str]) -> str:
    saved = _saved(call, session)
    chosen = _chosen(given) if given else (saved[0]["id"] if saved else NEW_CARD)
    removable = (session["saved_payment_method_options"] or {}).get("payment_method_remove")
    parts = [_choice(method["id"], _card_name(method), chosen) for method in saved]
    if removable == "enabled":
        parts += [
            f'<button class="second" name="remove" value="{method["id"]}" formnovalidate>'
            f"Remove {_card_name(method)}</button>"
            for method in saved
        ]
    takes_bank = BANK in session["payment_method_types"]
    if saved or takes_bank:
        parts.append(_choice(NEW_CARD, "Another card" if saved else "Card", chosen))
    parts.append(card_fields(given))
    if session["customer"] is not None and (session["saved_payment_method_options"] or {}).get(
        "payment_method_save"
    ):
        ticked = " checked" if "save" in given else ""
        parts.append(
            f'<label class="choice"><input type="checkbox" name="save"{ticked}> '
            "Save this card for my next payments</label>"
        )
    if takes_bank:
        parts.append(_choice(BANK, "Bank debit (decided later)", chosen))
        parts.append(_bank(given))
    return f"<fieldset><legend>Pay with</legend>{''.join(parts)}</fieldset>"


def _choice(value: str, text: str, chosen: str) -> str:
    ticked = " checked" if value == chosen else ""
    return (
        f'<label class="choice"><input type="radio" name="method" value="{value}"{ticked}> '
        f"{escape(text)}</label>"
    )


def _card_name(method: Json) -> str:
    card = method["card"]
    return (
        f"{card['brand'].title()} •••• {card['last4']}, {card['exp_month']:02d}/{card['exp_year']}"
    )


def _bank(given: dict[str, str]) -> str:
    options = "".join(
        f'<option value="{code}"{" selected" if given.get("bank") == code else ""}>{text}</option>'
        for code, text in (("", "pays"), ("insufficient_funds", "refuses: insufficient funds"))
    )
    return (
        '<div><label for="bank">What the bank will do</label>'
        f'<select id="bank" name="bank">{options}</select></div>'
    )

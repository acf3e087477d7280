"""The form of an open Checkout session."""

from html import escape

from starlette.responses import HTMLResponse, Response

from seedance_saas.simulators.stripe.call import Call
from seedance_saas.simulators.stripe.errors import Json
from seedance_saas.simulators.stripe.html import document, error, money
from seedance_saas.simulators.stripe.money_in import checkout_items, payment_methods
from seedance_saas.simulators.stripe.money_in.forms import (
    address_fields,
    card_fields,
    field,
    known_cards,
    tax_id_fields,
)

NEW_CARD, BANK = "card", "us_bank_account"


def form(
    call: Call, session: Json, given: dict[str, str] | None = None, message: str = ""
) -> Response:
    """The open session: what is paid, how, and what was wrong with the last press."""
    given = given or {}
    is_setup = session["mode"] == "setup"
    body = [
        "<h1>Save a card</h1>" if is_setup else "<h1>Pay</h1>" + _summary(session),
        error(message),
        '<form method="post">',
        _contact(session, given),
        _methods(call, session, given),
        address_fields(given) if asks_address(session) else "",
        tax_id_fields(given) if (session["tax_id_collection"] or {}).get("enabled") else "",
        f'<button class="wide" name="pay">{_button(session)}</button></form>',
        link(session["cancel_url"], "Back"),
        known_cards(),
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
    known = known_email(session)
    if known:
        return f'<p class="quiet">Receipt to {escape(known)}</p>'
    more = 'type="email" autocomplete="email" required'
    return field("email", "Email", given.get("email", ""), more)


def _methods(call: Call, session: Json, given: dict[str, str]) -> str:
    saved = saved_cards(call, session)
    chosen = chosen_way(given) if given else (saved[0]["id"] if saved else NEW_CARD)
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


def link(url: str | None, text: str) -> str:
    return f'<p><a href="{escape(url)}">{text}</a></p>' if url else ""


def saved_cards(call: Call, session: Json) -> list[Json]:
    """The cards that the payer may choose from, as the session's filters say."""
    if session["customer"] is None or session["mode"] == "setup":
        return []
    shown = session["saved_payment_method_options"]["allow_redisplay_filters"]
    methods = payment_methods.of_customer(call, session["customer"], "card")
    return [method for method in methods if method["allow_redisplay"] in shown]


def asks_address(session: Json) -> bool:
    return bool(
        session["automatic_tax"]["enabled"] or session["billing_address_collection"] == "required"
    )


def chosen_way(given: dict[str, str]) -> str:
    """A number that was typed in counts, whatever is chosen above it."""
    return NEW_CARD if given.get("number") else given.get("method", NEW_CARD)


def known_email(session: Json) -> str | None:
    email: str | None = (session["customer_details"] or {}).get("email")
    return email

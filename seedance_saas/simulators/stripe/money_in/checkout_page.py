"""The hosted page of Checkout. It needs no script."""

from html import escape

from starlette.responses import HTMLResponse, RedirectResponse, Response

from seedance_saas.simulators.stripe.call import Call
from seedance_saas.simulators.stripe.errors import Json
from seedance_saas.simulators.stripe.html import document, money
from seedance_saas.simulators.stripe.money_in import (
    checkout_flow,
    checkout_form,
    payment_intents,
    payment_methods,
    payments,
)
from seedance_saas.simulators.stripe.money_in.checkout_flow import Payer
from seedance_saas.simulators.stripe.money_in.checkout_form import BANK, NEW_CARD
from seedance_saas.simulators.stripe.money_in.forms import COUNTRIES, new_card, wrong_card
from seedance_saas.simulators.stripe.registry import page


@page("GET", "/c/pay/{id}")
def show(call: Call) -> Response:
    session = call.store.get(call.path["id"], "checkout.session")
    if session is None:
        return _message("This page does not exist", "Check the address.", 404)
    return _state(call, session) or checkout_form.form(call, session)


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
        return checkout_form.form(call, session, given, wrong)
    method = _method(call, session, given)
    refused = checkout_flow.pay(call, session, method, _payer(session, given))
    return _after(call, session, given, refused)


def _after(call: Call, session: Json, given: dict[str, str], refused: str) -> Response:
    if refused:
        return checkout_form.form(call, session, given, refused)
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
        back = checkout_form.link(session["cancel_url"], "Back to the shop")
        text = "Nothing was charged. Go back and begin again."
        return _message("This payment page has expired", text, more=back)
    link = checkout_form.link(_success_url(session), "Go on")
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


def _remove(call: Call, session: Json, given: dict[str, str]) -> Response:
    options = session["saved_payment_method_options"] or {}
    for method in checkout_form.saved_cards(call, session):
        if method["id"] == given["remove"] and options["payment_method_remove"] == "enabled":
            payment_methods.detach(call, method)
    return RedirectResponse(f"{call.url}/c/pay/{session['id']}", 303)


def _wrong(call: Call, session: Json, given: dict[str, str]) -> str:
    """What is missing or ill-formed, "" if nothing."""
    if not checkout_form.known_email(session) and "@" not in given.get("email", ""):
        return "Your email is incomplete."
    chosen = checkout_form.chosen_way(given)
    if chosen == NEW_CARD:
        wrong = wrong_card(call, given)
        if wrong:
            return wrong
    elif chosen == BANK:
        if BANK not in session["payment_method_types"]:
            return "Choose another way to pay."
    elif chosen not in {method["id"] for method in checkout_form.saved_cards(call, session)}:
        return "This card is not saved any more. Choose another one."
    if checkout_form.asks_address(session) and given.get("country") not in COUNTRIES:
        return "Choose your country."
    return ""


def _payer(session: Json, given: dict[str, str]) -> Payer:
    address = {}
    if given.get("country"):
        address = payment_methods.EMPTY_ADDRESS | {
            name: given.get(name) or None
            for name in ("country", "postal_code", "city", "line1", "state")
        }
    return Payer(
        email=checkout_form.known_email(session) or given.get("email"),
        name=given.get("name") or None,
        address=address,
        business_name=given.get("business_name") or None,
        tax_id=given.get("tax_id", ""),
        saves_card="save" in given,
    )


def _method(call: Call, session: Json, given: dict[str, str]) -> Json:
    chosen = checkout_form.chosen_way(given)
    payer = _payer(session, given)
    billing = {"email": payer.email, "name": payer.name, "address": payer.address}
    if chosen == BANK:
        return payment_methods.new_bank(call, given.get("bank", ""), billing)
    if chosen == NEW_CARD:
        return new_card(call, given, billing)
    return call.get("payment_method", chosen)

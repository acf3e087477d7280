"""Charges: one for each attempt to take money."""

from html import escape

from starlette.responses import HTMLResponse, Response

from seedance_saas.simulators.stripe import ids, metadata
from seedance_saas.simulators.stripe.call import Call, listed
from seedance_saas.simulators.stripe.errors import Json
from seedance_saas.simulators.stripe.html import document, moment, money
from seedance_saas.simulators.stripe.money_in.cards import Decline
from seedance_saas.simulators.stripe.registry import endpoint, includable, page


def new(call: Call, intent: Json, method: Json, *, authenticated: bool = False) -> Json:
    """The charge of an attempt, as if it succeeded; not yet written."""
    is_card = method["type"] == "card"
    id = ids.new("ch_3" if is_card else "py_3", 23)
    address = call.store.get(intent["customer"] or "", "customer") or {}
    return {
        "id": id,
        "object": "charge",
        "amount": intent["amount"],
        "amount_captured": intent["amount"],
        "amount_refunded": 0,
        "application": None,
        "application_fee": None,
        "application_fee_amount": None,
        "authorization_code": None,
        "balance_transaction": None,
        "billing_details": method["billing_details"],
        "calculated_statement_descriptor": "STRIPE SIMULATOR" if is_card else None,
        "captured": True,
        "created": call.now,
        "currency": intent["currency"],
        "customer": intent["customer"],
        "description": intent["description"],
        "disputed": False,
        "failure_balance_transaction": None,
        "failure_code": None,
        "failure_message": None,
        "fraud_details": {},
        "level3": None,
        "livemode": False,
        "metadata": dict(intent["metadata"]),
        "on_behalf_of": None,
        "outcome": {
            "advice_code": None,
            "network_advice_code": None,
            "network_decline_code": None,
            "network_status": "approved_by_network",
            "reason": None,
            "risk_level": "normal",
            "risk_score": 24,
            "rule": None,
            "seller_message": "Payment complete.",
            "type": "authorized",
        },
        "paid": True,
        "payment_intent": intent["id"],
        "payment_method": method["id"],
        "payment_method_details": _details(method, authenticated, intent["amount"]),
        "presentment_details": None,
        "radar_options": {},
        "receipt_email": intent["receipt_email"] or address.get("email"),
        "receipt_number": None,
        "receipt_url": f"{call.url}/receipts/{id}",
        "refunded": False,
        "review": None,
        "shipping": intent["shipping"],
        "source": None,
        "source_transfer": None,
        "statement_descriptor": intent["statement_descriptor"],
        "statement_descriptor_suffix": intent["statement_descriptor_suffix"],
        "status": "succeeded",
        "transfer": None,
        "transfer_data": None,
        "transfer_group": None,
    }


def declined(charge: Json, decline: Decline) -> Json:
    """The same charge, refused by the bank."""
    reason = decline.decline_code or decline.code
    network = {"advice_code": None, "network_decline_code": "05", "network_advice_code": None}
    return charge | {
        "amount_captured": 0,
        "captured": False,
        "failure_code": decline.code,
        "failure_message": decline.message,
        "outcome": charge["outcome"]
        | network
        | {
            "network_status": "declined_by_network",
            "reason": reason,
            "seller_message": f"The bank returned the decline code `{reason}`.",
            "type": "issuer_declined",
        },
        "paid": False,
        "receipt_url": None,
        "status": "failed",
    }


def _details(method: Json, authenticated: bool, amount: int) -> Json:
    if method["type"] != "card":
        bank = {
            name: method["us_bank_account"][name]
            for name in ("account_holder_type", "account_type", "bank_name", "fingerprint", "last4")
        }
        more = {"mandate": None, "payment_reference": None, "routing_number": "110000000"}
        return {"type": method["type"], method["type"]: bank | more}
    card = method["card"]
    same = ("brand", "checks", "country", "exp_month", "exp_year", "fingerprint", "funding")
    proof = {
        "authentication_flow": "challenge",
        "electronic_commerce_indicator": "05",
        "exemption_indicator": None,
        "result": "authenticated",
        "result_reason": None,
        "transaction_id": "00000000-0000-4000-8000-000000000000",
        "version": "2.2.0",
    }
    return {
        "type": "card",
        "card": {name: card[name] for name in same}
        | {
            "amount_authorized": amount,
            "authorization_code": "000000",
            "extended_authorization": {"status": "disabled"},
            "incremental_authorization": {"status": "unavailable"},
            "installments": None,
            "last4": card["last4"],
            "mandate": None,
            "multicapture": {"status": "unavailable"},
            "network": card["brand"],
            "network_token": {"used": False},
            "network_transaction_id": "000000000000000",
            "overcapture": {"maximum_amount_capturable": amount, "status": "unavailable"},
            "regulated_status": card["regulated_status"],
            "three_d_secure": proof if authenticated else None,
            "wallet": None,
        },
    }


@endpoint("GET", "/v1/charges", "ChargeListParams")
def list_all(call: Call) -> Json:
    names = ("customer", "payment_intent", "transfer_group")
    return call.page("charge", {name: call.params.get(name) for name in names})


@endpoint("GET", "/v1/charges/{id}", "ChargeRetrieveParams")
def retrieve(call: Call) -> Json:
    return call.get("charge", call.path["id"])


@endpoint("POST", "/v1/charges/{id}", "ChargeUpdateParams")
def update(call: Call) -> Json:
    charge = call.get("charge", call.path["id"])
    given = call.params
    for name in ("description", "receipt_email", "shipping", "transfer_group"):
        charge[name] = given.get(name, charge[name])
    if "fraud_details" in given:
        report = given["fraud_details"].get("user_report")
        charge["fraud_details"] = {"user_report": report} if report else {}
    charge["metadata"] = metadata.merged(charge["metadata"], given.get("metadata"))
    return call.save(charge, "charge.updated")


@includable("charge", "refunds")
def refunds(call: Call, charge: Json) -> Json:
    found = call.store.select("refund", {"charge": charge["id"]})
    return listed(found, f"/v1/charges/{charge['id']}/refunds")


@page("GET", "/receipts/{id}")
def receipt(call: Call) -> Response:
    charge = call.get("charge", call.path["id"])
    currency = charge["currency"]
    details = charge["payment_method_details"]
    method = details[details["type"]]
    name = method.get("brand") or method.get("bank_name")
    rows = [
        ("Paid", money(charge["amount"], currency)),
        ("Date", moment(charge["created"])),
        ("Method", f"{str(name).title()} ending in {method['last4']}"),
        ("For", charge["description"] or "—"),
        ("Payment", charge["payment_intent"]),
    ]
    if charge["amount_refunded"]:
        rows.insert(1, ("Refunded", money(charge["amount_refunded"], currency)))
    table = "".join(f"<dt>{name}</dt><dd>{escape(text)}</dd>" for name, text in rows)
    return HTMLResponse(document("Receipt", f"<h1>Receipt</h1><dl>{table}</dl>"))

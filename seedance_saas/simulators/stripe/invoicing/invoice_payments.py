"""Which payments an invoice has, and the payment intent of the one that is to pay it."""

from seedance_saas.simulators.stripe import ids
from seedance_saas.simulators.stripe.call import Call, listed
from seedance_saas.simulators.stripe.errors import Json
from seedance_saas.simulators.stripe.money_in import payments
from seedance_saas.simulators.stripe.registry import endpoint, includable

KIND = "invoice_payment"


def begin(call: Call, invoice: Json, intent: Json | None = None) -> Json:
    """The open payment of an invoice that was just finalized, with its intent (a new one)."""
    intent = intent or payments.new_intent(
        call,
        amount=invoice["amount_remaining"],
        currency=invoice["currency"],
        customer=invoice["customer"],
        description=f"Payment for Invoice {invoice['number']}",
        receipt_email=None,
    )
    payment: Json = {
        "id": ids.new("inpay_1", 23),
        "object": KIND,
        "amount_paid": None,
        "amount_requested": invoice["amount_remaining"],
        "created": call.now,
        "currency": invoice["currency"],
        "invoice": invoice["id"],
        "is_default": True,
        "livemode": False,
        "payment": {"payment_intent": intent["id"], "type": "payment_intent"},
        "status": "open",
        "status_transitions": {"canceled_at": None, "paid_at": None},
    }
    return call.save(payment)


def current(call: Call, invoice: Json) -> Json | None:
    """The open payment, if the invoice has one."""
    found = call.store.select(KIND, {"invoice": invoice["id"], "status": "open"}, limit=1)
    return found[0] if found else None


def of_intent(call: Call, intent: Json) -> Json | None:
    found = call.store.select(KIND, {"payment.payment_intent": intent["id"]}, limit=1)
    return found[0] if found else None


def end(call: Call, payment: Json, status: str) -> Json:
    """`paid` or `canceled`."""
    transitions = payment["status_transitions"] | {f"{status}_at": call.now}
    payment |= {"status": status, "status_transitions": transitions}
    if status == "paid":
        payment["amount_paid"] = payment["amount_requested"]
        return call.save(payment, "invoice_payment.paid")
    return call.save(payment)


@endpoint("GET", "/v1/invoice_payments", "InvoicePaymentListParams")
def list_all(call: Call) -> Json:
    given = call.params
    where = {name: given.get(name) for name in ("invoice", "status")}
    intent = given.get("payment", {}).get("payment_intent")
    return call.page(KIND, where | {"payment.payment_intent": intent})


@endpoint("GET", "/v1/invoice_payments/{id}", "InvoicePaymentRetrieveParams")
def retrieve(call: Call) -> Json:
    return call.get(KIND, call.path["id"])


@includable("invoice", "payments")
def of_invoice(call: Call, invoice: Json) -> Json:
    found = call.store.select(KIND, {"invoice": invoice["id"]})
    return listed(found, f"/v1/invoices/{invoice['id']}/payments")


@includable("invoice", "confirmation_secret")
def confirmation_secret(call: Call, invoice: Json) -> Json | None:
    payment = current(call, invoice)
    if payment is None:
        return None
    intent = call.get("payment_intent", payment["payment"]["payment_intent"])
    return {"client_secret": intent["client_secret"], "type": "payment_intent"}

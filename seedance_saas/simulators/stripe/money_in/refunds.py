"""Refunds: at once, pending at first, or failing later, as the card has it."""

from seedance_saas.simulators.stripe import ids, metadata
from seedance_saas.simulators.stripe.call import Call
from seedance_saas.simulators.stripe.errors import Json, invalid
from seedance_saas.simulators.stripe.html import money
from seedance_saas.simulators.stripe.money_in import balance, payment_methods
from seedance_saas.simulators.stripe.registry import control, endpoint, timer

OPEN_DISPUTES = {"needs_response", "under_review", "lost"}


@endpoint("POST", "/v1/refunds", "RefundCreateParams")
def create(call: Call) -> Json:
    given = call.params
    if "origin" in given or "customer" in given:
        raise invalid("Refunds of a customer's cash balance are not played.", param="origin")
    return refund(
        call,
        _charge(call),
        amount=given.get("amount"),
        reason=given.get("reason"),
        metadata=metadata.merged({}, given.get("metadata")),
        instructions_email=given.get("instructions_email"),
    )


def _charge(call: Call) -> Json:
    """The charge that is meant; a payment intent's is its latest."""
    given = call.params
    if ("charge" in given) == ("payment_intent" in given):
        raise invalid(
            "One of the following params should be provided for this request: payment_intent or charge."
        )
    if "charge" in given:
        return call.get("charge", given["charge"], param="charge")
    intent = call.get("payment_intent", given["payment_intent"], param="payment_intent")
    if intent["latest_charge"] is None or intent["status"] not in {"succeeded", "processing"}:
        raise invalid(
            f"This PaymentIntent ({intent['id']}) does not have a successful charge to refund.",
            param="payment_intent",
        )
    return call.get("charge", intent["latest_charge"])


def refund(
    call: Call, charge: Json, *, amount: int | None, reason: str | None = None, **values: object
) -> Json:
    """Give money of a charge back; `amount` None is all that is left. Raises what Stripe refuses."""
    amount = _check(call, charge, amount)
    is_card = charge["payment_method_details"]["type"] == "card"
    method = call.store.get(charge["payment_method"], "payment_method") or {}
    card = payment_methods.card_of(method)
    behaviour = card.refund if card is not None else ("pending" if not is_card else "")
    made: Json = {
        "id": ids.new("re_3" if is_card else "pyr_1", 23),
        "object": "refund",
        "amount": amount,
        "balance_transaction": None,
        "charge": charge["id"],
        "created": call.now,
        "currency": charge["currency"],
        "customer": charge["customer"],
        "customer_account": None,
        "description": None,
        "destination_details": _destination(is_card),
        "failure_balance_transaction": None,
        "failure_reason": None,
        "instructions_email": None,
        "metadata": {},
        "next_action": None,
        "payment_intent": charge["payment_intent"],
        "payment_method": charge["payment_method"],
        "pending_reason": "processing" if behaviour == "pending" else None,
        "presentment_details": None,
        "reason": reason,
        "receipt_number": None,
        "source_transfer_reversal": None,
        "status": "pending" if behaviour == "pending" else "succeeded",
        "transfer_reversal": None,
    } | values
    transaction = balance.record(
        call,
        "refund" if is_card else "payment_refund",
        -amount,
        source=made["id"],
        currency=charge["currency"],
        description=f"REFUND FOR {'CHARGE' if is_card else 'PAYMENT'}",
    )
    made["balance_transaction"] = transaction["id"]
    call.save(made, "refund.created")
    charge["amount_refunded"] += amount
    charge["refunded"] = charge["amount_refunded"] == charge["amount"]
    call.save(charge, "charge.refunded")
    later = call.now_ms + int(call.config.stripe_async_seconds * 1000)
    if behaviour == "fails":
        call.later(later, "refunds.fail", refund=made["id"])
    elif behaviour == "pending":
        call.later(later, "refunds.succeed", refund=made["id"])
    elif is_card:
        call.later(call.now_ms, "refunds.tell_reference", refund=made["id"])
    return made


def _check(call: Call, charge: Json, amount: int | None) -> int:
    """How much is given back, if that may be."""
    currency, left = charge["currency"], charge["amount"] - charge["amount_refunded"]
    if charge["status"] == "failed":
        raise invalid(f"Charge {charge['id']} has not succeeded; it cannot be refunded.")
    if charge["status"] == "pending":
        raise invalid(
            f"Charge {charge['id']} is still pending; it can be refunded once it has succeeded.",
            code="charge_not_refundable",
        )
    disputes = call.store.select("dispute", {"charge": charge["id"]})
    if any(dispute["status"] in OPEN_DISPUTES for dispute in disputes):
        raise invalid(
            f"Charge {charge['id']} has been charged back; cannot issue a refund.",
            code="charge_disputed",
        )
    if amount is not None and amount < 1:
        raise invalid("Invalid positive integer", param="amount", code="parameter_invalid_integer")
    if left == 0:
        raise invalid(
            f"Charge {charge['id']} has already been refunded.", code="charge_already_refunded"
        )
    if amount is not None and amount > left:
        raise invalid(
            f"Refund amount ({money(amount, currency)}) is greater than unrefunded amount on charge "
            f"({money(left, currency)})",
            param="amount",
        )
    return left if amount is None else amount


def _destination(is_card: bool) -> Json:
    if not is_card:
        return {"type": "us_bank_transfer", "us_bank_transfer": {}}
    card = {"reference_status": "pending", "reference_type": "acquirer_reference_number"}
    return {"type": "card", "card": card | {"type": "refund"}}


@timer("refunds.tell_reference")
def tell_reference(call: Call, refund: str) -> None:
    """The bank's reference has arrived: the only news of an ordinary refund."""
    found = call.get("refund", refund)
    card = {"reference": "74000000000000000000000", "reference_status": "available"}
    destination = found["destination_details"]
    found["destination_details"] = destination | {"card": destination["card"] | card}
    _update(call, found)


@timer("refunds.succeed")
def succeed(call: Call, refund: str) -> None:
    found = call.get("refund", refund)
    if found["status"] == "pending":
        _update(call, found | {"status": "succeeded", "pending_reason": None})


@timer("refunds.fail")
def fail(call: Call, refund: str) -> None:
    """The bank sends the money back to us: the balance and the charge have it again."""
    found = call.get("refund", refund)
    if found["status"] not in {"pending", "succeeded"}:
        return
    transaction = _return(call, found, "REFUND FAILURE")
    failed: Json = {"status": "failed", "failure_reason": "expired_or_canceled_card"}
    failed |= {"failure_balance_transaction": transaction["id"], "pending_reason": None}
    found |= failed
    _update(call, found, "refund.failed")


def _return(call: Call, refund: Json, description: str) -> Json:
    """The money of a refund comes back to the balance and to the charge."""
    charge = call.get("charge", refund["charge"])
    charge["amount_refunded"] -= refund["amount"]
    charge["refunded"] = False
    call.save(charge, "charge.updated")
    return balance.record(
        call,
        "refund_failure",
        refund["amount"],
        source=refund["id"],
        currency=refund["currency"],
        description=description,
    )


def _update(call: Call, refund: Json, *more: str) -> Json:
    return call.save(refund, "refund.updated", "charge.refund.updated", *more)


@endpoint("GET", "/v1/refunds", "RefundListParams")
def list_all(call: Call) -> Json:
    names = ("charge", "payment_intent")
    return call.page("refund", {name: call.params.get(name) for name in names})


@endpoint("GET", "/v1/refunds/{id}", "RefundRetrieveParams")
def retrieve(call: Call) -> Json:
    return call.get("refund", call.path["id"])


@endpoint("POST", "/v1/refunds/{id}", "RefundUpdateParams")
def update(call: Call) -> Json:
    found = call.get("refund", call.path["id"])
    found["metadata"] = metadata.merged(found["metadata"], call.params.get("metadata"))
    return _update(call, found)


@endpoint("POST", "/v1/refunds/{id}/cancel", "RefundCancelParams")
def cancel(call: Call) -> Json:
    found = call.get("refund", call.path["id"])
    if found["status"] not in {"pending", "requires_action"}:
        raise invalid(
            f"Refund {found['id']} has a status of {found['status']} and cannot be canceled.",
        )
    transaction = _return(call, found, "REFUND CANCELED")
    ended = {"status": "canceled", "failure_reason": "merchant_request", "pending_reason": None}
    found |= ended | {"failure_balance_transaction": transaction["id"]}
    return _update(call, found)


@control("POST", "/control/refunds/{id}")
def decide(call: Call) -> Json:
    """The bank's word on a refund, now: `status` succeeded or failed."""
    found = call.get("refund", call.path["id"])
    status = call.params.get("status")
    if status == "failed":
        fail(call, found["id"])
    elif status == "succeeded":
        succeed(call, found["id"])
    else:
        raise invalid("status must be succeeded or failed.", param="status")
    return call.get("refund", found["id"])

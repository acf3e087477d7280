"""Disputes: opened by a card or by hand, moved by evidence, by acceptance or by hand.

The money leaves the balance with the dispute, and comes back when it is won; an inquiry moves none.
"""

from seedance_saas.simulators.stripe import ids, metadata
from seedance_saas.simulators.stripe.call import Call
from seedance_saas.simulators.stripe.errors import Json, invalid
from seedance_saas.simulators.stripe.money_in import balance
from seedance_saas.simulators.stripe.registry import control, endpoint, timer

FEE_CENTS = 1500
ANSWER_DAYS = 7
TEXTS = (
    *("access_activity_log", "billing_address", "cancellation_policy_disclosure"),
    *("cancellation_rebuttal", "customer_email_address", "customer_name", "customer_purchase_ip"),
    *("duplicate_charge_explanation", "duplicate_charge_id", "product_description"),
    *("refund_policy_disclosure", "refund_refusal_explanation", "service_date"),
    *("shipping_address", "shipping_carrier", "shipping_date", "shipping_tracking_number"),
    "uncategorized_text",
)
FILES = (
    *("cancellation_policy", "customer_communication", "customer_signature", "receipt"),
    *("duplicate_charge_documentation", "refund_policy", "service_documentation"),
    *("shipping_documentation", "uncategorized_file"),
)
OPEN = {"needs_response", "under_review", "warning_needs_response", "warning_under_review"}
INQUIRIES = {"warning_needs_response", "warning_under_review"}
CLOSED = {"won", "lost", "warning_closed"}
REASON_CODES = {"fraudulent": "10.4", "product_not_received": "13.1"}


@timer("disputes.open")
def open_by_card(call: Call, charge: str, reason: str, is_inquiry: bool) -> None:
    status = "warning_needs_response" if is_inquiry else "needs_response"
    found = call.get("charge", charge)
    if found["amount"] > found["amount_refunded"]:
        open_dispute(call, found, reason=reason, status=status)


def open_dispute(
    call: Call,
    charge: Json,
    *,
    reason: str,
    status: str,
    amount: int | None = None,
    takes_money: bool = True,
) -> Json:
    """The payer's bank wants `amount` back; None is all that was not refunded.

    `takes_money` is of one that is prevented: settled by giving it back, or blocked.
    """
    brand = charge["payment_method_details"].get("card", {}).get("brand", "visa")
    made: Json = {
        "id": ids.new("dp_1", 23),
        "object": "dispute",
        "amount": charge["amount"] - charge["amount_refunded"] if amount is None else amount,
        "balance_transactions": [],
        "charge": charge["id"],
        "created": call.now,
        "currency": charge["currency"],
        "enhanced_eligibility_types": [],
        "evidence": dict.fromkeys((*TEXTS, *FILES)) | {"enhanced_evidence": {}},
        "evidence_details": {
            "due_by": call.now + ANSWER_DAYS * 24 * 3600,
            "enhanced_eligibility": {},
            "has_evidence": False,
            "past_due": False,
            "submission_count": 0,
            "submission_method": "not_submitted",
        },
        "intended_submission_method": None,
        "is_charge_refundable": status in INQUIRIES,
        "livemode": False,
        "metadata": {},
        "network_reason_code": REASON_CODES.get(reason, "10.4"),
        "payment_intent": charge["payment_intent"],
        "payment_method_details": {
            "card": {
                "brand": brand,
                "case_type": "inquiry" if status in INQUIRIES else "chargeback",
                "network": brand,
                "network_reason_code": REASON_CODES.get(reason, "10.4"),
            },
            "type": "card",
        },
        "reason": reason,
        "status": status,
    }
    call.save(charge | {"disputed": True})
    if status in INQUIRIES or (status == "prevented" and not takes_money):
        return call.save(made, "charge.dispute.created")
    _withdraw(call, made)
    return call.save(made, "charge.dispute.created", "charge.dispute.funds_withdrawn")


def _withdraw(call: Call, dispute: Json) -> None:
    """The money and the fee leave the balance."""
    _move(call, dispute, -dispute["amount"], FEE_CENTS, "dispute", "Chargeback withdrawal")


def _move(
    call: Call, dispute: Json, amount: int, fee: int, category: str, description: str
) -> None:
    transaction = balance.record(
        call,
        "adjustment",
        amount,
        source=dispute["id"],
        currency=dispute["currency"],
        fee=fee,
        description=f"{description} for {dispute['charge']}",
        reporting_category=category,
    )
    dispute["balance_transactions"] = [*dispute["balance_transactions"], transaction]


def move(call: Call, dispute: Json, status: str) -> Json:
    """Take it to `status`. Raises if no such way leads there."""
    now = dispute["status"]
    if status == now:
        return dispute
    ways = {
        "needs_response": {"under_review", "won", "lost"},
        "under_review": {"won", "lost"},
        "warning_needs_response": {"warning_under_review", "warning_closed", "needs_response"},
        "warning_under_review": {"warning_closed", "needs_response"},
        # Banks do change their mind.
        "lost": {"won"},
        "won": {"lost"},
    }
    if status not in ways.get(now, set()):
        raise invalid(f"A dispute that is {now} cannot become {status}.", param="status")
    dispute["status"] = status
    dispute["is_charge_refundable"] = status in INQUIRIES
    if now in INQUIRIES and status == "needs_response":  # the inquiry was escalated
        dispute["payment_method_details"]["card"]["case_type"] = "chargeback"
        _withdraw(call, dispute)
        return call.save(dispute, "charge.dispute.updated", "charge.dispute.funds_withdrawn")
    if status == "won":
        call.save(dispute, "charge.dispute.closed")
        _move(call, dispute, dispute["amount"], 0, "dispute_reversal", "Chargeback reversal")
        return call.save(dispute, "charge.dispute.funds_reinstated")
    if now == "won":
        call.save(dispute, "charge.dispute.closed")
        _move(call, dispute, -dispute["amount"], 0, "dispute", "Chargeback withdrawal")
        return call.save(dispute, "charge.dispute.funds_withdrawn")
    event = "charge.dispute.closed" if status in CLOSED else "charge.dispute.updated"
    return call.save(dispute, event)


@endpoint("GET", "/v1/disputes", "DisputeListParams")
def list_all(call: Call) -> Json:
    names = ("charge", "payment_intent")
    return call.page("dispute", {name: call.params.get(name) for name in names})


@endpoint("GET", "/v1/disputes/{id}", "DisputeRetrieveParams")
def retrieve(call: Call) -> Json:
    return call.get("dispute", call.path["id"])


@endpoint("POST", "/v1/disputes/{id}", "DisputeUpdateParams")
def update(call: Call) -> Json:
    """Evidence; with `submit` it goes to the bank. Stripe's test words decide it at once."""
    dispute = call.get("dispute", call.path["id"])
    given = call.params
    evidence = dict(given.get("evidence") or {})
    if evidence and dispute["status"] not in OPEN:
        raise invalid("This dispute is already closed.")
    evidence = {name: value or None for name, value in evidence.items()}
    dispute["evidence"] |= evidence
    details = dispute["evidence_details"]
    details["has_evidence"] = details["has_evidence"] or any(evidence.values())
    dispute["metadata"] = metadata.merged(dispute["metadata"], given.get("metadata"))
    is_submitted = bool(evidence) and given.get("submit", True)
    if is_submitted:
        details["submission_count"] += 1
        details["submission_method"] = "manual"
        is_inquiry = dispute["status"] in INQUIRIES
        dispute["status"] = "warning_under_review" if is_inquiry else "under_review"
    call.save(dispute, "charge.dispute.updated")
    verdicts = {"winning_evidence": "won", "losing_evidence": "lost"}
    verdict = verdicts.get(dispute["evidence"]["uncategorized_text"] or "")
    if is_submitted and verdict:
        if dispute["status"] == "warning_under_review":
            verdict = "warning_closed" if verdict == "won" else "needs_response"
        call.later(call.now_ms, "disputes.decide", dispute=dispute["id"], status=verdict)
    return dispute


@timer("disputes.decide")
def decide(call: Call, dispute: str, status: str) -> None:
    found = call.get("dispute", dispute)
    if found["status"] in OPEN:
        move(call, found, status)


@endpoint("POST", "/v1/disputes/{id}/close", "DisputeCloseParams")
def close(call: Call) -> Json:
    """Accept that it is lost."""
    dispute = call.get("dispute", call.path["id"])
    if dispute["status"] not in {"needs_response", "under_review"}:
        raise invalid("This dispute is already closed.")
    return move(call, dispute, "lost")


@control("POST", "/control/disputes")
def open_by_hand(call: Call) -> Json:
    """`charge`; `amount` in cents, `status`, `reason`; of one that is prevented, whether it `takes_money`."""
    given = call.params
    charge = call.get("charge", given.get("charge", ""), param="charge")
    if charge["status"] != "succeeded":
        raise invalid("Only a charge that succeeded can be disputed.", param="charge")
    disputes = call.store.select("dispute", {"charge": charge["id"]})
    if any(dispute["status"] in OPEN for dispute in disputes):
        raise invalid("This charge is disputed already.", param="charge")
    amount = given.get("amount")
    if amount is not None and (not isinstance(amount, int) or not 0 < amount <= charge["amount"]):
        raise invalid("amount must be from 1 to the charge's, in cents.", param="amount")
    status = given.get("status", "needs_response")
    if status not in {"needs_response", "warning_needs_response", "prevented"}:
        raise invalid(
            "status must be needs_response, warning_needs_response or prevented.", param="status"
        )
    reason = given.get("reason", "fraudulent")
    takes_money = bool(given.get("takes_money", True))
    return open_dispute(
        call, charge, reason=reason, status=status, amount=amount, takes_money=takes_money
    )


@control("POST", "/control/disputes/{id}")
def move_by_hand(call: Call) -> Json:
    """`status`: under_review, won, lost, warning_closed, or needs_response to escalate an inquiry."""
    dispute = call.get("dispute", call.path["id"])
    return move(call, dispute, str(call.params.get("status")))

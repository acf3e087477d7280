"""What went back of payments: refunds, which are ours to ask for, and disputes, which banks open.

Sources: docs.stripe.com/api/refunds, /disputes, /charges.
"""

from dataclasses import dataclass
from datetime import datetime

import stripe

from billing.stripe_gateway.connection import asking
from billing.stripe_gateway.fields import given, id_of, moment, tag_of


@dataclass(frozen=True)
class MoneyBack:
    """A refund or a dispute. `state` is of Reversal.State; `row_id` names the refund that we asked for."""

    stripe_id: str
    kind: str
    state: str
    amount_cents: int
    intent_id: str
    row_id: str
    reason: str
    failure_message: str
    created: int
    evidence_due_at: datetime | None = None  # while a dispute waits for our answer


def refund(*, row_id: str, intent_id: str, amount_cents: int) -> MoneyBack:
    """Ask for a refund of ours: a repeat within a day is the same one. Raises StripeRefused."""
    with asking() as client:
        made = client.v1.refunds.create(
            {
                "payment_intent": intent_id,
                "amount": amount_cents,
                "reason": "requested_by_customer",
                "metadata": {"reversal": row_id},
            },
            {"idempotency_key": f"refund:{row_id}"},
        )
    return refunded(made)


def of_payment(intent_id: str) -> list[MoneyBack]:
    """Every refund and dispute of a payment as they stand now, the oldest first."""
    with asking() as client:
        refunds = client.v1.refunds.list({"payment_intent": intent_id, "limit": 100})
        disputes = client.v1.disputes.list({"payment_intent": intent_id, "limit": 100})
        back = [
            *map(refunded, refunds.auto_paging_iter()),
            *map(disputed, disputes.auto_paging_iter()),
        ]
    return sorted(back, key=lambda one: (one.created, one.stripe_id))


_REFUND_STATES = {"succeeded": "succeeded", "failed": "failed", "canceled": "failed"}


def refunded(refund: stripe.Refund) -> MoneyBack:
    return MoneyBack(
        stripe_id=refund.id,
        kind="refund",
        # pending and requires_action: it is on its way.
        state=_REFUND_STATES.get(refund.status or "", "pending"),
        amount_cents=refund.amount,
        intent_id=id_of(refund.payment_intent),
        row_id=tag_of(refund.metadata, "reversal"),
        reason=refund.reason or "",
        failure_message=given(refund, "failure_reason"),
        created=refund.created,
    )


def given_by_hand(note: stripe.CreditNote) -> MoneyBack:
    """What a credit note says to have gone back beside Stripe."""
    return MoneyBack(
        stripe_id=note.id,
        kind="refund",
        state="succeeded" if note.status == "issued" else "failed",
        amount_cents=note.out_of_band_amount or 0,
        intent_id="",
        row_id="",
        reason=note.memo or "out of band",
        failure_message="",
        created=note.created,
    )


_DISPUTE_STATES = {"won": "won", "lost": "lost", "warning_closed": "won"}


def disputed(dispute: stripe.Dispute) -> MoneyBack:
    """An inquiry moves no money; what is under review has moved it.

    One that is prevented was blocked, and then nothing has moved, or settled at once by giving the payer the money.
    """
    status = dispute.status
    if status == "prevented":
        status = "lost" if sum(line.amount for line in dispute.balance_transactions) < 0 else "won"
    if status.startswith("warning_") and status != "warning_closed":
        state = "inquiry"
    else:
        state = _DISPUTE_STATES.get(status, "open")
    due_by = dispute.evidence_details.due_by if status.endswith("needs_response") else None
    return MoneyBack(
        stripe_id=dispute.id,
        kind="dispute",
        state=state,
        amount_cents=dispute.amount,
        intent_id=id_of(dispute.payment_intent),
        row_id="",
        reason=dispute.reason,
        failure_message="",
        created=dispute.created,
        evidence_due_at=moment(due_by) if due_by else None,
    )


def intent_of(object_id: str) -> str:
    """The payment that a charge, a refund or a dispute is about; "" for one without."""
    with asking() as client:
        if object_id.startswith(("re_", "pyr_")):
            return id_of(client.v1.refunds.retrieve(object_id).payment_intent)
        if object_id.startswith(("dp_", "du_")):
            return id_of(client.v1.disputes.retrieve(object_id).payment_intent)
        return id_of(client.v1.charges.retrieve(object_id).payment_intent)

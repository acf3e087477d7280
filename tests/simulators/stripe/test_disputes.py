"""Disputes: opened, answered, won, lost, and inquiries."""

import pytest
import stripe

from tests.simulators.stripe.conftest import Control
from tests.simulators.stripe.till import Till, refused


def dispute_of(till: Till, intent: stripe.PaymentIntent) -> stripe.Dispute:
    return till.v1.disputes.list({"payment_intent": intent.id}).data[0]


def told(till: Till) -> list[str]:
    return [one.removeprefix("charge.dispute.") for one in till.told() if "dispute" in one]


def test_a_dispute_takes_the_money_and_a_fee(till: Till) -> None:
    intent = till.charge("pm_card_createDispute")

    dispute = dispute_of(till, intent)

    assert (dispute.status, dispute.reason, dispute.amount) == (
        "needs_response",
        "fraudulent",
        1000,
    )
    moved = dispute.balance_transactions[0]
    assert (moved.type, moved.reporting_category) == ("adjustment", "dispute")
    assert (moved.amount, moved.fee, moved.net) == (-1000, 1500, -2500)
    assert till.v1.charges.retrieve(str(intent.latest_charge)).disputed
    assert told(till) == ["created", "funds_withdrawn"]
    assert till.balance() == 1000 - 59 - 2500


@pytest.mark.parametrize(
    ("words", "status", "news", "net"),
    [
        ("winning_evidence", "won", ["updated", "closed", "funds_reinstated"], 1000 - 59 - 1500),
        ("losing_evidence", "lost", ["updated", "closed"], 1000 - 59 - 2500),
    ],
)
def test_evidence_decides(till: Till, words: str, status: str, news: list[str], net: int) -> None:
    dispute = dispute_of(till, till.charge("pm_card_createDispute"))

    sent = till.v1.disputes.update(dispute.id, {"evidence": {"uncategorized_text": words}})
    assert sent.status == "under_review"

    assert till.v1.disputes.retrieve(dispute.id).status == status
    assert told(till) == ["created", "funds_withdrawn", *news]
    assert till.balance() == net


def test_accepting_it_loses_it(till: Till) -> None:
    dispute = dispute_of(till, till.charge("pm_card_createDispute"))

    assert till.v1.disputes.close(dispute.id).status == "lost"

    assert refused(till.v1.disputes.close, dispute.id).http_status == 400


def test_an_inquiry_moves_no_money_until_it_is_escalated(till: Till, control: Control) -> None:
    intent = till.charge("pm_card_createDisputeInquiry")
    dispute = dispute_of(till, intent)
    assert (dispute.status, dispute.balance_transactions) == ("warning_needs_response", [])
    assert dispute.is_charge_refundable
    assert till.balance() == 941

    control(f"disputes/{dispute.id}", status="needs_response")

    assert till.balance() == 941 - 2500
    assert told(till) == ["created", "updated", "funds_withdrawn"]


def test_a_dispute_can_be_opened_and_moved_by_hand(till: Till, control: Control) -> None:
    intent = till.charge()
    opened = control("disputes", charge=intent.latest_charge, amount=300)
    assert (opened["status"], opened["amount"]) == ("needs_response", 300)

    for status in ("under_review", "won"):
        control(f"disputes/{opened['id']}", status=status)

    assert dispute_of(till, intent).status == "won"
    wrong = till.web.post(f"/control/disputes/{opened['id']}", json={"status": "warning_closed"})
    assert wrong.status_code == 400


def test_what_was_refunded_before_is_not_disputed(till: Till, control: Control) -> None:
    intent = till.charge()
    till.v1.refunds.create({"payment_intent": intent.id, "amount": 400})

    assert control("disputes", charge=intent.latest_charge)["amount"] == 600

"""Money back: in parts, refused, pending, failing later."""

import stripe

from tests.simulators.stripe.conftest import Control
from tests.simulators.stripe.till import Till, plain, refused


def charge_of(till: Till, intent: stripe.PaymentIntent) -> stripe.Charge:
    return till.v1.charges.retrieve(str(intent.latest_charge))


def test_a_part_and_then_the_rest(till: Till) -> None:
    intent = till.charge()

    part = till.v1.refunds.create(
        {"payment_intent": intent.id, "amount": 400, "metadata": {"why": "late"}}
    )
    assert (part.status, part.amount, plain(part.metadata)) == ("succeeded", 400, {"why": "late"})
    assert (charge_of(till, intent).amount_refunded, charge_of(till, intent).refunded) == (
        400,
        False,
    )

    rest = till.v1.refunds.create({"charge": str(intent.latest_charge)})
    assert rest.amount == 600
    assert charge_of(till, intent).refunded
    found = till.v1.refunds.list({"payment_intent": intent.id})
    assert [one.id for one in found.data] == [rest.id, part.id]


def test_a_refund_tells_the_charge_and_later_its_reference(till: Till) -> None:
    intent = till.charge()
    till.v1.refunds.create({"payment_intent": intent.id, "amount": 400})

    told = till.told()
    events = [event for event in till.events() if event.type == "charge.refunded"]

    assert [one for one in told if "refund" in one] == [
        "refund.created",
        "charge.refunded",
        "refund.updated",
        "charge.refund.updated",
    ]
    assert plain(events[0].data.previous_attributes) == {"amount_refunded": 0}


def test_more_than_is_left_is_refused(till: Till) -> None:
    intent = till.charge()
    till.v1.refunds.create({"payment_intent": intent.id, "amount": 400})

    error = refused(till.v1.refunds.create, {"payment_intent": intent.id, "amount": 601})
    assert getattr(error, "param", None) == "amount"
    assert "Refund amount ($6.01) is greater than unrefunded amount on charge ($6.00)" in str(error)

    till.v1.refunds.create({"payment_intent": intent.id})
    error = refused(till.v1.refunds.create, {"payment_intent": intent.id})
    assert error.code == "charge_already_refunded"
    assert charge_of(till, intent).amount_refunded == 1000


def test_a_disputed_charge_is_not_refunded(till: Till) -> None:
    intent = till.charge("pm_card_createDispute")

    error = refused(till.v1.refunds.create, {"payment_intent": intent.id})

    assert error.code == "charge_disputed"
    assert charge_of(till, intent).amount_refunded == 0


def test_a_declined_payment_is_not_refunded(till: Till) -> None:
    refused(till.charge, "pm_card_chargeCustomerFail")
    charge = till.v1.charges.list().data[0]

    assert refused(till.v1.refunds.create, {"charge": charge.id}).http_status == 400


def test_a_refund_that_fails_later_brings_the_money_back(
    till: Till, noon: int, control: Control
) -> None:
    intent = till.charge("pm_card_refundFail")
    refund = till.v1.refunds.create({"payment_intent": intent.id})
    assert refund.status == "succeeded"

    control("advance", seconds=60)

    failed = till.v1.refunds.retrieve(refund.id, {"expand": ["failure_balance_transaction"]})
    assert (failed.status, failed.failure_reason) == ("failed", "expired_or_canceled_card")
    returned = failed.failure_balance_transaction
    assert isinstance(returned, stripe.BalanceTransaction)
    assert (returned.type, returned.net) == ("refund_failure", 1000)
    assert charge_of(till, intent).amount_refunded == 0
    assert "refund.failed" in till.told()


def test_a_pending_refund_succeeds_later(till: Till, noon: int, control: Control) -> None:
    intent = till.charge("pm_card_pendingRefund")
    refund = till.v1.refunds.create({"payment_intent": intent.id})
    assert (refund.status, refund.pending_reason) == ("pending", "processing")

    control("advance", seconds=60)

    assert till.v1.refunds.retrieve(refund.id).status == "succeeded"


def test_a_pending_refund_can_be_canceled(till: Till, noon: int) -> None:
    intent = till.charge("pm_card_pendingRefund")
    refund = till.v1.refunds.create({"payment_intent": intent.id})

    assert till.v1.refunds.cancel(refund.id).status == "canceled"

    assert charge_of(till, intent).amount_refunded == 0
    assert refused(till.v1.refunds.cancel, refund.id).http_status == 400

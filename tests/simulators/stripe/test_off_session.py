"""Charging a saved card while its owner is away."""

import pytest
import stripe

from tests.simulators.stripe.conftest import Control
from tests.simulators.stripe.till import Till, plain, refused


def intent_of(error: stripe.StripeError) -> stripe.PaymentIntent:
    assert error.error is not None
    assert error.error.payment_intent is not None
    return error.error.payment_intent


def test_a_good_card_pays(till: Till) -> None:
    intent = till.charge(metadata={"purchase": "p1"}, expand=["latest_charge"])

    charge = intent.latest_charge
    assert isinstance(charge, stripe.Charge)
    assert (intent.status, intent.amount_received) == ("succeeded", 1000)
    assert charge.paid
    assert plain(charge.metadata) == {"purchase": "p1"}
    assert charge.payment_method_details is not None
    assert charge.payment_method_details.card is not None
    assert charge.payment_method_details.card.last4 == "4242"
    assert charge.receipt_url is not None
    assert "$10.00" in till.web.get(charge.receipt_url).text


def test_the_balance_transaction_comes_after_the_success(till: Till) -> None:
    till.charge()

    events = [event for event in till.events() if event.type.startswith(("charge", "payment_int"))]
    assert [event.type for event in events] == [
        "payment_intent.created",
        "charge.succeeded",
        "payment_intent.succeeded",
        "charge.updated",
    ]
    assert events[1].data.object["balance_transaction"] is None
    assert events[3].data.object["balance_transaction"].startswith("txn_")
    assert plain(events[3].data.previous_attributes) == {"balance_transaction": None}


def test_a_card_that_fails_later_is_a_402_with_the_intent_inside(till: Till) -> None:
    error = refused(till.charge, "pm_card_chargeCustomerFail")

    assert isinstance(error, stripe.CardError)
    assert error.http_status == 402
    assert error.error is not None
    assert error.error.decline_code == "generic_decline"
    intent = intent_of(error)
    assert intent.status == "requires_payment_method"
    assert intent.last_payment_error is not None
    assert intent.last_payment_error.code == "card_declined"
    charge = till.v1.charges.list({"payment_intent": intent.id}).data[0]
    assert error.error.charge == charge.id == intent.latest_charge
    assert (charge.status, charge.paid, charge.failure_code) == ("failed", False, "card_declined")
    assert till.told()[-2:] == ["charge.failed", "payment_intent.payment_failed"]
    assert till.v1.balance_transactions.list().data == []


@pytest.mark.parametrize(
    "token", ["pm_card_authenticationRequired", "pm_card_authenticationRequiredOnSetup"]
)
def test_a_card_that_wants_its_owner_says_so(till: Till, token: str) -> None:
    error = refused(till.charge, token)

    assert isinstance(error, stripe.CardError)
    assert error.code == "authentication_required"
    assert error.error is not None
    assert error.error.decline_code == "authentication_required"
    assert intent_of(error).status == "requires_payment_method"


@pytest.mark.parametrize(
    ("token", "status", "event"),
    [
        ("pm_usBankAccount", "succeeded", "payment_intent.succeeded"),
        (
            "pm_usBankAccount_insufficientFunds",
            "requires_payment_method",
            "payment_intent.payment_failed",
        ),
    ],
)
def test_a_bank_debit_is_decided_later(
    till: Till, noon: int, control: Control, token: str, status: str, event: str
) -> None:
    intent = till.charge(token)
    assert intent.status == "processing"
    assert till.told()[-2:] == ["payment_intent.processing", "charge.pending"]

    control("advance", seconds=60)

    assert till.v1.payment_intents.retrieve(intent.id).status == status
    assert event in till.told()


def test_a_decided_payment_cannot_be_confirmed_or_canceled(till: Till) -> None:
    intent = till.charge()

    for call in (till.v1.payment_intents.confirm, till.v1.payment_intents.cancel):
        error = refused(call, intent.id)
        assert error.code == "payment_intent_unexpected_state"
        assert intent_of(error).id == intent.id


def test_a_declined_payment_can_be_confirmed_with_another_card(till: Till) -> None:
    intent = intent_of(refused(till.charge, "pm_card_chargeCustomerFail"))
    customer = till.v1.customers.retrieve(str(intent.customer))
    card = till.card(customer)

    done = till.v1.payment_intents.confirm(
        intent.id, {"payment_method": card.id, "off_session": True}
    )

    assert done.status == "succeeded"
    assert len(till.v1.charges.list({"payment_intent": intent.id}).data) == 2


def test_a_strangers_card_is_refused(till: Till) -> None:
    card = till.card(till.customer())

    error = refused(lambda: till.charge(payment_method=card.id))

    assert getattr(error, "param", None) == "payment_method"
    assert till.v1.charges.list().data == []


@pytest.mark.parametrize(
    ("amount", "code"), [(49, "amount_too_small"), (100_000_000, "amount_too_large")]
)
def test_an_amount_out_of_bounds_is_refused(till: Till, amount: int, code: str) -> None:
    assert refused(lambda: till.charge(amount=amount)).code == code
    assert till.v1.payment_intents.list().data == []


def test_the_owner_confirms_at_the_bank(till: Till) -> None:
    customer = till.customer()
    card = till.card(customer, "pm_card_authenticationRequired")
    intent = till.v1.payment_intents.create(
        {
            "amount": 1000,
            "currency": "usd",
            "customer": customer.id,
            "payment_method": card.id,
            "confirm": True,
            "return_url": "https://shop.example/back",
        }
    )
    assert intent.status == "requires_action"
    assert intent.next_action is not None
    assert intent.next_action.redirect_to_url is not None
    url = intent.next_action.redirect_to_url.url
    assert url is not None
    assert "$10.00" in till.web.get(url).text

    answer = till.web.post(url, data={"answer": "complete"})

    assert answer.headers["location"] == (
        f"https://shop.example/back?payment_intent={intent.id}&redirect_status=succeeded"
    )
    assert till.v1.payment_intents.retrieve(intent.id).status == "succeeded"

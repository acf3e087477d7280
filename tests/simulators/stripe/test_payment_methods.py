"""Cards of customers: attached, listed, recognized again, taken away."""

import pytest
import stripe

from tests.simulators.stripe.till import Till, plain, refused


def fingerprint(method: stripe.PaymentMethod) -> str:
    assert method.card is not None
    assert method.card.fingerprint is not None
    return method.card.fingerprint


def test_the_same_number_has_the_same_fingerprint_for_everybody(till: Till) -> None:
    ann, bob = till.customer(), till.customer()

    first, second = till.card(ann), till.card(bob)
    other = till.card(ann, "pm_card_mastercard")

    assert first.id != second.id
    assert fingerprint(first) == fingerprint(second)
    assert fingerprint(other) != fingerprint(first)


def test_lists_are_of_one_customer_and_type(till: Till) -> None:
    ann, bob = till.customer(), till.customer()
    card, bank = till.card(ann), till.card(ann, "pm_usBankAccount")
    till.card(bob)

    every = till.v1.customers.payment_methods.list(ann.id)
    cards = till.v1.payment_methods.list({"customer": ann.id, "type": "card"})

    assert [one.id for one in every.data] == [bank.id, card.id]
    assert [one.id for one in cards.data] == [card.id]
    assert till.v1.payment_methods.list().data == []


@pytest.mark.parametrize(
    ("token", "code", "decline_code"),
    [
        ("pm_card_chargeDeclined", "card_declined", "generic_decline"),
        ("pm_card_chargeDeclinedInsufficientFunds", "card_declined", "insufficient_funds"),
        ("pm_card_chargeDeclinedExpiredCard", "expired_card", None),
        ("pm_card_chargeDeclinedIncorrectCvc", "incorrect_cvc", None),
    ],
)
def test_a_card_that_is_declined_cannot_be_attached(
    till: Till, token: str, code: str, decline_code: str | None
) -> None:
    customer = till.customer()

    error = refused(till.v1.payment_methods.attach, token, {"customer": customer.id})

    assert isinstance(error, stripe.CardError)
    assert error.error is not None
    assert (error.code, error.error.decline_code) == (code, decline_code)
    assert till.v1.customers.payment_methods.list(customer.id).data == []


def test_a_detached_card_is_gone_for_good(till: Till) -> None:
    customer = till.customer()
    card = till.card(customer)
    till.v1.customers.update(customer.id, {"invoice_settings": {"default_payment_method": card.id}})

    till.v1.payment_methods.detach(card.id)

    settings = till.v1.customers.retrieve(customer.id).invoice_settings
    assert settings is not None
    assert settings.default_payment_method is None
    event = till.events()[-1]
    assert event.type == "payment_method.detached"
    assert plain(event.data.previous_attributes) == {"customer": customer.id}
    error = refused(till.v1.payment_methods.attach, card.id, {"customer": customer.id})
    assert error.code == "payment_method_unexpected_state"


def test_a_card_number_is_not_taken_by_the_api(till: Till) -> None:
    card = {"number": "4242424242424242", "exp_month": 12, "exp_year": 2034, "cvc": "123"}

    error = refused(till.v1.payment_methods.create, {"type": "card", "card": card})

    assert "Sending credit card numbers directly" in str(error)

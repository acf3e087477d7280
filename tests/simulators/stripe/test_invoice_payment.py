"""Every way out of an open invoice: paid, declined, paid another way, void, given up."""

import pytest
import stripe

from tests.simulators.stripe.conftest import NOON
from tests.simulators.stripe.shop import Shop


def test_nothing_to_pay_is_paid_at_once(shop: Shop) -> None:
    final = shop.client.v1.invoices.finalize_invoice(shop.draft().id)

    assert (final.status, final.amount_paid) == ("paid", 0)


def test_paying_charges_the_default_card(shop: Shop) -> None:
    made = shop.draft(1000)
    shop.client.v1.invoices.finalize_invoice(made.id)

    paid = shop.client.v1.invoices.pay(made.id)

    assert (paid.status, paid.amount_paid, paid.amount_remaining) == ("paid", 1000, 0)
    with pytest.raises(stripe.InvalidRequestError, match="already paid"):
        shop.client.v1.invoices.pay(made.id)
    assert len(shop.client.v1.charges.list().data) == 1


def test_a_decline_is_an_error_and_the_invoice_stays_open(shop: Shop) -> None:
    shop.add_card("pm_card_chargeCustomerFail")
    made = shop.draft(1000)
    shop.client.v1.invoices.finalize_invoice(made.id)

    with pytest.raises(stripe.CardError) as refusal:
        shop.client.v1.invoices.pay(made.id)

    assert (refusal.value.http_status, refusal.value.code) == (402, "card_declined")
    found = shop.read(made)
    assert (found.status, found.attempt_count, found.amount_paid) == ("open", 1, 0)
    assert shop.event_types("invoice.payment_failed") == ["invoice.payment_failed"]


def test_another_card_can_be_named(shop: Shop) -> None:
    card = shop.client.v1.payment_methods.attach("pm_card_amex", {"customer": shop.customer})
    made = shop.draft(1000)
    shop.client.v1.invoices.pay(made.id, {"payment_method": card.id})

    assert shop.read(made).status == "paid"
    assert shop.client.v1.charges.list().data[0].payment_method == card.id


def test_confirming_the_invoices_own_payment_intent_pays_it(shop: Shop) -> None:
    made = shop.draft(1000)
    final = shop.client.v1.invoices.finalize_invoice(made.id, {"expand": ["payments"]})
    assert final.payments
    intent = final.payments.data[0].payment.payment_intent
    assert isinstance(intent, str)

    shop.client.v1.payment_intents.confirm(
        intent, {"payment_method": shop.card, "off_session": True}
    )

    assert shop.read(made).status == "paid"


def test_a_strangers_card_is_refused(shop: Shop) -> None:
    rival = shop.client.v1.customers.create({}).id
    card = shop.client.v1.payment_methods.attach("pm_card_visa", {"customer": rival})
    made = shop.draft(1000)
    shop.client.v1.invoices.finalize_invoice(made.id)

    with pytest.raises(stripe.InvalidRequestError, match="does not belong to the Customer"):
        shop.client.v1.invoices.pay(made.id, {"payment_method": card.id})
    assert shop.client.v1.charges.list().data == []


def test_a_strangers_card_cannot_be_the_default(shop: Shop) -> None:
    rival = shop.client.v1.customers.create({}).id
    card = shop.client.v1.payment_methods.attach("pm_card_visa", {"customer": rival})

    with pytest.raises(stripe.InvalidRequestError) as refusal:
        shop.draft(default_payment_method=card.id)
    assert refusal.value.param == "default_payment_method"
    assert shop.client.v1.invoices.list().data == []


def test_without_any_card_paying_is_refused(shop: Shop) -> None:
    shop.client.v1.payment_methods.detach(shop.card)
    made = shop.draft(1000)
    shop.client.v1.invoices.finalize_invoice(made.id)

    with pytest.raises(stripe.InvalidRequestError, match="no `default_payment_method` set"):
        shop.client.v1.invoices.pay(made.id)
    assert shop.read(made).attempted is False


def test_money_that_came_another_way_is_written_down(shop: Shop) -> None:
    made = shop.draft(1000)
    shop.client.v1.invoices.finalize_invoice(made.id)

    paid = shop.client.v1.invoices.pay(made.id, {"paid_out_of_band": True})

    assert (paid.status, paid.amount_paid, paid.amount_paid_off_stripe) == ("paid", 1000, 1000)
    assert shop.client.v1.charges.list().data == []
    (intent,) = shop.client.v1.payment_intents.list().data
    assert intent.status == "canceled"


def test_a_void_invoice_cannot_be_paid(shop: Shop) -> None:
    made = shop.draft(1000)
    with pytest.raises(stripe.InvalidRequestError, match="open or uncollectible"):
        shop.client.v1.invoices.void_invoice(made.id)
    shop.client.v1.invoices.finalize_invoice(made.id)

    void = shop.client.v1.invoices.void_invoice(made.id)

    assert (void.status, void.status_transitions.voided_at) == ("void", NOON)
    with pytest.raises(stripe.InvalidRequestError):
        shop.client.v1.invoices.pay(made.id)
    assert shop.client.v1.payment_intents.list().data[0].status == "canceled"


def test_a_void_invoice_gives_back_the_balance_that_it_took(shop: Shop) -> None:
    shop.client.v1.customers.update(shop.customer, {"balance": -400})
    final = shop.client.v1.invoices.finalize_invoice(shop.draft(1000).id)
    assert shop.client.v1.customers.retrieve(shop.customer).balance == 0

    shop.client.v1.invoices.void_invoice(final.id)

    assert shop.client.v1.customers.retrieve(shop.customer).balance == -400


def test_an_uncollectible_invoice_can_still_be_paid(shop: Shop) -> None:
    made = shop.draft(1000)
    shop.client.v1.invoices.finalize_invoice(made.id)
    given_up = shop.client.v1.invoices.mark_uncollectible(made.id)
    assert (given_up.status, given_up.status_transitions.marked_uncollectible_at) == (
        "uncollectible",
        NOON,
    )

    assert shop.client.v1.invoices.pay(made.id).status == "paid"


def test_the_payments_of_an_invoice_are_listed(shop: Shop) -> None:
    made = shop.draft(1000)
    shop.client.v1.invoices.pay(made.id)

    (payment,) = shop.client.v1.invoice_payments.list({"invoice": made.id}).data
    assert (payment.status, payment.amount_paid) == ("paid", 1000)
    assert isinstance(payment.payment.payment_intent, str)
    (same,) = shop.client.v1.invoice_payments.list(
        {"payment": {"type": "payment_intent", "payment_intent": payment.payment.payment_intent}}
    ).data
    assert same.id == payment.id

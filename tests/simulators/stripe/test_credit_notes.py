"""Credit notes: an operator takes something off an invoice, before or after it is paid."""

from typing import Any, cast

import pytest
import stripe

from tests.simulators.stripe.shop import Shop


def opened(shop: Shop, amount: int = 1000, **changes: Any) -> stripe.Invoice:
    made = shop.draft(amount, **changes)
    return shop.client.v1.invoices.finalize_invoice(made.id)


def credit(shop: Shop, invoice: stripe.Invoice, **given: Any) -> stripe.CreditNote:
    return shop.client.v1.credit_notes.create(cast("Any", {"invoice": invoice.id} | given))


def test_on_an_open_invoice_less_remains(shop: Shop) -> None:
    invoice = opened(shop)

    note = credit(shop, invoice, amount=300, reason="order_change")

    assert (note.amount, note.type, note.pre_payment_amount) == (300, "pre_payment", 300)
    assert note.number == f"{invoice.number}-CN-01"
    found = shop.read(invoice)
    assert (found.status, found.amount_due, found.amount_remaining) == ("open", 700, 700)
    assert found.pre_payment_credit_notes_amount == 300
    paid = shop.client.v1.invoices.pay(invoice.id)
    assert (paid.status, paid.amount_paid) == ("paid", 700)
    assert [charge.amount for charge in shop.client.v1.charges.list().data] == [700]


def test_an_open_invoice_of_which_nothing_remains_is_paid(shop: Shop) -> None:
    invoice = opened(shop)

    credit(shop, invoice, amount=1000)

    found = shop.read(invoice)
    assert (found.status, found.amount_paid, found.amount_remaining) == ("paid", 0, 0)
    assert shop.client.v1.charges.list().data == []
    assert shop.client.v1.payment_intents.list().data[0].status == "canceled"


def test_of_a_paid_invoice_money_is_refunded(shop: Shop) -> None:
    invoice = opened(shop)
    shop.client.v1.invoices.pay(invoice.id)

    note = credit(shop, invoice, amount=400, refund_amount=400)

    assert (note.type, note.post_payment_amount) == ("post_payment", 400)
    (refund,) = shop.client.v1.refunds.list().data
    assert (refund.amount, note.refunds[0].refund) == (400, refund.id)
    found = shop.read(invoice)
    assert (found.status, found.amount_paid) == ("paid", 1000)
    assert found.post_payment_credit_notes_amount == 400


def test_of_a_paid_invoice_money_can_wait_on_the_balance(shop: Shop) -> None:
    invoice = opened(shop)
    shop.client.v1.invoices.pay(invoice.id)

    credit(shop, invoice, amount=400, credit_amount=400)

    assert shop.client.v1.customers.retrieve(shop.customer).balance == -400
    assert shop.client.v1.refunds.list().data == []


@pytest.mark.parametrize(
    "given", [{"amount": 400}, {"amount": 400, "refund_amount": 300}, {"amount": 1001, "refund_amount": 1001}]
)  # fmt: skip
def test_the_parts_must_add_up_to_no_more_than_was_paid(shop: Shop, given: dict[str, int]) -> None:
    invoice = opened(shop)
    shop.client.v1.invoices.pay(invoice.id)

    with pytest.raises(stripe.InvalidRequestError):
        credit(shop, invoice, **given)

    assert shop.client.v1.credit_notes.list().data == []
    assert shop.client.v1.refunds.list().data == []
    assert shop.read(invoice).post_payment_credit_notes_amount == 0


def test_more_than_remains_is_refused(shop: Shop) -> None:
    invoice = opened(shop)

    with pytest.raises(stripe.InvalidRequestError) as refusal:
        credit(shop, invoice, amount=1001)

    assert refusal.value.param == "amount"
    assert shop.read(invoice).amount_remaining == 1000


def test_a_draft_takes_no_credit_note(shop: Shop) -> None:
    draft = shop.client.v1.invoices.create({"customer": shop.customer})

    with pytest.raises(stripe.InvalidRequestError, match="open or paid"):
        credit(shop, draft, amount=1)


def test_a_line_takes_its_part_of_the_tax_along(shop: Shop) -> None:
    shop.client.v1.customers.update(shop.customer, {"address": {"country": "GB"}})
    invoice = opened(shop, automatic_tax={"enabled": True})
    (line,) = invoice.lines.data

    note = credit(
        shop,
        invoice,
        lines=[{"type": "invoice_line_item", "invoice_line_item": line.id, "amount": 500}],
    )

    assert (note.subtotal, note.total, note.amount) == (500, 550, 550)
    assert shop.read(invoice).amount_remaining == 550


def test_credit_notes_are_listed_by_invoice(shop: Shop) -> None:
    first, second = opened(shop), opened(shop)
    note = credit(shop, first, amount=100)
    credit(shop, second, amount=100)

    found = shop.client.v1.credit_notes.list({"invoice": first.id}).data

    assert [row.id for row in found] == [note.id]
    assert shop.client.v1.credit_notes.retrieve(note.id).amount == 100
    assert shop.event_types("credit_note") == ["credit_note.created"] * 2

"""Invoices by hand: drafts, their lines, and every way out of them."""

from collections.abc import Callable
from typing import Any, cast

import pytest
import stripe

from tests.simulators.stripe.conftest import NOON, Control
from tests.simulators.stripe.shop import Shop

HOUR, DAY = 3600, 86_400


def draft(shop: Shop, *amounts: int, **changes: Any) -> stripe.Invoice:
    made = shop.client.v1.invoices.create(cast("Any", {"customer": shop.customer} | changes))
    for amount in amounts:
        add(shop, amount, invoice=made.id)
    return shop.client.v1.invoices.retrieve(made.id)


def add(shop: Shop, amount: int, **changes: Any) -> stripe.InvoiceItem:
    given = {"customer": shop.customer, "amount": amount, "currency": "usd"} | changes
    return shop.client.v1.invoice_items.create(cast("Any", given))


def again(shop: Shop, invoice: stripe.Invoice) -> stripe.Invoice:
    return shop.client.v1.invoices.retrieve(invoice.id)


def test_a_draft_has_stripes_defaults(shop: Shop) -> None:
    made = draft(shop)

    assert made.id.startswith("in_")
    assert (made.status, made.auto_advance, made.billing_reason) == ("draft", False, "manual")
    assert (made.collection_method, made.due_date) == ("charge_automatically", None)
    assert (made.total, made.amount_due, made.amount_remaining) == (0, 0, 0)
    assert (made.number, made.hosted_invoice_url, made.invoice_pdf) == (None, None, None)
    assert made.customer_email == "a@acme.example"
    assert "payments" not in made.to_dict()
    assert shop.event_types("invoice.") == ["invoice.created"]


def test_pending_items_stay_away_unless_asked_for(shop: Shop) -> None:
    add(shop, 500)
    without = draft(shop)
    with_them = draft(shop, pending_invoice_items_behavior="include")

    assert (without.total, with_them.total) == (0, 500)


def test_items_add_up_and_a_credit_takes_off(shop: Shop) -> None:
    made = draft(shop, 1000, -300)

    assert [line.amount for line in made.lines.data] == [1000, -300]
    assert (made.subtotal, made.total, made.amount_due) == (700, 700, 700)


def test_an_item_of_a_price_is_rounded_once(shop: Shop) -> None:
    price = shop.client.v1.prices.create(
        cast(
            "Any", {"currency": "usd", "unit_amount_decimal": "0.5", "product": shop.price.product}
        )
    )
    made = draft(shop)
    item = shop.client.v1.invoice_items.create(
        {
            "customer": shop.customer,
            "invoice": made.id,
            "pricing": {"price": price.id},
            "quantity": 3,
        }
    )

    assert (item.amount, item.quantity, item.description) == (2, 3, "Video")
    assert again(shop, made).total == 2


def test_an_item_keeps_its_period_and_metadata(shop: Shop) -> None:
    made = draft(shop)
    add(shop, 5, invoice=made.id, period={"start": 1, "end": 2}, metadata={"a": "1"})

    (line,) = again(shop, made).lines.data
    assert (line.period.start, line.period.end) == (1, 2)
    assert line.metadata.to_dict() == {"a": "1"}


def test_an_item_can_be_changed_and_removed_until_the_invoice_is_final(shop: Shop) -> None:
    made = draft(shop)
    first, second = add(shop, 500, invoice=made.id), add(shop, 70, invoice=made.id)

    shop.client.v1.invoice_items.update(first.id, {"amount": 600})
    assert again(shop, made).total == 670
    shop.client.v1.invoice_items.delete(second.id)
    assert again(shop, made).total == 600

    shop.client.v1.invoices.finalize_invoice(made.id)
    changes: list[Callable[[], object]] = [
        lambda: shop.client.v1.invoice_items.update(first.id, {"amount": 1}),
        lambda: shop.client.v1.invoice_items.delete(first.id),
        lambda: add(shop, 5, invoice=made.id),
    ]
    for change in changes:
        with pytest.raises(stripe.InvalidRequestError) as refusal:
            change()
        assert refusal.value.code == "invoice_not_editable"
    assert again(shop, made).total == 600


def test_finalizing_numbers_it_and_opens_its_page(shop: Shop) -> None:
    made = draft(shop, 1000)

    final = shop.client.v1.invoices.finalize_invoice(made.id, {"expand": ["payments"]})

    assert (final.status, final.amount_due, final.amount_remaining) == ("open", 1000, 1000)
    assert final.number
    assert final.number.endswith("-0001")
    assert final.hosted_invoice_url
    assert final.invoice_pdf
    assert final.status_transitions.finalized_at == NOON
    assert final.payments
    (payment,) = final.payments.data
    assert (payment.status, payment.amount_requested, payment.is_default) == ("open", 1000, True)
    with pytest.raises(stripe.InvalidRequestError, match="already finalized"):
        shop.client.v1.invoices.finalize_invoice(made.id)


def test_nothing_to_pay_is_paid_at_once(shop: Shop) -> None:
    final = shop.client.v1.invoices.finalize_invoice(draft(shop).id)

    assert (final.status, final.amount_paid) == ("paid", 0)


def test_more_credit_than_charges_goes_to_the_balance(shop: Shop) -> None:
    shop.client.v1.invoices.finalize_invoice(draft(shop, -400).id)
    assert shop.client.v1.customers.retrieve(shop.customer).balance == -400

    final = shop.client.v1.invoices.finalize_invoice(draft(shop, 1000).id)
    assert (final.total, final.starting_balance, final.amount_due) == (1000, -400, 600)
    assert shop.client.v1.customers.retrieve(shop.customer).balance == 0


def test_paying_charges_the_default_card(shop: Shop) -> None:
    made = draft(shop, 1000)
    shop.client.v1.invoices.finalize_invoice(made.id)

    paid = shop.client.v1.invoices.pay(made.id)

    assert (paid.status, paid.amount_paid, paid.amount_remaining) == ("paid", 1000, 0)
    with pytest.raises(stripe.InvalidRequestError, match="already paid"):
        shop.client.v1.invoices.pay(made.id)
    assert len(shop.client.v1.charges.list().data) == 1


def test_a_decline_is_an_error_and_the_invoice_stays_open(shop: Shop) -> None:
    shop.add_card("pm_card_chargeCustomerFail")
    made = draft(shop, 1000)
    shop.client.v1.invoices.finalize_invoice(made.id)

    with pytest.raises(stripe.CardError) as refusal:
        shop.client.v1.invoices.pay(made.id)

    assert (refusal.value.http_status, refusal.value.code) == (402, "card_declined")
    found = again(shop, made)
    assert (found.status, found.attempt_count, found.amount_paid) == ("open", 1, 0)
    assert shop.event_types("invoice.payment_failed") == ["invoice.payment_failed"]


def test_another_card_can_be_named(shop: Shop) -> None:
    card = shop.client.v1.payment_methods.attach("pm_card_amex", {"customer": shop.customer})
    made = draft(shop, 1000)
    shop.client.v1.invoices.pay(made.id, {"payment_method": card.id})

    assert again(shop, made).status == "paid"
    assert shop.client.v1.charges.list().data[0].payment_method == card.id


def test_confirming_the_invoices_own_payment_intent_pays_it(shop: Shop) -> None:
    made = draft(shop, 1000)
    final = shop.client.v1.invoices.finalize_invoice(made.id, {"expand": ["payments"]})
    assert final.payments
    intent = final.payments.data[0].payment.payment_intent
    assert isinstance(intent, str)

    shop.client.v1.payment_intents.confirm(
        intent, {"payment_method": shop.card, "off_session": True}
    )

    assert again(shop, made).status == "paid"


def test_a_strangers_card_is_refused(shop: Shop) -> None:
    rival = shop.client.v1.customers.create({}).id
    card = shop.client.v1.payment_methods.attach("pm_card_visa", {"customer": rival})
    made = draft(shop, 1000)
    shop.client.v1.invoices.finalize_invoice(made.id)

    with pytest.raises(stripe.InvalidRequestError, match="does not belong to the Customer"):
        shop.client.v1.invoices.pay(made.id, {"payment_method": card.id})
    assert shop.client.v1.charges.list().data == []


def test_without_any_card_paying_is_refused(shop: Shop) -> None:
    shop.client.v1.payment_methods.detach(shop.card)
    made = draft(shop, 1000)
    shop.client.v1.invoices.finalize_invoice(made.id)

    with pytest.raises(stripe.InvalidRequestError, match="no `default_payment_method` set"):
        shop.client.v1.invoices.pay(made.id)
    assert again(shop, made).attempted is False


def test_money_that_came_another_way_is_written_down(shop: Shop) -> None:
    made = draft(shop, 1000)
    shop.client.v1.invoices.finalize_invoice(made.id)

    paid = shop.client.v1.invoices.pay(made.id, {"paid_out_of_band": True})

    assert (paid.status, paid.amount_paid, paid.amount_paid_off_stripe) == ("paid", 1000, 1000)
    assert shop.client.v1.charges.list().data == []
    (intent,) = shop.client.v1.payment_intents.list().data
    assert intent.status == "canceled"


def test_a_void_invoice_cannot_be_paid(shop: Shop) -> None:
    made = draft(shop, 1000)
    with pytest.raises(stripe.InvalidRequestError, match="open or uncollectible"):
        shop.client.v1.invoices.void_invoice(made.id)
    shop.client.v1.invoices.finalize_invoice(made.id)

    void = shop.client.v1.invoices.void_invoice(made.id)

    assert (void.status, void.status_transitions.voided_at) == ("void", NOON)
    with pytest.raises(stripe.InvalidRequestError):
        shop.client.v1.invoices.pay(made.id)
    assert shop.client.v1.payment_intents.list().data[0].status == "canceled"


def test_an_uncollectible_invoice_can_still_be_paid(shop: Shop) -> None:
    made = draft(shop, 1000)
    shop.client.v1.invoices.finalize_invoice(made.id)
    given_up = shop.client.v1.invoices.mark_uncollectible(made.id)
    assert (given_up.status, given_up.status_transitions.marked_uncollectible_at) == (
        "uncollectible",
        NOON,
    )

    assert shop.client.v1.invoices.pay(made.id).status == "paid"


def test_only_a_draft_is_deleted_and_its_items_wait_again(shop: Shop) -> None:
    made = draft(shop, 1000)
    shop.client.v1.invoices.delete(made.id)

    with pytest.raises(stripe.InvalidRequestError, match="No such invoice"):
        again(shop, made)
    (item,) = shop.client.v1.invoice_items.list({"pending": True}).data
    assert (item.amount, item.invoice) == (1000, None)

    final = shop.client.v1.invoices.finalize_invoice(draft(shop, 500).id)
    with pytest.raises(stripe.InvalidRequestError, match="only delete draft invoices"):
        shop.client.v1.invoices.delete(final.id)


def test_a_sent_invoice_needs_a_due_date(shop: Shop) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refusal:
        draft(shop, collection_method="send_invoice")
    assert refusal.value.param == "days_until_due"

    made = draft(shop, 1000, collection_method="send_invoice", days_until_due=30)
    sent = shop.client.v1.invoices.send_invoice(made.id)

    assert (sent.status, sent.due_date) == ("open", NOON + 30 * DAY)
    assert shop.event_types("invoice.sent") == ["invoice.sent"]


def test_an_invoice_that_is_charged_is_not_sent(shop: Shop) -> None:
    made = draft(shop, 1000)

    with pytest.raises(stripe.InvalidRequestError, match="only manually send an invoice if"):
        shop.client.v1.invoices.send_invoice(made.id)
    assert again(shop, made).status == "draft"


def test_a_draft_that_advances_is_paid_after_an_hour(shop: Shop, control: Control) -> None:
    made = draft(shop, 1000, auto_advance=True)
    assert made.automatically_finalizes_at == NOON + HOUR

    control("advance", seconds=HOUR - 1)
    assert again(shop, made).status == "draft"
    control("advance", seconds=1)
    assert again(shop, made).status == "paid"


def test_a_draft_that_stops_advancing_stays(shop: Shop, control: Control) -> None:
    made = draft(shop, 1000, auto_advance=True)
    shop.client.v1.invoices.update(made.id, {"auto_advance": False})

    control("advance", seconds=2 * HOUR)

    found = again(shop, made)
    assert (found.status, found.automatically_finalizes_at) == ("draft", None)


def test_a_final_invoice_changes_only_in_what_is_no_part_of_it(shop: Shop) -> None:
    final = shop.client.v1.invoices.finalize_invoice(draft(shop, 1000).id)

    changed = shop.client.v1.invoices.update(final.id, {"metadata": {"a": "1"}})
    assert changed.metadata
    assert changed.metadata.to_dict() == {"a": "1"}
    with pytest.raises(stripe.InvalidRequestError) as refusal:
        shop.client.v1.invoices.update(final.id, {"description": "x"})
    assert refusal.value.code == "invoice_not_editable"


def test_many_lines_are_read_page_by_page(shop: Shop) -> None:
    made = draft(shop, *range(1, 13))

    assert [line.amount for line in made.lines.data] == list(range(1, 11))
    assert made.lines.has_more is True
    pages = shop.client.v1.invoices.line_items.list(made.id, {"limit": 5}).auto_paging_iter()
    assert [line.amount for line in pages] == list(range(1, 13))


def test_invoices_are_listed_by_customer_status_and_time(shop: Shop, control: Control) -> None:
    first = draft(shop)
    control("advance", seconds=60)
    second = shop.client.v1.invoices.finalize_invoice(draft(shop, 1000).id)

    def ids(**given: Any) -> list[str]:
        return [row.id for row in shop.client.v1.invoices.list(cast("Any", given)).data]

    assert ids() == [second.id, first.id]
    assert ids(status="open") == [second.id]
    assert ids(customer=shop.customer, status="draft") == [first.id]
    assert ids(created={"gt": NOON}) == [second.id]
    assert ids(customer="cus_none") == []


def test_tax_is_ten_per_cent_where_it_is_automatic(shop: Shop) -> None:
    made = draft(shop, 1005, automatic_tax={"enabled": True})

    assert (made.subtotal, made.total, made.total_excluding_tax) == (1005, 1106, 1005)
    assert [tax.amount for tax in made.total_taxes or []] == [101]


def test_the_payments_of_an_invoice_are_listed(shop: Shop) -> None:
    made = draft(shop, 1000)
    shop.client.v1.invoices.pay(made.id)

    (payment,) = shop.client.v1.invoice_payments.list({"invoice": made.id}).data
    assert (payment.status, payment.amount_paid) == ("paid", 1000)
    assert isinstance(payment.payment.payment_intent, str)
    (same,) = shop.client.v1.invoice_payments.list(
        {"payment": {"type": "payment_intent", "payment_intent": payment.payment.payment_intent}}
    ).data
    assert same.id == payment.id

"""A period's end becomes an invoice: drafted, finalized an hour later, paid by the saved card."""

from decimal import Decimal

import stripe

from tests.simulators.stripe.conftest import NOON, Control
from tests.simulators.stripe.shop import Shop

DAY = 86_400
END = NOON + 30 * DAY  # 1 December, noon


def only_invoice(shop: Shop) -> stripe.Invoice:
    (found,) = shop.client.v1.invoices.list(
        {"customer": shop.customer, "expand": ["data.payments", "data.lines"]}
    ).data
    return found


def test_a_period_becomes_a_draft_with_what_the_meter_counted(shop: Shop, control: Control) -> None:
    subscription = shop.subscribe(metadata={"organization": "7"})
    shop.use("12300", at=NOON)
    shop.use("50", at=NOON + 60)
    shop.use("900", at=NOON - 1)  # before it began

    control("advance", to=END)

    invoice = only_invoice(shop)
    assert (invoice.status, invoice.billing_reason) == ("draft", "subscription_cycle")
    assert (invoice.subtotal, invoice.total, invoice.amount_due) == (124, 124, 124)
    assert (invoice.period_start, invoice.period_end) == (NOON, END)
    assert (invoice.auto_advance, invoice.automatically_finalizes_at) == (True, END + 3600)
    assert (invoice.number, invoice.hosted_invoice_url) == (None, None)
    assert invoice.parent
    assert invoice.parent.subscription_details
    assert invoice.parent.subscription_details.subscription == subscription.id
    assert invoice.parent.subscription_details.metadata
    assert invoice.parent.subscription_details.metadata.to_dict() == {"organization": "7"}
    (line,) = invoice.lines.data
    assert (line.amount, line.quantity, line.quantity_decimal) == (124, 12350, Decimal(12350))
    assert line.description == "12350 × Video (at $0.0001 / month)"
    assert (line.period.start, line.period.end) == (NOON, END)
    assert line.pricing
    assert line.pricing.unit_amount_decimal == Decimal("0.01")
    assert line.parent
    assert line.parent.subscription_item_details
    assert (
        line.parent.subscription_item_details.subscription_item == subscription["items"].data[0].id
    )
    found = shop.client.v1.subscriptions.retrieve(subscription.id)
    assert found.latest_invoice == invoice.id
    assert found["items"].data[0].current_period_start == END


def test_half_a_cent_is_rounded_up(shop: Shop, control: Control) -> None:
    shop.subscribe()
    shop.use("5050")

    control("advance", to=END)

    assert only_invoice(shop).total == 51  # 50.5 cents


def test_usage_that_comes_late_counts_until_the_invoice_is_final(
    shop: Shop, control: Control
) -> None:
    shop.subscribe()
    shop.use("10000")
    control("advance", to=END + 3599)
    shop.use("2000", at=END - 1)
    shop.use("7000", at=END)  # the next period's

    control("advance", to=END + 3600)
    assert only_invoice(shop).total == 120
    shop.use("90000", at=END - 1)  # too late

    control("advance", to=NOON + 61 * DAY + 3600)
    totals = [invoice.total for invoice in shop.client.v1.invoices.list().data]
    assert totals == [70, 120]


def test_the_saved_card_pays_an_hour_later(shop: Shop, control: Control) -> None:
    shop.subscribe()
    shop.use("100000")

    control("advance", to=END + 3600)

    invoice = only_invoice(shop)
    assert (invoice.status, invoice.amount_paid, invoice.amount_remaining) == ("paid", 1000, 0)
    assert (invoice.attempted, invoice.attempt_count) == (True, 1)
    assert invoice.number
    assert invoice.number.endswith("-0001")
    assert invoice.status_transitions.finalized_at == END + 3600
    assert invoice.status_transitions.paid_at == END + 3600
    assert invoice.payments
    (payment,) = invoice.payments.data
    assert (payment.status, payment.amount_paid) == ("paid", 1000)
    assert isinstance(payment.payment.payment_intent, str)
    intent = shop.client.v1.payment_intents.retrieve(payment.payment.payment_intent)
    assert (intent.status, intent.amount, intent.customer) == ("succeeded", 1000, shop.customer)
    (charge,) = shop.client.v1.charges.list({"payment_intent": intent.id}).data
    assert charge.payment_method == shop.card
    assert shop.event_types("invoice") == [
        "invoice.created",
        "invoice.finalized",
        "invoice_payment.paid",
        "invoice.updated",
        "invoice.paid",
        "invoice.payment_succeeded",
    ]


def test_an_empty_period_is_an_invoice_over_nothing(shop: Shop, control: Control) -> None:
    shop.subscribe()

    control("advance", to=END + 3600)

    invoice = only_invoice(shop)
    assert (invoice.status, invoice.total, invoice.amount_paid) == ("paid", 0, 0)
    assert [line.quantity for line in invoice.lines.data] == [0]
    assert shop.client.v1.payment_intents.list().data == []


def test_usage_below_zero_is_none(shop: Shop, control: Control) -> None:
    shop.subscribe()
    shop.use("-100000")

    control("advance", to=END + 3600)

    invoice = only_invoice(shop)
    assert (invoice.total, invoice.lines.data[0].quantity) == (0, 0)


def test_less_than_can_be_charged_waits_on_the_balance(shop: Shop, control: Control) -> None:
    shop.subscribe()
    shop.use("4900")
    control("advance", to=END + 3600)

    invoice = only_invoice(shop)
    assert (invoice.total, invoice.amount_due, invoice.status) == (49, 0, "paid")
    assert invoice.ending_balance == 49
    assert shop.client.v1.customers.retrieve(shop.customer).balance == 49

    shop.use("4900", at=END + 3600)
    control("advance", to=NOON + 61 * DAY + 3600)
    second = shop.client.v1.invoices.list().data[0]
    assert (second.total, second.starting_balance, second.amount_due) == (49, 49, 98)
    assert (second.amount_paid, second.ending_balance) == (98, 0)
    assert shop.client.v1.customers.retrieve(shop.customer).balance == 0


def test_pending_items_are_drawn_in(shop: Shop, control: Control) -> None:
    shop.subscribe()
    shop.use("100000")
    item = shop.client.v1.invoice_items.create(
        {"customer": shop.customer, "amount": -250, "currency": "usd", "description": "Credit"}
    )
    assert item.invoice is None

    control("advance", to=END)

    invoice = only_invoice(shop)
    assert [(line.amount, line.description) for line in invoice.lines.data] == [
        (-250, "Credit"),
        (1000, "100000 × Video (at $0.0001 / month)"),
    ]
    assert invoice.total == 750
    assert shop.client.v1.invoice_items.retrieve(item.id).invoice == invoice.id
    assert shop.client.v1.invoice_items.list({"pending": True}).data == []


def test_several_periods_pass_in_order(shop: Shop, control: Control) -> None:
    shop.subscribe()

    control("advance", seconds=100 * DAY)

    invoices = shop.client.v1.invoices.list({"status": "paid"}).data
    assert [invoice.number and invoice.number[-4:] for invoice in invoices] == [
        "0003",
        "0002",
        "0001",
    ]
    assert [invoice.created for invoice in invoices] == sorted(
        (invoice.created for invoice in invoices), reverse=True
    )


def test_what_the_simulator_keeps_to_itself_is_in_no_event(shop: Shop, control: Control) -> None:
    shop.subscribe()
    shop.use("100000")
    control("advance", to=END + 3600)

    for event in shop.client.v1.events.list({"limit": 100}).data:
        assert '"_' not in str(event)

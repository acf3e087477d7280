"""What becomes of an invoice that is not paid at once, and of its subscription."""

import pytest
import stripe

from tests.simulators.stripe.conftest import NOON, Control
from tests.simulators.stripe.shop import Shop

HOUR, DAY = 3600, 86_400
END = NOON + 30 * DAY
FINAL = END + HOUR


def bill(shop: Shop, control: Control, **changes: object) -> stripe.Subscription:
    """A period of ten dollars, finalized and tried once."""
    subscription = shop.subscribe(**changes)
    shop.use("100000")
    control("advance", to=FINAL)
    return subscription


def state(shop: Shop, subscription: stripe.Subscription) -> tuple[str | None, int, str]:
    """The first invoice's status and attempts, and the subscription's status."""
    found = shop.client.v1.invoices.list({"subscription": subscription.id}).data[-1]
    status = shop.client.v1.subscriptions.retrieve(subscription.id).status
    return found.status, found.attempt_count, status


def first_invoice(shop: Shop) -> stripe.Invoice:
    return shop.client.v1.invoices.list().data[-1]


def test_a_declined_card_is_tried_on_the_third_fifth_and_seventh_day(
    shop: Shop, control: Control
) -> None:
    shop.add_card("pm_card_chargeCustomerFail")
    subscription = bill(shop, control)

    assert state(shop, subscription) == ("open", 1, "past_due")
    assert first_invoice(shop).next_payment_attempt == FINAL + 3 * DAY
    for days, attempts in ((3, 2), (5, 3)):
        control("advance", to=FINAL + days * DAY - 1)
        assert state(shop, subscription) == ("open", attempts - 1, "past_due")
        control("advance", to=FINAL + days * DAY)
        assert state(shop, subscription) == ("open", attempts, "past_due")
    control("advance", to=FINAL + 7 * DAY)

    assert state(shop, subscription) == ("uncollectible", 4, "unpaid")
    assert first_invoice(shop).next_payment_attempt is None
    intents = shop.client.v1.payment_intents.list().data
    assert [intent.status for intent in intents] == ["requires_payment_method"]
    charges = shop.client.v1.charges.list().data
    assert [charge.status for charge in charges] == ["failed"] * 4
    assert shop.event_types("invoice.payment_failed") == ["invoice.payment_failed"] * 4
    assert shop.event_types("invoice.marked") == ["invoice.marked_uncollectible"]


def test_a_better_card_pays_at_the_next_try(shop: Shop, control: Control) -> None:
    shop.add_card("pm_card_chargeCustomerFail")
    subscription = bill(shop, control)
    shop.add_card("pm_card_visa")

    control("advance", to=FINAL + 3 * DAY)

    assert state(shop, subscription) == ("paid", 2, "active")
    control("advance", to=FINAL + 8 * DAY)
    assert state(shop, subscription) == ("paid", 2, "active")
    assert len(shop.client.v1.charges.list().data) == 2


def test_an_unpaid_subscription_drafts_invoices_that_do_not_advance(
    shop: Shop, control: Control
) -> None:
    shop.add_card("pm_card_chargeCustomerFail")
    subscription = bill(shop, control)

    control("advance", to=NOON + 62 * DAY)

    newest = shop.client.v1.invoices.list().data[0]
    assert (newest.status, newest.auto_advance) == ("draft", False)
    assert shop.client.v1.subscriptions.retrieve(subscription.id).status == "unpaid"


def test_a_card_that_wants_its_owner_is_a_failure_that_says_so(
    shop: Shop, control: Control
) -> None:
    shop.add_card("pm_card_authenticationRequired")
    subscription = bill(shop, control)

    assert state(shop, subscription) == ("open", 1, "past_due")
    assert shop.event_types("invoice.payment_") == [
        "invoice.payment_failed",
        "invoice.payment_action_required",
    ]


def test_without_a_card_the_payment_fails_and_nothing_is_charged(
    shop: Shop, control: Control
) -> None:
    shop.client.v1.payment_methods.detach(shop.card)
    subscription = bill(shop, control)

    assert state(shop, subscription) == ("open", 1, "past_due")
    assert shop.event_types("invoice.payment_") == ["invoice.payment_failed"]
    assert shop.client.v1.charges.list().data == []


def test_the_subscriptions_own_card_is_preferred(shop: Shop, control: Control) -> None:
    own = shop.client.v1.payment_methods.attach("pm_card_mastercard", {"customer": shop.customer})
    bill(shop, control, default_payment_method=own.id)

    (charge,) = shop.client.v1.charges.list().data
    assert charge.payment_method == own.id


def test_a_bank_debit_pays_the_invoice_when_the_bank_has_paid(shop: Shop, control: Control) -> None:
    shop.add_card("pm_usBankAccount_success")
    subscription = bill(shop, control)
    assert state(shop, subscription) == ("open", 1, "active")

    control("advance", seconds=60)

    assert state(shop, subscription) == ("paid", 1, "active")


def test_a_bank_debit_that_fails_is_a_failed_attempt(shop: Shop, control: Control) -> None:
    shop.add_card("pm_usBankAccount_insufficientFunds")
    subscription = bill(shop, control)

    control("advance", seconds=60)

    assert state(shop, subscription) == ("open", 1, "past_due")
    assert shop.event_types("invoice.payment_") == ["invoice.payment_failed"]
    assert (first_invoice(shop).next_payment_attempt or 0) > FINAL + 3 * DAY


def test_a_debit_that_fails_for_an_invoice_that_was_given_up_changes_nothing(
    shop: Shop, control: Control
) -> None:
    shop.add_card("pm_card_chargeCustomerFail")
    subscription = bill(shop, control)
    control("advance", to=FINAL + 7 * DAY)
    bank = shop.add_card("pm_usBankAccount_insufficientFunds")
    shop.client.v1.invoices.pay(first_invoice(shop).id, {"payment_method": bank})

    control("advance", seconds=60)

    assert state(shop, subscription) == ("uncollectible", 4, "unpaid")
    assert len(shop.event_types("invoice.payment_failed")) == 5


def test_a_sent_invoice_waits_for_its_due_date(shop: Shop, control: Control) -> None:
    subscription = bill(shop, control, collection_method="send_invoice", days_until_due=14)

    invoice = first_invoice(shop)
    assert (invoice.status, invoice.due_date) == ("open", END + 14 * DAY)
    assert (invoice.attempted, invoice.next_payment_attempt) == (False, None)
    assert shop.event_types("invoice.")[-2:] == ["invoice.finalized", "invoice.sent"]
    assert shop.client.v1.charges.list().data == []

    control("advance", to=END + 14 * DAY - 1)
    assert state(shop, subscription) == ("open", 0, "active")
    control("advance", to=END + 14 * DAY)
    assert state(shop, subscription) == ("open", 0, "past_due")
    assert shop.event_types("invoice.overdue") == ["invoice.overdue"]

    shop.client.v1.invoices.pay(invoice.id)
    assert state(shop, subscription) == ("paid", 1, "active")


def test_cancelling_stops_the_collection_of_open_invoices(shop: Shop, control: Control) -> None:
    shop.add_card("pm_card_chargeCustomerFail")
    subscription = bill(shop, control)

    shop.client.v1.subscriptions.cancel(subscription.id)
    control("advance", seconds=20 * DAY)

    assert state(shop, subscription) == ("open", 1, "canceled")
    assert first_invoice(shop).auto_advance is False
    assert len(shop.client.v1.charges.list().data) == 1


@pytest.mark.parametrize("verb", ["void_invoice", "mark_uncollectible"])
def test_giving_up_the_latest_invoice_makes_the_subscription_active(
    shop: Shop, control: Control, verb: str
) -> None:
    shop.add_card("pm_card_chargeCustomerFail")
    subscription = bill(shop, control)

    getattr(shop.client.v1.invoices, verb)(first_invoice(shop).id)

    assert shop.client.v1.subscriptions.retrieve(subscription.id).status == "active"
    control("advance", seconds=10 * DAY)
    assert len(shop.client.v1.charges.list().data) == 1


def test_a_dispute_or_refund_of_an_invoice_reaches_its_charge(shop: Shop, control: Control) -> None:
    bill(shop, control)
    (charge,) = shop.client.v1.charges.list().data

    transactions = shop.client.v1.balance_transactions.list({"source": charge.id}).data
    assert [(row.amount, row.type) for row in transactions] == [(1000, "charge")]

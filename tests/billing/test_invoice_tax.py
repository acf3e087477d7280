"""With tax, Stripe adds it to what was used from a line; our books count without it, whatever comes in or goes back."""

from typing import Any

import pytest

from billing import invoices
from billing.checking import differences
from billing.models import CreditLine, Invoice
from tests.billing.on_account import HOUR, OnAccount
from tests.billing.test_invoice_money_back import books, charge_of, refund

USED, LIMIT = 40_000_000, 100_000_000
ADDRESS: Any = {"country": "US", "postal_code": "97712"}


@pytest.fixture
def taxed(on_account: OnAccount, settings: Any) -> OnAccount:
    """Ten per cent, as the simulator has it."""
    settings.STRIPE_TAX = True
    return on_account


@pytest.fixture
def open_line(taxed: OnAccount) -> OnAccount:
    taxed.client.v1.customers.update(taxed.customer_id, {"address": ADDRESS})
    taxed.approve(limit_usd=100, net_days=30)
    taxed.use(USED, held=USED)
    taxed.work()
    return taxed


def asked(on_account: OnAccount) -> Invoice:
    invoice = on_account.end_month()
    assert (invoice.amount_cents, invoice.total_cents) == (40_00, 44_00)
    return invoice


def test_tax_is_added_and_what_comes_in_is_counted_without_it(open_line: OnAccount) -> None:
    asked(open_line)

    open_line.pay()

    assert books(open_line) == (USED, 0, 0)
    assert open_line.left == LIMIT


@pytest.mark.thorough
def test_what_goes_back_is_counted_without_its_tax(open_line: OnAccount) -> None:
    asked(open_line)
    open_line.pay()

    refund(open_line, 11_00)
    open_line.account.control("disputes", charge=charge_of(open_line), amount=33_00)
    open_line.work()

    assert books(open_line) == (30_000_000, 30_000_000, 10_000_000)


@pytest.mark.thorough
def test_a_credit_note_takes_its_part_of_the_tax_along(open_line: OnAccount) -> None:
    """$11.00 of $44.00: what comes in for the rest is $30.00 without tax."""
    invoice = asked(open_line)
    open_line.client.v1.credit_notes.create({"invoice": invoice.stripe_id, "amount": 11_00})

    open_line.pay()

    assert books(open_line) == (30_000_000, 0, 10_000_000)
    refund(open_line, 33_00)
    open_line.work()
    assert books(open_line) == (0, 0, USED)


@pytest.mark.thorough
def test_a_correction_is_taxed_like_the_rest(open_line: OnAccount) -> None:
    open_line.account.simulator.store.connection.execute("DELETE FROM meter_events")

    invoice = asked(open_line)

    assert invoice.correction_cents == 40_00


@pytest.mark.thorough
def test_the_last_invoice_is_taxed_too(open_line: OnAccount) -> None:
    """Of a subscription that somebody ended at Stripe."""
    open_line.client.v1.subscriptions.cancel(open_line.line.subscription_id)
    open_line.go_on(HOUR)

    assert invoices.ask_for_rest(open_line.line) is not None
    open_line.go_on(2 * HOUR)

    assert open_line.invoice().total_cents == 44_00


def test_without_an_address_the_line_waits_and_says_why(taxed: OnAccount) -> None:
    line = taxed.approve(limit_usd=100)

    assert (line.state, line.subscription_id) == ("opening", "")
    assert "Set a valid customer address" in line.refusal
    assert taxed.left == 0

    taxed.client.v1.customers.update(taxed.customer_id, {"address": ADDRESS})
    taxed.work()

    line = CreditLine.objects.get()
    assert (line.state, line.refusal) == ("open", "")
    assert taxed.left == LIMIT
    assert taxed.subscriptions() == [("active", False)]
    assert differences() == []


def test_no_tax_without_the_setting(on_account: OnAccount) -> None:
    on_account.approve()

    (subscription,) = on_account.client.v1.subscriptions.list().data
    assert subscription.automatic_tax.enabled is False

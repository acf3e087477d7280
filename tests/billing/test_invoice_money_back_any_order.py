"""Refunds and disputes of one invoice end in the same place, in whatever order they come and whenever forgiven."""

from dataclasses import replace

import pytest
from django.db import transaction

from billing import invoice_reversals, ledger
from billing.checking import differences
from billing.models import Invoice, Transfer
from billing.stripe_gateway import invoicing
from billing.stripe_gateway.invoicing import InvoiceNow
from billing.stripe_gateway.money_back import MoneyBack
from tests.billing.on_account import OnAccount
from tests.billing.test_reversals_any_order import ORDERS, states

# $150.00 came in. The second refund of $50.00 is out at the end, and with a lost dispute all of it.
ENDS = {"won": (50_000_000, 0), "lost": (50_000_000, 100_000_000)}


def tell(invoice: Invoice, now: InvoiceNow, found: list[MoneyBack]) -> None:
    with transaction.atomic():
        ledger.lock(invoice.organization)
        row = Invoice.objects.select_for_update(no_key=True).get(pk=invoice.pk)
        invoice_reversals.follow(row, replace(now, money_back=tuple(found)))
        row.save()


def forgive(invoice: Invoice) -> None:
    with transaction.atomic():
        ledger.lock(invoice.organization)
        invoice_reversals.forgive(invoice.organization)


def net(invoice: Invoice, account: str) -> int:
    """What an account of ours got and gave, in micro-dollars."""
    moved = Transfer.objects.filter(organization=invoice.organization_id)
    got = sum(moved.filter(to_account=account).values_list("amount_microusd", flat=True))
    return got - sum(moved.filter(from_account=account).values_list("amount_microusd", flat=True))


@pytest.mark.thorough
@pytest.mark.parametrize("end", ENDS)
def test_every_order_ends_the_same_whenever_it_was_forgiven(
    on_account: OnAccount, end: str
) -> None:
    on_account.approve(limit_usd=200, net_days=30)
    on_account.use(150_000_000, held=150_000_000)
    on_account.work()
    invoice = on_account.end_month()
    on_account.pay()
    now = invoicing.read_invoice(invoice.stripe_id)
    refunded, disputed = ENDS[end]

    for number, order in enumerate(ORDERS):
        savepoint = transaction.savepoint()
        forgiven_at = number % 7  # before, between, after, or never
        if forgiven_at == 0:
            forgive(invoice)
        for step, (_, found) in enumerate(states(order, end), start=1):
            tell(invoice, now, found)
            if forgiven_at == step:
                forgive(invoice)
        tell(invoice, now, found[::-1])  # as webhooks come, twice
        invoice.refresh_from_db()
        forgiven = invoice.forgiven_microusd
        assert (invoice.refunded_microusd, invoice.disputed_microusd) == (refunded, disputed), order
        assert (
            net(invoice, "cash"), net(invoice, "disputes"), net(invoice, "write_off"),
        ) == (refunded - 150_000_000, disputed, -refunded - forgiven), order  # fmt: skip
        assert on_account.standing.open_microusd == disputed - forgiven
        transaction.savepoint_rollback(savepoint)

    forgive(invoice)
    tell(invoice, now, found)
    assert differences() == []

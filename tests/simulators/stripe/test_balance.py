"""Every movement of money is a balance transaction, and their sum is the balance."""

from tests.simulators.stripe.conftest import Control
from tests.simulators.stripe.till import Till


def test_the_sum_of_all_movements_is_the_balance(till: Till, noon: int, control: Control) -> None:
    till.charge(amount=12_345)
    partly = till.charge(amount=5000)
    till.v1.refunds.create({"payment_intent": partly.id, "amount": 1234})
    failing = till.charge("pm_card_refundFail", amount=700)
    till.v1.refunds.create({"payment_intent": failing.id})
    till.charge("pm_card_createDispute", amount=900)
    till.charge("pm_usBankAccount", amount=2000)
    control("fees", amount=50)
    control("advance", seconds=60)

    rows = list(till.v1.balance_transactions.list().auto_paging_iter())
    held = till.balance()

    assert sorted({row.type for row in rows}) == [
        *("adjustment", "charge", "payment", "refund", "refund_failure", "stripe_fee"),
    ]
    assert sum(row.net for row in rows) == held
    assert all(row.net == row.amount - row.fee for row in rows)
    # By hand: fees 388, 175, 50, 56, 88; the dispute's 1,500; the fee of 50.
    assert held == 12_345 + 5000 - 1234 + 700 + 900 + 2000 - 757 - 900 - 1500 - 50


def test_money_is_available_two_days_later(till: Till, noon: int, control: Control) -> None:
    till.charge()
    assert [part.amount for part in till.v1.balance.retrieve().pending] == [941]

    control("advance", seconds=2 * 24 * 3600)

    balance = till.v1.balance.retrieve()
    assert [part.amount for part in balance.available] == [941]
    assert [part.amount for part in balance.pending] == [0]


def test_movements_are_found_by_type_and_source(till: Till) -> None:
    intent = till.charge()
    till.charge()
    refund = till.v1.refunds.create({"payment_intent": intent.id})

    by_source = till.v1.balance_transactions.list({"source": str(intent.latest_charge)})
    by_type = till.v1.balance_transactions.list({"type": "refund"})

    assert [row.fee for row in by_source.data] == [59]
    assert [row.source for row in by_type.data] == [refund.id]
    assert till.v1.balance_transactions.retrieve(by_type.data[0].id).net == -1000

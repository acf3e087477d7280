"""A settlement costs the database eight messages, with a line or without."""

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from billing import ledger, usage
from tests.billing.on_account import LABELS, OnAccount
from tests.world import deposit


def messages(on_account: OnAccount, held_microusd: int, charged_microusd: int) -> list[str]:
    reference = on_account.hold(held_microusd, end_user="bob")
    return settled(on_account, reference, charged_microusd)


def settled(on_account: OnAccount, reference: str, charged_microusd: int) -> list[str]:
    with CaptureQueriesContext(connection) as queries, transaction.atomic():
        hold = ledger.capture(on_account.organization, reference, amount_microusd=charged_microusd)
        usage.record(on_account.organization, hold, seconds=4, labels=LABELS)
    return [query["sql"].split()[0] for query in queries]


EIGHT = ["BEGIN", "SELECT", "SELECT", "SELECT", "WITH", "WITH", "WITH", "COMMIT"]


@pytest.mark.django_db(transaction=True)
def test_a_settlement_takes_eight_round_trips(on_account: OnAccount) -> None:
    deposit(on_account.organization, "5.00")
    assert messages(on_account, 2_000_000, 1_000_000) == EIGHT  # credits of one's own

    on_account.approve(limit_usd=100)
    assert messages(on_account, 6_000_000, 5_000_000) == EIGHT  # of both
    assert messages(on_account, 6_000_000, 5_000_000) == EIGHT  # of the line alone


@pytest.mark.django_db(transaction=True)
def test_what_a_closed_line_gets_back_costs_one_more(on_account: OnAccount) -> None:
    on_account.approve(limit_usd=100)
    references = [on_account.hold(6_000_000), on_account.hold(6_000_000)]
    on_account.close()

    assert settled(on_account, references[0], 6_000_000) == EIGHT
    assert sorted(settled(on_account, references[1], 5_000_000)) == sorted([*EIGHT, "UPDATE"])
    on_account.agrees()

"""The database refuses what the ledger would never write, even from plain SQL."""

import pytest
from django.db import IntegrityError, connection, transaction

from accounts.models import Organization
from billing.ledger.posting import Page
from billing.models import Account, Hold, Transfer
from tests.billing.moves import hold, owe
from tests.world import money

INSERT_TRANSFER = """
    INSERT INTO billing_transfer (id, organization_id, number, kind, from_account_id, to_account_id,
        amount_microusd, reference, grant_id, hold_id, available_after_microusd, created_at)
    SELECT 'trf_x', organization_id, {number}, kind, from_account_id, {to}, {amount}, {reference},
        grant_id, hold_id, available_after_microusd, created_at
    FROM billing_transfer WHERE kind = 'hold'
"""


def insert_transfer(
    number: str = "number + 1",
    to: str = "to_account_id",
    amount: str = "amount_microusd",
    reference: str = "'work:2'",
) -> str:
    return INSERT_TRANSFER.format(number=number, to=to, amount=amount, reference=reference)


@pytest.mark.parametrize(
    ("constraint", "statement"),
    [
        (
            "tenant_balance_is_never_negative",
            "UPDATE billing_account SET balance_microusd = -1 WHERE kind = 'grant'",
        ),
        (
            "tenant_balance_is_never_negative",
            "UPDATE billing_account SET balance_microusd = -1 WHERE kind = 'held'",
        ),
        (
            "only_tenant_accounts_have_balances",
            "UPDATE billing_account SET balance_microusd = 0 WHERE kind = 'cash'",
        ),
        (
            "only_tenant_accounts_have_balances",
            "UPDATE billing_account SET balance_microusd = NULL WHERE kind = 'grant'",
        ),
        (
            "one_held_and_one_debt_account",
            "INSERT INTO billing_account SELECT 'held:2', kind, balance_microusd, organization_id "
            "FROM billing_account WHERE kind = 'held'",
        ),
        ("grant_is_positive", "UPDATE billing_grant SET amount_microusd = 0"),
        ("hold_is_positive", "UPDATE billing_hold SET amount_microusd = 0"),
        (
            "hold_captures_at_most_what_it_holds",
            "UPDATE billing_hold SET captured_microusd = 1000001, resolved_at = now()",
        ),
        (
            "hold_captures_at_most_what_it_holds",
            "UPDATE billing_hold SET captured_microusd = -1, resolved_at = now()",
        ),
        (
            "hold_is_resolved_when_its_capture_is_known",
            "UPDATE billing_hold SET captured_microusd = 0",
        ),
        (
            "hold_is_resolved_when_its_capture_is_known",
            "UPDATE billing_hold SET resolved_at = now()",
        ),
        ("transfer_is_positive", insert_transfer(amount="0")),
        ("transfer_goes_somewhere", insert_transfer(to="from_account_id")),
        ("transfers_are_numbered", insert_transfer(number="number")),
        ("transfer_happens_once", insert_transfer(reference="reference")),
    ],
)
def test_the_database_refuses(acme: Organization, constraint: str, statement: str) -> None:
    hold(acme, "work:1", 1_000_000)

    with (
        pytest.raises(IntegrityError, match=constraint),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(statement)

    assert money(acme) == (24_000_000, 1_000_000)
    assert Hold.objects.get().captured_microusd is None
    assert Transfer.objects.count() == 2


def test_a_page_that_overdraws_an_account_is_not_written(acme: Organization) -> None:
    grant = Account.objects.get(kind=Account.Kind.GRANT)

    with transaction.atomic():
        page = Page.open(acme.pk, acme.created_at)
        page.post(
            Transfer.Kind.CORRECTION,
            from_account=grant.id,
            to_account="write_off",
            amount_microusd=25_000_001,
            reference="correction:1",
        )
        with (
            pytest.raises(IntegrityError, match="tenant_balance_is_never_negative"),
            transaction.atomic(),
        ):
            page.close()

    assert money(acme) == (25_000_000, 0)
    assert Transfer.objects.count() == 1


def test_a_claw_back_without_a_grant_happens_once_per_reference(acme: Organization) -> None:
    owe(acme, "dispute:1", 1_000_000)

    with pytest.raises(IntegrityError, match="transfer_happens_once"):
        owe(acme, "dispute:1", 1_000_000)

    assert Account.objects.get(kind=Account.Kind.DEBT).balance_microusd == 1_000_000

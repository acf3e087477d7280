"""How transfers are written: numbered, with the balances they lead to, under the wallet's lock."""

import json
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import connection

from accounts.models import Organization
from billing.models import Account, Transfer, Wallet
from seedance_saas import ids

# The hot path of every settlement: few statements, and none built anew each time.
LOCK = "SELECT transfers_count FROM billing_wallet WHERE organization_id = %s FOR NO KEY UPDATE"
AVAILABLE = """
    SELECT coalesce(sum(balance_microusd), 0)::bigint FROM billing_account
    WHERE organization_id = %s AND kind = 'grant'
"""
CLOSE = """
    WITH posted AS (
        INSERT INTO billing_transfer (id, organization_id, number, kind, from_account_id, to_account_id,
                amount_microusd, reference, grant_id, hold_id, available_after_microusd, created_at)
            SELECT id, %(organization)s, number, kind, from_account_id, to_account_id, amount_microusd,
                   reference, grant_id, hold_id, available_after_microusd, %(now)s
            FROM jsonb_to_recordset(%(transfers)s::jsonb) AS posted(id text, number bigint, kind text,
                from_account_id text, to_account_id text, amount_microusd bigint, reference text,
                grant_id text, hold_id text, available_after_microusd bigint)
    ), moved AS (
        UPDATE billing_account AS account SET balance_microusd = balance_microusd + change::bigint
            FROM jsonb_each_text(%(changes)s::jsonb) AS changed(id, change)
            WHERE account.id = changed.id
    )
    UPDATE billing_wallet SET transfers_count = %(number)s WHERE organization_id = %(organization)s
"""


def lock(organization: Organization) -> None:
    """Make the wallet if it is the first time, and lock it: first in whatever changes an organization's money.

    What is read afterwards in the same transaction is as new as the lock. Safe beside itself.
    """
    wallet = Wallet.objects.select_for_update(no_key=True).filter(organization=organization)
    if wallet.first():
        return
    Wallet.objects.bulk_create([Wallet(organization=organization)], ignore_conflicts=True)
    Account.objects.bulk_create(
        [
            Account(
                id=f"{kind}:{organization.pk}",
                kind=kind,
                organization=organization,
                balance_microusd=0,
            )
            for kind in (Account.Kind.HELD, Account.Kind.DEBT)
        ],
        ignore_conflicts=True,
    )
    assert wallet.first(), organization.pk


def held_account(organization_id: str) -> str:
    return f"held:{organization_id}"


def debt_account(organization_id: str) -> str:
    return f"debt:{organization_id}"


@dataclass
class Page:
    """The open page of one organization's book. Made by `open`, written by `close`, in one transaction."""

    organization_id: str
    now: datetime
    number: int
    available_microusd: int
    transfers: list[dict[str, Any]] = field(default_factory=list)
    changes_microusd: dict[str, int] = field(default_factory=dict)

    @classmethod
    def open(cls, organization_id: str, now: datetime) -> "Page":
        """Lock the wallet, then read. Raises Wallet.DoesNotExist if no credits ever came."""
        assert connection.in_atomic_block, "a lock lives as long as its transaction"
        with connection.cursor() as cursor:
            cursor.execute(LOCK, [organization_id])
            wallet = cursor.fetchone()
            if wallet is None:
                raise Wallet.DoesNotExist(organization_id)
            cursor.execute(AVAILABLE, [organization_id])
            return cls(organization_id, now, wallet[0], cursor.fetchone()[0])

    def balance_of(self, account: str) -> int:
        """A tenant account's balance with what stands on this page already."""
        kept = Account.objects.values_list("balance_microusd", flat=True).get(pk=account)
        return (kept or 0) + self.changes_microusd.get(account, 0)

    def post(
        self,
        kind: Transfer.Kind,
        *,
        from_account: str,
        to_account: str,
        amount_microusd: int,
        reference: str,
        grant_id: str | None = None,
        hold_id: str | None = None,
    ) -> None:
        """Write one transfer onto the page; `close` sends it to the database."""
        self.number += 1
        self.available_microusd += amount_microusd * (
            to_account.startswith("grant:") - from_account.startswith("grant:")
        )
        self._change(from_account, -amount_microusd)
        self._change(to_account, amount_microusd)
        self.transfers.append(
            {
                "id": ids.new("trf"),
                "number": self.number,
                "kind": kind.value,
                "from_account_id": from_account,
                "to_account_id": to_account,
                "amount_microusd": amount_microusd,
                "reference": reference,
                "grant_id": grant_id,
                "hold_id": hold_id,
                "available_after_microusd": self.available_microusd,
            }
        )

    def _change(self, account: str, amount_microusd: int) -> None:
        if account.startswith("debt:"):
            amount_microusd = -amount_microusd  # a debt is counted as what is owed
        elif not account.startswith(("grant:", "held:")):
            return  # ours: no balance is kept
        self.changes_microusd[account] = self.changes_microusd.get(account, 0) + amount_microusd

    def close(self) -> None:
        """Write the transfers and the balances. A balance that would be negative raises IntegrityError."""
        if not self.transfers:
            return
        fields: dict[str, Any] = {
            "organization": self.organization_id,
            "now": self.now,
            "number": self.number,
            "transfers": json.dumps(self.transfers),
            "changes": json.dumps(self.changes_microusd),
        }
        with connection.cursor() as cursor:
            cursor.execute(CLOSE, fields)

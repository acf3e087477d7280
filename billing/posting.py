"""How transfers are written: numbered, with the balances they lead to, under the wallet's lock."""

from dataclasses import dataclass, field
from datetime import datetime

from django.db import connection
from django.db.models import F, Sum

from billing.models import Account, Transfer, Wallet


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
    transfers: list[Transfer] = field(default_factory=list)
    changes_microusd: dict[str, int] = field(default_factory=dict)

    @classmethod
    def open(cls, organization_id: str, now: datetime) -> "Page":
        """Lock the wallet, then read. Raises Wallet.DoesNotExist if no credits ever came."""
        assert connection.in_atomic_block, "a lock lives as long as its transaction"
        wallet = Wallet.objects.select_for_update(no_key=True).get(pk=organization_id)
        available = Account.objects.filter(
            organization_id=organization_id, kind=Account.Kind.GRANT
        ).aggregate(total=Sum("balance_microusd", default=0))["total"]
        return cls(organization_id, now, wallet.transfers_count, available)

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
            Transfer(
                organization_id=self.organization_id,
                number=self.number,
                kind=kind,
                from_account_id=from_account,
                to_account_id=to_account,
                amount_microusd=amount_microusd,
                reference=reference,
                grant_id=grant_id,
                hold_id=hold_id,
                available_after_microusd=self.available_microusd,
                created_at=self.now,
            )
        )

    def _change(self, account: str, amount_microusd: int) -> None:
        if account.startswith("debt:"):
            amount_microusd = -amount_microusd  # a debt is counted as what is owed
        elif not account.startswith(("grant:", "held:")):
            return  # ours: no balance is kept
        self.changes_microusd[account] = self.changes_microusd.get(account, 0) + amount_microusd

    def close(self) -> None:
        """Write the transfers and the balances. A balance that would be negative raises IntegrityError."""
        Transfer.objects.bulk_create(self.transfers)
        for account, change in sorted(self.changes_microusd.items()):
            Account.objects.filter(pk=account).update(
                balance_microusd=F("balance_microusd") + change
            )
        Wallet.objects.filter(pk=self.organization_id).update(transfers_count=self.number)

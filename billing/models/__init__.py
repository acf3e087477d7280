"""The rows of money."""

from billing.models.books import Account, Grant, Hold, Transfer, Wallet
from billing.models.limits import Budget, SpendingDay
from billing.models.reports import Alert, LedgerCheck, Statement, UsageDay, UsageRecord

__all__ = [
    "Account",
    "Alert",
    "Budget",
    "Grant",
    "Hold",
    "LedgerCheck",
    "SpendingDay",
    "Statement",
    "Transfer",
    "UsageDay",
    "UsageRecord",
    "Wallet",
]

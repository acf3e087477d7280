"""The rows of money."""

from billing.models.books import Account, Grant, Hold, Transfer, Wallet
from billing.models.invoices import CreditLine, Invoice, MeterEvent
from billing.models.limits import Budget, BudgetRefusal, SpendingDay
from billing.models.purchases import AutoTopUp, Purchase, Reversal, StripeCustomer
from billing.models.reports import Alert, LedgerCheck, Statement, UsageDay, UsageRecord
from billing.models.stripe import StripeCheck, StripeEvent

__all__ = [
    "Account",
    "Alert",
    "AutoTopUp",
    "Budget",
    "BudgetRefusal",
    "CreditLine",
    "Grant",
    "Hold",
    "Invoice",
    "LedgerCheck",
    "MeterEvent",
    "Purchase",
    "Reversal",
    "SpendingDay",
    "Statement",
    "StripeCheck",
    "StripeCustomer",
    "StripeEvent",
    "Transfer",
    "UsageDay",
    "UsageRecord",
    "Wallet",
]

"""Money as its organization sees it, in the API's words."""

from datetime import date
from typing import Any

from django.utils import timezone

from accounts import organizations
from accounts.models import Organization
from billing import balances
from billing.budgets import Standing
from billing.end_users import EndUser
from billing.models import (
    Account,
    Budget,
    Grant,
    Invoice,
    Purchase,
    Reversal,
    Statement,
    Transfer,
)
from billing.usage import Row
from seedance_saas.api import moment, usd
from seedance_saas.errors import Forbidden


def balance(organization: Organization) -> dict[str, Any]:
    now = balances.of(organization)
    expiring = (
        Grant.objects.filter(
            organization=organization,
            account__balance_microusd__gt=0,
            expires_at__gt=timezone.now(),
        )
        .order_by("expires_at")
        .select_related("account")
    )
    return {
        "organization_id": organization.pk,
        "available_usd": usd(now.available_microusd),
        "held_usd": usd(now.held_microusd),
        "purchased_usd": usd(now.purchased_microusd),
        "promotional_usd": usd(now.promotional_microusd),
        "debt_usd": usd(now.debt_microusd),
        "expiring": [
            {"usd": usd(grant.account.balance_microusd or 0), "at": moment(grant.expires_at)}
            for grant in expiring
        ],
        "billing_mode": "invoice" if now.is_on_account else "prepaid",
        "suspended": _suspended(organization, now.debt_microusd),
    }


def _suspended(organization: Organization, debt_microusd: int) -> dict[str, str] | None:
    """Why nothing new begins; None if it may."""
    try:
        organizations.require_open(organization)
    except Forbidden as refusal:
        return {"code": refusal.code, "message": refusal.message}
    if debt_microusd:
        return {"code": "billing_hold", "message": "New work waits until the debt is paid."}
    return None


def available_change_microusd(transfer: Transfer) -> int:
    """What the transfer did to the available credits: of a capture, nothing, for that was held before."""
    grant = Account.Kind.GRANT + ":"
    return transfer.amount_microusd * (
        transfer.to_account_id.startswith(grant) - transfer.from_account_id.startswith(grant)
    )


def held_change_microusd(transfer: Transfer) -> int:
    held = Account.Kind.HELD + ":"
    return transfer.amount_microusd * (
        transfer.to_account_id.startswith(held) - transfer.from_account_id.startswith(held)
    )


def transfer(transfer: Transfer) -> dict[str, Any]:
    """`amount_usd` is the signed change of what is available, so that the amounts add up to the balance."""
    return {
        "id": transfer.id,
        "object": "transfer",
        "kind": transfer.kind,
        "amount_usd": usd(available_change_microusd(transfer)),
        "held_change_usd": usd(held_change_microusd(transfer)),
        "transferred_usd": usd(transfer.amount_microusd),
        "balance_after_usd": usd(transfer.available_after_microusd),
        "reference": transfer.reference,
        "grant": transfer.grant_id,
        "created_at": moment(transfer.created_at),
    }


def budget(standing: Standing, *, is_inherited: bool = False) -> dict[str, Any]:
    """How a budget stands. That of each (`*`) spends nothing itself: each is counted alone."""
    is_default = standing.id == Budget.EACH
    limit, left = standing.limit_microusd, standing.left_microusd
    return {
        "object": "budget",
        "scope": standing.scope,
        "id": standing.id,
        "limit_usd": None if limit is None else usd(limit),
        "period": standing.period,
        "spent_usd": None if is_default else usd(standing.spent_microusd),
        "held_usd": None if is_default else usd(standing.held_microusd),
        "left_usd": None if is_default or left is None else usd(left),
        "resets_at": moment(standing.resets_at),
        "inherited": is_inherited,
    }


def end_user(end_user: EndUser) -> dict[str, Any]:
    """Spent and held since the month began; the budget counts by its own period."""
    return {
        "object": "end_user",
        "id": end_user.id,
        "spent_usd": usd(end_user.spent_microusd),
        "held_usd": usd(end_user.held_microusd),
        "since": moment(end_user.since),
        "budget": (
            budget(end_user.budget, is_inherited=end_user.is_budget_inherited)
            if end_user.budget
            else None
        ),
    }


def usage_row(row: Row) -> dict[str, Any]:
    """`generations` is how many pieces of work were settled."""
    group = {
        name: value.isoformat() if isinstance(value, date) else value or None
        for name, value in row.group.items()
    }
    return {
        **group,
        "generations": row.records_count,
        "seconds": row.seconds,
        "charged_usd": usd(row.charged_microusd),
    }


def statement(statement: Statement) -> dict[str, Any]:
    return {
        "id": statement.id,
        "object": "statement",
        "day": statement.day.isoformat(),
        "first_number": statement.first_number,
        "last_number": statement.last_number,
        "available_after_usd": usd(statement.available_after_microusd),
        "previous_hash": statement.previous_hash or None,
        "hash": statement.hash,
        "created_at": moment(statement.created_at),
    }


def purchase(purchase: Purchase) -> dict[str, Any]:
    """`total_usd` is what was paid, tax included; `amount_usd` what it is in credits."""
    total = purchase.total_cents
    return {
        "id": purchase.id,
        "object": "purchase",
        "origin": purchase.origin,
        "status": _PURCHASE_STATUS.get(Purchase.State(purchase.state), purchase.state),
        "amount_usd": usd(purchase.amount_microusd),
        "bonus_usd": usd(purchase.bonus_microusd),
        "tax_usd": usd(purchase.tax_cents * 10_000),
        "total_usd": None if total is None else usd(total * 10_000),
        "withdrawn_usd": usd(purchase.withdrawn_microusd + purchase.bonus_withdrawn_microusd),
        "card": (
            {"brand": purchase.card_brand, "last4": purchase.card_last4}
            if purchase.card_last4
            else None
        ),
        "failure": (
            {"code": purchase.failure_code, "message": purchase.failure_message}
            if purchase.failure_code
            else None
        ),
        "receipt_url": purchase.receipt_url or None,
        "invoice_url": purchase.invoice_url or None,
        "created_at": moment(purchase.created_at),
        "paid_at": moment(purchase.paid_at),
    }


# A page that is being closed is, to whoever looks, one that nobody pays any more.
_PURCHASE_STATUS = {Purchase.State.CREATED: "open", Purchase.State.CLOSING: "expired"}


def reversal(reversal: Reversal) -> dict[str, Any]:
    return {
        "id": reversal.id,
        "object": reversal.kind,
        "status": reversal.state,
        "amount_usd": usd(reversal.amount_cents * 10_000),
        "reason": reversal.reason or None,
        "created_at": moment(reversal.created_at),
    }


def invoice(invoice: Invoice) -> dict[str, Any]:
    """`usage_usd` is what our ledger says was used, `amount_usd` what the invoice asks for without tax: in cents."""
    return {
        "id": invoice.id,
        "object": "invoice",
        "number": invoice.number or None,
        "status": invoice.state,
        "period_started_at": moment(invoice.period_started_at),
        "period_ended_at": moment(invoice.period_ended_at),
        "usage_usd": usd(invoice.usage_microusd),
        "amount_usd": usd(invoice.amount_cents * 10_000),
        "total_usd": usd(invoice.total_cents * 10_000),
        "pay_until": moment(invoice.pay_until),
        "paid_at": moment(invoice.paid_at),
        "invoice_url": invoice.hosted_url or None,
        "pdf_url": invoice.pdf_url or None,
    }

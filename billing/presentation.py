"""Money as its organization sees it, in the API's words."""

from typing import Any

from django.utils import timezone

from accounts.models import Organization
from billing import ledger
from billing.models import Account, Grant, Transfer
from seedance_saas.api import moment, usd


def balance(organization: Organization) -> dict[str, Any]:
    now = ledger.balance(organization)
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
        "available_usd": usd(now.available_microusd),
        "held_usd": usd(now.held_microusd),
        "purchased_usd": usd(now.purchased_microusd),
        "promotional_usd": usd(now.promotional_microusd),
        "debt_usd": usd(now.debt_microusd),
        "expiring": [
            {"usd": usd(grant.account.balance_microusd or 0), "at": moment(grant.expires_at)}
            for grant in expiring
        ],
        "billing_mode": "invoice" if now.invoice_microusd else "prepaid",
        "suspended": (
            {"code": "billing_hold", "message": "New work waits until the debt is paid."}
            if now.debt_microusd
            else None
        ),
    }


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

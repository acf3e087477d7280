"""Moves of money that many tests make, each in a transaction of its own."""

from datetime import datetime

from django.db import transaction
from django.utils import timezone

from accounts.models import Organization
from billing import ledger, usage
from billing.ledger.posting import Page
from billing.models import Grant, Hold, Transfer
from seedance_saas.errors import Refusal


def hold(
    organization: Organization, reference: str, microusd: int, *, now: datetime | None = None
) -> None:
    with transaction.atomic():
        wanted = ledger.Wanted(reference, microusd)
        ledger.hold(organization, [wanted], now=now or timezone.now())


def hold_for(
    organization: Organization,
    reference: str,
    microusd: int,
    *,
    end_user_id: str = "",
    member_id: str = "",
    api_key_id: str = "",
) -> str:
    """Hold on these accounts now: "held", or the code of the refusal."""
    wanted = ledger.Wanted(
        reference, microusd, end_user_id=end_user_id, member_id=member_id, api_key_id=api_key_id
    )
    try:
        with transaction.atomic():
            ledger.hold(organization, [wanted], now=timezone.now())
    except Refusal as refusal:
        return refusal.code
    return "held"


def used(
    organization: Organization,
    reference: str,
    microusd: int,
    *,
    seconds: int = 4,
    end_user_id: str = "",
    member_id: str = "",
    api_key_id: str = "",
    labels: dict[str, str] | None = None,
) -> Hold:
    """Held now, captured whole, and noted as used."""
    wanted = ledger.Wanted(
        reference, microusd, end_user_id=end_user_id, member_id=member_id, api_key_id=api_key_id
    )
    with transaction.atomic():
        ledger.hold(organization, [wanted], now=timezone.now())
        captured = ledger.capture(organization, reference, amount_microusd=microusd)
        usage.record(organization, captured, seconds=seconds, labels=labels or {})
    return captured


def settle(organization: Organization, reference: str, microusd: int) -> None:
    """So much of what is held was used, and is noted; of nothing there is nothing to note."""
    if not microusd:
        ledger.release(organization, reference)
        return
    with transaction.atomic():
        captured = ledger.capture(organization, reference, amount_microusd=microusd)
        usage.record(organization, captured, seconds=4, labels={})


def owe(organization: Organization, reference: str, microusd: int) -> None:
    """Money that was spent is taken back by whoever paid it: the organization owes it."""
    with transaction.atomic():
        page = Page.open(organization.pk, timezone.now())
        page.post(
            Transfer.Kind.CLAW_BACK,
            from_account=f"debt:{organization.pk}",
            to_account="disputes",
            amount_microusd=microusd,
            reference=reference,
        )
        page.close()


def left(grant: Grant) -> int:
    """What the grant's account has, in micro-dollars."""
    grant.account.refresh_from_db()
    assert grant.account.balance_microusd is not None
    return grant.account.balance_microusd


def lines(reference: str) -> list[tuple[str, str, str, int]]:
    """(kind, from, to, amount) of every transfer for `reference`, in order; tenants' accounts by their kind."""
    return [
        (
            transfer.kind,
            transfer.from_account_id.split(":")[0],
            transfer.to_account_id.split(":")[0],
            transfer.amount_microusd,
        )
        for transfer in Transfer.objects.filter(reference=reference).order_by("number")
    ]

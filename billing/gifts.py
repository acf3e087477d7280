"""Credits that we give: promotional, for a while, with a reason, and never more than a stated sum in a day."""

from datetime import timedelta

from django.db import transaction
from django.db.models import Sum
from django.utils import timezone

from accounts import audit
from accounts.models import Organization, User
from billing import ledger
from billing.models import Grant
from seedance_saas.api import usd
from seedance_saas.errors import InvalidRequest

CEILING_CENTS = 1_000_00  # to one organization within a day, by all of us together
CEILING_TIME = timedelta(days=1)
DAYS_MAX = 366


def left_cents(organization: Organization) -> int:
    """How much may still be given now."""
    given = Grant.objects.filter(
        organization=organization,
        reference__startswith="gift:",
        created_at__gt=timezone.now() - CEILING_TIME,
    ).aggregate(total=Sum("amount_microusd", default=0))["total"]
    return max(0, CEILING_CENTS - int(given) // 10_000)


@transaction.atomic
def give(
    organization: Organization,
    *,
    id: str,
    amount_cents: int,
    days: int,
    reason: str,
    actor: User,
    address: str | None = None,
) -> Grant:
    """A promotional grant that expires after `days`; a debt is paid from it first. One audit row.

    Idempotent by `id`: a repeat returns the first grant. Raises InvalidRequest for more than the ceiling leaves,
    or too long a time; then nothing was given. Locks the wallet.
    """
    reference = f"gift:{id}"
    ledger.lock(organization)
    if existing := Grant.objects.filter(organization=organization, reference=reference).first():
        return existing
    left = left_cents(organization)
    if not 0 < amount_cents <= left:
        raise InvalidRequest(
            f"The amount must be more than $0.00 and at most ${left / 100:,.2f}: an organization is given"
            f" ${CEILING_CENTS / 100:,.2f} within a day at most.",
            param="amount_usd",
        )
    if not 0 < days <= DAYS_MAX:
        raise InvalidRequest(f"The days must be 1 to {DAYS_MAX}.", param="days")
    grant = ledger.deposit(
        organization,
        amount_microusd=amount_cents * 10_000,
        kind=Grant.Kind.PROMOTIONAL,
        reference=reference,
        expires_at=timezone.now() + timedelta(days=days),
    )
    audit.note(
        organization, "credits.given", grant.id, actor=actor, address=address,
        after={"amount_usd": usd(grant.amount_microusd), "days": days, "reason": reason},
    )  # fmt: skip
    return grant

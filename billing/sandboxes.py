"""Organizations to try things in: the simulator makes the videos, and credits are free. Stripe is never met.

A sandbox begins with $100.00 of promotional credits. Whenever less than $20.00 is available it may be filled up
to $100.00 again, ten times within a day at most.
"""

from datetime import timedelta

from django.db import transaction
from django.utils import timezone

from accounts import audit, organizations
from accounts.models import Organization, User
from billing import balances, ledger
from billing.models import Grant
from seedance_saas.api import usd
from seedance_saas.errors import Conflict, Forbidden, RateLimited

FULL_MICROUSD = 100_000_000
LOW_MICROUSD = 20_000_000
FILLS_PER_DAY_MAX = 10


class NotASandbox(Forbidden):
    """Free credits are for sandboxes."""

    code = "not_a_sandbox"


class EnoughCredits(Conflict):
    """It is filled when little is left."""

    code = "enough_credits"


@transaction.atomic
def fill(organization: Organization, *, by: User, address: str | None = None) -> Grant:
    """Free credits up to FULL_MICROUSD. Locks the wallet, so that a second click finds it full.

    Raises NotASandbox, EnoughCredits, RateLimited, OrganizationClosed or OrganizationSuspended. One audit row.
    """
    if not organization.is_sandbox:
        raise NotASandbox("Free credits are for sandboxes: this organization is live.")
    organizations.require_open(organization)
    ledger.lock(organization)
    available = balances.of(organization).available_microusd
    if available >= LOW_MICROUSD:
        raise EnoughCredits(
            f"${usd(available)} is available: it is filled when less than ${usd(LOW_MICROUSD)} is.",
            available_usd=usd(available),
            below_usd=usd(LOW_MICROUSD),
        )
    fills = Grant.objects.filter(
        organization=organization, reference__startswith=f"sandbox:{organization.pk}:"
    )
    yesterday = timezone.now() - timedelta(days=1)
    if fills.filter(created_at__gt=yesterday).count() >= FILLS_PER_DAY_MAX:
        raise RateLimited(
            f"It was filled {FILLS_PER_DAY_MAX} times within a day, which is the most."
        )
    grant = ledger.deposit(
        organization,
        amount_microusd=FULL_MICROUSD - available,
        kind=Grant.Kind.PROMOTIONAL,
        reference=f"sandbox:{organization.pk}:{fills.count() + 1}",
    )
    audit.note(
        organization,
        "sandbox.filled",
        grant.id,
        actor=by,
        address=address,
        before={"available_usd": usd(available)},
        after={"available_usd": usd(FULL_MICROUSD)},
    )
    return grant

"""What an organization has, as everybody reads it. Nothing is moved here."""

from dataclasses import dataclass

from django.db.models import Sum
from django.utils import timezone

from accounts.models import Organization
from billing.models import Account, Grant


@dataclass(frozen=True)
class Balance:
    """What an organization has at one moment. Reads no lock: it may be older than the next hold."""

    available_microusd: int
    held_microusd: int
    purchased_microusd: int
    promotional_microusd: int
    invoice_microusd: int
    debt_microusd: int


def of(organization: Organization) -> Balance:
    """Grants that have expired are not available, whether or not they were swept already."""
    accounts = Account.objects.filter(organization=organization)
    living = accounts.exclude(grant__expires_at__lte=timezone.now())
    sums = living.values_list("kind", "grant__kind").annotate(Sum("balance_microusd"))
    totals, grants = {}, {}
    for kind, grant, microusd in sums:
        if kind == Account.Kind.GRANT:
            grants[grant] = microusd
        else:
            totals[kind] = microusd
    return Balance(
        available_microusd=sum(grants.values()),
        held_microusd=totals.get(Account.Kind.HELD, 0),
        purchased_microusd=grants.get(Grant.Kind.PURCHASED, 0),
        promotional_microusd=grants.get(Grant.Kind.PROMOTIONAL, 0),
        invoice_microusd=grants.get(Grant.Kind.INVOICE, 0),
        debt_microusd=totals.get(Account.Kind.DEBT, 0),
    )

"""What an organization has, as everybody reads it. Nothing is moved here."""

from dataclasses import dataclass

from django.db.models import Exists, Sum
from django.utils import timezone

from accounts.models import Organization
from billing.models import Account, CreditLine, Grant


@dataclass(frozen=True)
class Balance:
    """What an organization has at one moment. Reads no lock: it may be older than the next hold."""

    available_microusd: int
    held_microusd: int
    purchased_microusd: int
    promotional_microusd: int
    invoice_microusd: int
    debt_microusd: int
    is_on_account: bool  # pays by invoice what it uses from its line


def of(organization: Organization) -> Balance:
    """In one query. Grants that have expired are not available, whether or not they were swept already."""
    lines = CreditLine.objects.filter(organization=organization)
    on_account = Exists(lines.exclude(closure=CreditLine.Closure.OPERATOR))
    accounts = Account.objects.filter(organization=organization)
    living = accounts.exclude(grant__expires_at__lte=timezone.now())
    sums = living.values_list("kind", "grant__kind").annotate(
        Sum("balance_microusd"), is_on_account=on_account
    )
    totals, grants, says_so = {}, {}, []
    for kind, grant, microusd, is_on_account in sums:
        says_so.append(is_on_account)
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
        is_on_account=any(says_so),
    )

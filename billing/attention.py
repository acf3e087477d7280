"""What of an organization's money waits for a person, beside its balance."""

from dataclasses import dataclass

from django.db.models import Count, Sum

from accounts.models import Organization
from billing import auto_top_ups
from billing.models import AutoTopUp, Invoice


@dataclass(frozen=True)
class Attention:
    """`suspended_because` is empty while auto top-up is off or works."""

    suspended_because: str
    overdue_count: int
    overdue_cents: int

    def __bool__(self) -> bool:
        return bool(self.suspended_because or self.overdue_count)


def of(organization: Organization) -> Attention:
    """Two queries."""
    suspended = (
        AutoTopUp.objects.filter(organization=organization, is_on=True)
        .exclude(suspension="")
        .first()
    )
    overdue = Invoice.objects.filter(
        organization=organization,
        state__in=(Invoice.State.OVERDUE, Invoice.State.UNCOLLECTIBLE),
    ).aggregate(count=Count("id"), cents=Sum("total_cents", default=0))
    return Attention(
        suspended_because=(
            auto_top_ups.SUSPENDED[AutoTopUp.Suspension(suspended.suspension)] if suspended else ""
        ),
        overdue_count=overdue["count"],
        overdue_cents=overdue["cents"],
    )

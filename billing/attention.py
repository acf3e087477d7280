"""What of an organization's money waits for a person, beside its balance."""

from dataclasses import dataclass

from django.db.models import Count, OuterRef, Subquery, Sum

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
    """One query: each number is asked beside the others."""
    top_up = AutoTopUp.objects.filter(organization=OuterRef("pk"), is_on=True).exclude(
        suspension=""
    )
    late = (
        Invoice.objects.filter(
            organization=OuterRef("pk"),
            state__in=(Invoice.State.OVERDUE, Invoice.State.UNCOLLECTIBLE),
        )
        .order_by()
        .values("organization")
    )
    suspension, count, cents = (
        Organization.objects.filter(pk=organization.pk)
        .values_list(
            Subquery(top_up.values("suspension")[:1]),
            Subquery(late.annotate(count=Count("id")).values("count")),
            Subquery(late.annotate(cents=Sum("total_cents")).values("cents")),
        )
        .get()
    )
    return Attention(
        suspended_because=(
            auto_top_ups.SUSPENDED[AutoTopUp.Suspension(suspension)] if suspension else ""
        ),
        overdue_count=count or 0,
        overdue_cents=cents or 0,
    )

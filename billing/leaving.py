"""What happens to a member's money when they go: said before in numbers, then done."""

from dataclasses import dataclass

from django.db import transaction
from django.db.models import Count, Q, Sum

from accounts import invitation_checks, members
from accounts.models import ApiKey, Membership
from billing import budgets, ledger
from billing.models import Budget, Hold


@dataclass(frozen=True)
class Preview:
    """What goes with a member, and what stays. Reads without a lock."""

    keys: list[ApiKey]
    invitations_count: int
    holds_count: int  # work that runs, by hand or through their keys, and ends as usual
    held_microusd: int
    budget: Budget | None


def preview(member: Membership) -> Preview:
    keys = members.keys_of(member)
    theirs = Q(member_id=member.pk) | Q(api_key_id__in=[key.pk for key in keys])
    held = Hold.objects.filter(
        theirs, organization=member.organization_id, resolved_at=None
    ).aggregate(count=Count("pk"), total=Sum("amount_microusd", default=0))
    sent = invitation_checks.not_ended(member.organization).filter(invited_by=member.user_id)
    return Preview(
        keys=keys,
        invitations_count=sent.count(),
        holds_count=held["count"],
        held_microusd=held["total"],
        budget=_budget(member),
    )


@transaction.atomic
def remove(
    member: Membership, *, by: Membership, keeps_keys: bool = False, address: str | None = None
) -> members.Removed:
    """As `members.remove`, and the member's own budget goes. What runs is charged as usual.

    Locks the wallet, then the organization's row.
    """
    ledger.lock(member.organization)
    removed = members.remove(member, by=by, keeps_keys=keeps_keys, address=address)
    if budget := _budget(member):
        budgets.remove(budget, actor=by.user, address=address)
    return removed


def _budget(member: Membership) -> Budget | None:
    return Budget.objects.filter(
        organization=member.organization_id, scope=Budget.Scope.MEMBER, subject_id=member.pk
    ).first()

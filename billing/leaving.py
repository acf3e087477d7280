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

    keys: list[ApiKey]  # personal: revoked
    keys_made: list[ApiKey]  # of the organization: they stay, unless it is said that they go
    invitations_count: int
    holds_count: int  # work that runs, by hand or through their keys, and ends as usual
    held_microusd: int
    budget: Budget | None


def preview(member: Membership) -> Preview:
    keys, keys_made = members.keys_of(member), members.keys_made(member)
    through = [key.pk for key in (*keys, *keys_made)]
    theirs = Q(member_id=member.pk) | Q(api_key_id__in=through)
    held = Hold.objects.filter(
        theirs, organization=member.organization_id, resolved_at=None
    ).aggregate(count=Count("pk"), total=Sum("amount_microusd", default=0))
    sent = invitation_checks.not_ended(member.organization).filter(invited_by=member.user_id)
    return Preview(
        keys=keys,
        keys_made=keys_made,
        invitations_count=sent.count(),
        holds_count=held["count"],
        held_microusd=held["total"],
        budget=_budget(member),
    )


@transaction.atomic
def remove(
    member: Membership,
    *,
    by: Membership,
    revokes_made: bool = False,
    address: str | None = None,
) -> members.Removed:
    """As `members.remove`, and nothing is left of the member's own budget. What runs is charged as usual.

    The budget is set to 0 and not deleted: what they asked for a moment before, by hand or by key, waits for the
    wallet now, and would be admitted by no budget at all. Locks the wallet, then the organization's row.
    """
    ledger.lock(member.organization)
    removed = members.remove(member, by=by, revokes_made=revokes_made, address=address)
    if budget := _budget(member):
        budgets.set_limit(
            member.organization, budget.scope, member.pk, limit_microusd=0, period=budget.period,
            actor=by.user, address=address,
        )  # fmt: skip
    return removed


def _budget(member: Membership) -> Budget | None:
    return Budget.objects.filter(
        organization=member.organization_id, scope=Budget.Scope.MEMBER, subject_id=member.pk
    ).first()

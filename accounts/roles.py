"""What a role may do, asked as questions. The answer is always about one membership."""

from accounts.models import Membership, Role

SPENDERS = {Role.OWNER, Role.ADMIN, Role.DEVELOPER}
KEEPERS_OF_KEYS = {Role.OWNER, Role.ADMIN, Role.DEVELOPER}
READERS_OF_MONEY = {Role.OWNER, Role.ADMIN, Role.BILLING}
BUYERS = {Role.OWNER, Role.ADMIN, Role.BILLING}
SETTERS_OF_BUDGETS = {Role.OWNER, Role.ADMIN}


def can_spend(membership: Membership) -> bool:
    """Make generations, which costs the organization's credits."""
    return membership.role in SPENDERS


def can_manage_keys(membership: Membership) -> bool:
    return membership.role in KEEPERS_OF_KEYS


def can_see_ledger(membership: Membership) -> bool:
    return membership.role in READERS_OF_MONEY


def can_set_budgets(membership: Membership) -> bool:
    return membership.role in SETTERS_OF_BUDGETS


def can_buy(membership: Membership) -> bool:
    """Buy credits, and say when the saved card is charged."""
    return membership.role in BUYERS

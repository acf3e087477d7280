"""What a role may do, asked as questions. The answer is always about one membership.

|                                    | owner | admin | developer | billing | viewer |
|------------------------------------|-------|-------|-----------|---------|--------|
| look at generations                | yes   | yes   | yes       | yes     | yes    |
| make generations                   | yes   | yes   | yes       |         |        |
| keys and webhooks                  | yes   | yes   | yes       |         |        |
| see the ledger, usage, end users   | yes   | yes   |           | yes     |        |
| buy credits                        | yes   | yes   |           | yes     |        |
| budgets and terms                  | yes   | yes   |           |         |        |
| invite, remove, change roles       | yes   | yes   |           |         |        |
| the audit trail                    | yes   | yes   |           |         |        |
| settings, owners, closing          | yes   |       |           |         |        |
"""

from accounts.models import Membership, Role

SPENDERS = {Role.OWNER, Role.ADMIN, Role.DEVELOPER}
KEEPERS_OF_KEYS = {Role.OWNER, Role.ADMIN, Role.DEVELOPER}
READERS_OF_MONEY = {Role.OWNER, Role.ADMIN, Role.BILLING}
BUYERS = {Role.OWNER, Role.ADMIN, Role.BILLING}
ADMINS = {Role.OWNER, Role.ADMIN}


def can_spend(membership: Membership) -> bool:
    """Make generations, which costs the organization's credits."""
    return membership.role in SPENDERS


def can_manage_keys(membership: Membership) -> bool:
    """API keys and webhook endpoints: what programs use."""
    return membership.role in KEEPERS_OF_KEYS


def can_see_ledger(membership: Membership) -> bool:
    return membership.role in READERS_OF_MONEY


def can_buy(membership: Membership) -> bool:
    """Buy credits, and say when the saved card is charged."""
    return membership.role in BUYERS


def can_set_budgets(membership: Membership) -> bool:
    """Budgets, and which models and resolutions who may use."""
    return membership.role in ADMINS


def can_manage_members(membership: Membership) -> bool:
    """Invite, remove, change roles. Nobody gives a role that is above their own: see `can_give`."""
    return membership.role in ADMINS


def can_give(membership: Membership, role: str) -> bool:
    """Make somebody a `role`, or take it from them. Owners are made and unmade by owners alone."""
    return can_manage_members(membership) and (role != Role.OWNER or membership.role == Role.OWNER)


def can_see_audit(membership: Membership) -> bool:
    return membership.role in ADMINS


def can_manage_settings(membership: Membership) -> bool:
    """Name, retention, required second factor, closing the organization."""
    return membership.role == Role.OWNER

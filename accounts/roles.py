"""What a role may do, asked as questions. The answer is always about one membership.

|                                    | owner | admin | developer | billing | viewer |
|------------------------------------|-------|-------|-----------|---------|--------|
| look at generations                | yes   | yes   | yes       | yes     | yes    |
| make generations                   | yes   | yes   | yes       |         |        |
| webhooks, personal keys            | yes   | yes   | yes       |         |        |
| keys of the organization           | yes   | yes   |           |         |        |
| see the ledger, usage, end users   | yes   | yes   |           | yes     |        |
| buy credits                        | yes   | yes   |           | yes     |        |
| budgets and terms                  | yes   | yes   |           |         |        |
| invite, remove, change roles       | yes   | yes   |           |         |        |
| the audit trail                    | yes   | yes   |           |         |        |
| settings, owners, closing          | yes   |       |           |         |        |
"""

from collections.abc import Callable

from accounts import key_terms
from accounts.models import ApiKey, Membership, Role

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


def can_change_key(membership: Membership, key: ApiKey) -> bool:
    """Change it, and get at a new secret of it: their own personal one, or who sets budgets the organization's.

    Nobody gets at the secret of somebody else's personal key. To revoke one, `can_manage_keys` is enough.
    """
    if key.is_personal:
        return can_manage_keys(membership) and key.member_id == membership.pk
    return can_set_budgets(membership)


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


_OF_SCOPE: dict[str, Callable[[Membership], bool]] = {
    "generations:write": can_spend,
    "generations:read": lambda _: True,
    "billing:read": can_see_ledger,
    "billing:write": can_buy,
    "budgets:read": can_see_ledger,
    "budgets:write": can_set_budgets,
    "keys:read": can_manage_keys,
    "keys:write": can_manage_keys,
    "webhooks:read": can_manage_keys,
    "webhooks:write": can_manage_keys,
    "events:read": can_manage_keys,
}


def can_use_scope(membership: Membership, scope: str) -> bool:
    """What a key that acts for them may do with this scope: no more than they on the pages."""
    return _OF_SCOPE[scope](membership)


def may_use_scope(key: ApiKey, scope: str) -> bool:
    """Whether the key was made for it, and whoever it acts for may do it. A key without a list of scopes is made
    for everything."""
    return key_terms.has_scope(key, scope) and (
        key.member is None or can_use_scope(key.member, scope)
    )

"""The rows of who: people, organizations, what ties them, their keys, what they did, what they are told."""

from accounts.models.keys import ApiKey
from accounts.models.organizations import (
    Invitation,
    Membership,
    Organization,
    Role,
    RoleTerms,
    new_secret,
)
from accounts.models.people import User, UserManager
from accounts.models.records import AuditEntry, Event, IdempotencyRecord, Look

__all__ = [
    "ApiKey",
    "AuditEntry",
    "Event",
    "IdempotencyRecord",
    "Invitation",
    "Look",
    "Membership",
    "Organization",
    "Role",
    "RoleTerms",
    "User",
    "UserManager",
    "new_secret",
]

"""The rows of who: people, organizations, what ties them, their keys, what they did, what they are told."""

from accounts.models.alarms import Alarm
from accounts.models.keys import ApiKey, KeyRate, KeySighting
from accounts.models.mails import OwedMail
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
from accounts.models.webhooks import Delivery, DeliveryAttempt, WebhookEndpoint, WebhookSecret

__all__ = [
    "Alarm",
    "ApiKey",
    "AuditEntry",
    "Delivery",
    "DeliveryAttempt",
    "Event",
    "IdempotencyRecord",
    "Invitation",
    "KeyRate",
    "KeySighting",
    "Look",
    "Membership",
    "Organization",
    "OwedMail",
    "Role",
    "RoleTerms",
    "User",
    "UserManager",
    "WebhookEndpoint",
    "WebhookSecret",
    "new_secret",
]

"""The audit trail: one row per change of money, keys, roles or settings, in the change's transaction."""

from typing import Any

from accounts.models import ApiKey, AuditEntry, Organization, User


def note(
    organization: Organization | None,
    action: str,
    target: str,
    *,
    actor: User | None = None,
    api_key: ApiKey | None = None,
    address: str | None = None,
    before: dict[str, Any] | None = None,
    after: dict[str, Any] | None = None,
) -> None:
    """Write what was done to `target`, by whom, from where. Neither actor nor key: the system.

    No organization: it is about the house itself, and no organization sees it.
    """
    AuditEntry.objects.create(
        organization=organization,
        action=action,
        target=target,
        actor=actor,
        api_key=api_key,
        address=address,
        before=before or {},
        after=after or {},
    )

"""The audit trail: one row per change of money, keys, roles or settings, in the change's transaction, and what
people did to get in."""

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

    The row stays for ever, and the names of what it is about may have to go: it has ids, and the page looks up
    what they are called.
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


def note_person(
    user: User,
    action: str,
    *,
    actor: User | None = None,
    address: str | None = None,
    before: dict[str, Any] | None = None,
    after: dict[str, Any] | None = None,
) -> None:
    """Write what happened to a person in every organization that they belong to, for each has to know; and of our
    staff in the house's own trail.

    Neither an actor nor anybody else's doing: somebody who did not prove who they are.
    """
    concerned: list[str | None] = [
        *user.memberships.order_by("id").values_list("organization_id", flat=True)
    ]
    if user.is_staff:
        concerned.append(None)
    AuditEntry.objects.bulk_create(
        AuditEntry(
            organization_id=organization_id,
            action=action,
            target=user.pk,
            actor=actor,
            address=address,
            before=before or {},
            after=after or {},
        )
        for organization_id in concerned
    )

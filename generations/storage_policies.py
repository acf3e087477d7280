"""How long an organization's files are kept, and how many bytes it may upload: its own terms, or those of all."""

from django.conf import settings
from django.db import transaction
from django.db.models import Sum

from accounts import audit
from accounts.models import Organization, User
from generations.models import StoragePolicy, StoredFile
from seedance_saas.errors import Conflict, InvalidRequest

RETENTION_DAYS_MAX = 3650


class StorageFull(Conflict):
    """The organization has uploaded as many bytes as it may keep."""

    code = "storage_full"


def policy_of(organization_id: str) -> StoragePolicy:
    """Its own, or what the settings say for all."""
    own = StoragePolicy.objects.filter(pk=organization_id).first()
    return own or StoragePolicy(
        organization_id=organization_id,
        retention_days=settings.RETENTION_DAYS,
        upload_bytes_max=settings.UPLOAD_BYTES_MAX,
    )


def set_policy(
    organization: Organization,
    *,
    why: str,
    retention_days: int | None = None,
    upload_bytes_max: int | None = None,
    actor: User | None = None,
    address: str | None = None,
) -> StoragePolicy:
    """Change what is not None, for what is made or uploaded from now on; what is there keeps its day.

    Raises InvalidRequest. Writes to the audit trail.
    """
    if retention_days is not None and not 1 <= retention_days <= RETENTION_DAYS_MAX:
        raise InvalidRequest(
            f"retention_days must be from 1 to {RETENTION_DAYS_MAX}.", param="retention_days"
        )
    if upload_bytes_max is not None and upload_bytes_max < 0:
        raise InvalidRequest("upload_bytes_max must not be negative.", param="upload_bytes_max")
    with transaction.atomic():
        Organization.objects.select_for_update(no_key=True).get(pk=organization.pk)
        policy = policy_of(organization.pk)
        before = _as_dict(policy)
        policy.retention_days = retention_days or policy.retention_days
        if upload_bytes_max is not None:
            policy.upload_bytes_max = upload_bytes_max
        policy.save()
        after = _as_dict(policy) | {"why": why}
        audit.note(
            organization, "storage.changed", organization.pk,
            actor=actor, address=address, before=before, after=after,
        )  # fmt: skip
    return policy


def _as_dict(policy: StoragePolicy) -> dict[str, int]:
    return {
        "retention_days": policy.retention_days,
        "upload_bytes_max": policy.upload_bytes_max,
    }


def uploaded_bytes(organization_id: str) -> int:
    """What its uploads take now, those on their way included."""
    rows = StoredFile.objects.filter(
        organization_id=organization_id, purpose=StoredFile.Purpose.UPLOAD
    )
    return rows.aggregate(total=Sum("bytes"))["total"] or 0


def refuse_if_full(organization_id: str, size: int) -> None:
    """Raises StorageFull. The caller holds the organization's row, so that no two fit into the last place."""
    most, used = policy_of(organization_id).upload_bytes_max, uploaded_bytes(organization_id)
    if used + size > most:
        raise StorageFull(
            f"Your uploads take {used:,} of {most:,} bytes, and this one has {size:,}. "
            "Delete some, or wait until they expire.",
            param="file",
            bytes_max=most,
            used_bytes=used,
            bytes=size,
        )

"""The end of an organization: what waits is canceled, what runs ends, and on `erase_at` all names and media go.

Money and keys end in `billing.closing`, in the same transaction. Receipts, transfers, usage and the audit trail
stay: they say how much and when, of whom no more than an id.
"""

import logging
import time
from contextlib import suppress
from dataclasses import dataclass

from django.db import transaction
from django.db.models import Count, Q
from django.utils import timezone

from accounts import organizations, pseudonyms
from accounts.models import AuditEntry, Organization, User
from billing import closing as closing_money
from billing import end_users
from generations import erasing, forgetting, lifecycle, uploads
from generations.models import Generation, Upload
from generations.states import FINAL, State
from seedance_saas import queue
from seedance_saas.errors import Refusal

logger = logging.getLogger(__name__)

WAITING = (State.PREPARING, State.QUEUED)
ERASE_SECONDS = 30  # of one run of the sweep; the next one goes on
BATCH = 100


@dataclass(frozen=True)
class Preview:
    """What closing would do to work now."""

    waiting_count: int  # canceled, not charged
    running_count: int  # end as usual, and are charged
    kept_count: int  # have a prompt or media that will be erased


def preview(organization: Organization) -> Preview:
    counts = Generation.objects.filter(organization=organization).aggregate(
        waiting=Count("pk", filter=Q(state__in=WAITING)),
        open=Count("pk", filter=~Q(state__in=sorted(FINAL))),
        kept=Count("pk", filter=Q(erased_at=None)),
    )
    return Preview(counts["waiting"], counts["open"] - counts["waiting"], counts["kept"])


@transaction.atomic
def close(organization: Organization, *, by: User, address: str | None = None) -> Organization:
    """As `billing.closing.close`; what waits is canceled by a task, which the clock repeats."""
    closed = closing_money.close(organization, by=by, address=address)
    queue.enqueue("generations.tasks.cancel_closed")
    return closed


def cancel_waiting() -> None:
    """Cancel what has not begun of every closed organization. A repeat finds nothing."""
    waiting = Generation.objects.filter(
        state__in=WAITING, organization__closed_at__isnull=False
    ).select_related("organization")
    for generation in waiting.order_by("id")[:BATCH]:
        with suppress(Refusal):  # it began meanwhile, and ends as usual
            lifecycle.cancel(generation)


def erase_due() -> None:
    """Erase every organization whose time has come, for ERASE_SECONDS; the next run goes on where this one ended."""
    ends = time.monotonic() + ERASE_SECONDS
    due = Organization.objects.filter(erase_at__lte=timezone.now(), erased_at=None)
    for organization in due.order_by("erase_at"):
        if time.monotonic() < ends:
            erase(organization, ends=ends)


def erase(organization: Organization, *, ends: float) -> bool:
    """Prompts, inputs, media, uploads, the names of end users, then those of the organization and its people.

    False if `ends` (of time.monotonic) came first, or if something still runs; a repeat goes on.
    """
    kept = Generation.objects.filter(organization=organization, erased_at=None)
    while batch := list(kept.filter(state__in=FINAL).order_by("id")[:BATCH]):
        for generation in batch:
            if time.monotonic() >= ends:
                return False
            erasing.erase(generation)
    if kept.exists():
        return False
    for upload in Upload.objects.filter(organization=organization).order_by("id"):
        if time.monotonic() >= ends:
            return False
        uploads.delete(upload)
    if not _forget_end_users(organization, ends):
        return False
    organizations.erase_names(organization)
    logger.info("organization.erased id=%s", organization.id)
    return True


def _forget_end_users(organization: Organization, ends: float) -> bool:
    """Each has a pseudonym from then on, which is a name like any other: the audit trail knows which these are."""
    after = ""
    while found := end_users.ids(organization, after=after, limit=BATCH):
        pseudonyms_known = set(
            AuditEntry.objects.filter(
                organization=organization, action="end_user.forgotten"
            ).values_list("target", flat=True)
        )
        for name in found:
            if time.monotonic() >= ends:
                return False
            if name not in pseudonyms_known:
                pseudonyms_known.add(pseudonyms.of(organization, name))
                forgetting.forget_end_user(organization, name)
        after = found[-1]
    return True

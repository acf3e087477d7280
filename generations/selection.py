"""What is done with many generations at once: all their videos in one file, or all of them erased."""

from dataclasses import dataclass

from django.db.models import QuerySet

from accounts.models import Organization
from generations import erasing
from generations.archives import Member
from generations.errors import NotFinal
from generations.models import Generation
from seedance_saas.errors import InvalidRequest

CHOSEN_MAX = 60
ARCHIVE_BYTES_MAX = 1_000_000_000


def of(organization: Organization, ids: list[str]) -> QuerySet[Generation]:
    """Those of `ids` that are the organization's, newest first. Raises InvalidRequest for none or too many."""
    wanted = {id for id in ids if id.isprintable()}  # what else was sent, no list gave out
    if not wanted:
        raise InvalidRequest("Nothing was chosen.", param="chosen")
    if len(wanted) > CHOSEN_MAX:
        raise InvalidRequest(
            f"{len(wanted)} were chosen; {CHOSEN_MAX} at a time are allowed.",
            param="chosen",
            at_most=CHOSEN_MAX,
        )
    return Generation.objects.filter(organization=organization, pk__in=wanted).order_by("-id")


def members(chosen: QuerySet[Generation]) -> list[Member]:
    """The videos among them, as an archive holds them. Raises InvalidRequest for none or too many bytes."""
    found = [
        Member(f"{one.pk}.mp4", one.video_file, one.video_bytes or 0, one.created_at)
        for one in chosen
        if one.video_file
    ]
    if not found:
        raise InvalidRequest("None of them has a video.", param="chosen")
    size = sum(member.bytes for member in found)
    if size > ARCHIVE_BYTES_MAX:
        raise InvalidRequest(
            f"Their videos have {size:,} bytes; {ARCHIVE_BYTES_MAX:,} at a time are allowed.",
            param="chosen",
            at_most=ARCHIVE_BYTES_MAX,
        )
    return found


@dataclass(frozen=True)
class Erased:
    gone: int
    running: int  # they stay


def erase(chosen: QuerySet[Generation]) -> Erased:
    """Erase those that have ended, one by one. A repeat finds nothing left to do; a death leaves the rest."""
    gone = running = 0
    for generation in chosen:
        try:
            erasing.erase(generation)
        except NotFinal:
            running += 1
        else:
            gone += 1
    return Erased(gone, running)

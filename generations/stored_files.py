"""Objects in storage and their rows. Nothing lies in storage that no row names, whenever a process dies.

    WRITING   the row is there, the object perhaps in part         older than HALF_DONE: given up, deleted
    READY     both are there                                       after keep_until, and not in use: deleted
    LEAVING   the object perhaps is gone, the row is not           older than HALF_DONE: deleted again

A name in storage is used once, so that deleting an object can never meet another one of the same content.
"""

import hashlib
import logging
import time
from collections.abc import Iterable
from datetime import datetime, timedelta
from pathlib import Path

from django.core.files import File
from django.core.files.storage import default_storage
from django.db import IntegrityError, transaction
from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.db.models.functions import Greatest
from django.utils import timezone

from accounts.models import Organization
from generations import file_types, storage_policies
from generations.limits import Measured
from generations.models import Generation, InputFile, StoredFile, Thumbnail
from generations.states import FINAL
from seedance_saas import ids

logger = logging.getLogger(__name__)

HALF_DONE = timedelta(hours=2)  # much longer than any process works on one file
FETCHED_KEPT = timedelta(days=1)  # a file by URL is not fetched for the same request again at once
BATCH = 200
SWEEP_SECONDS = 20
SHOWN_IN = ("video_file", "poster_file", "preview_file")  # of its generation
Purpose, State = StoredFile.Purpose, StoredFile.State


# -- keeping ----------------------------------------------------------------------------------------


def keep_input(
    organization_id: str, path: Path, measured: Measured, *, keep_until: datetime, upload: bool
) -> StoredFile:
    """The file at `path`, kept once for its organization however often it comes. Raises storage_policies.StorageFull.

    A repeat gives the same row, and never shortens its life. Locks the organization's row for an upload, so
    that two at once do not both fit into the last place.
    """
    sha256 = sha256_of(path)
    with transaction.atomic():
        if upload:
            Organization.objects.select_for_update(no_key=True).get(pk=organization_id)
        known = _known(organization_id, sha256, keep_until)
        if known and (known.purpose == Purpose.UPLOAD or not upload):
            return known
        if upload:
            storage_policies.refuse_if_full(organization_id, measured.bytes)
        if known:
            StoredFile.objects.filter(pk=known.pk).update(purpose=Purpose.UPLOAD)
            known.purpose = Purpose.UPLOAD
            return known
        row = _row(
            organization_id,
            "inputs",
            measured,
            sha256=sha256,
            keep_until=keep_until,
            purpose=Purpose.UPLOAD if upload else Purpose.INPUT,
        )
        _insert(row, measured)
    _write(row.name, path)
    try:
        with transaction.atomic():
            StoredFile.objects.filter(pk=row.pk).update(state=State.READY)
    except IntegrityError:  # the same file came twice at once, and the other one was first
        _remove(row)
        return keep_input(organization_id, path, measured, keep_until=keep_until, upload=upload)
    row.state = State.READY
    return row


def keep_output(generation: Generation, path: Path, measured: Measured) -> StoredFile:
    """A file that was made for `generation`. It stays WRITING until `settle` says that it is shown."""
    row = _row(
        generation.organization_id,
        generation.pk,
        measured,
        sha256=sha256_of(path),
        keep_until=timezone.now() + HALF_DONE,
        purpose=Purpose.OUTPUT,
    )
    row.generation_id = generation.pk
    with transaction.atomic():
        _insert(row, measured)
    _write(row.name, path)
    return row


def announce(organization_id: str, size: int) -> StoredFile:
    """Room for a file of at most `size` bytes that a client writes into storage itself. Raises StorageFull.

    It stays WRITING: `take_away` or `give_up` ends it, or the sweep.
    """
    with transaction.atomic():
        Organization.objects.select_for_update(no_key=True).get(pk=organization_id)
        storage_policies.refuse_if_full(organization_id, size)
        id = ids.new("fil")
        return StoredFile.objects.create(
            id=id,
            organization_id=organization_id,
            name=f"{organization_id}/incoming/{id}",
            purpose=Purpose.UPLOAD,
            content_type="application/octet-stream",
            bytes=size,
            created_at=timezone.now(),
            keep_until=timezone.now() + HALF_DONE,
        )


def take_away(row: StoredFile) -> bool:
    """Become the one who takes what a client has written, and then deletes it; False: somebody did.

    The client's form works for a while yet, and what is written again no other row would name: this one stays
    LEAVING, without a claim to any room, and the sweep deletes once more when the form is over.
    """
    return bool(
        StoredFile.objects.filter(pk=row.pk, state=State.WRITING).update(
            state=State.LEAVING, bytes=0
        )
    )


def put_back(row: StoredFile) -> None:
    """It was not looked at: it may be taken again."""
    StoredFile.objects.filter(pk=row.pk).update(state=State.WRITING, bytes=row.bytes)


def delete_taken(row: StoredFile) -> None:
    """Delete what was taken away, unless it was put back."""
    if StoredFile.objects.filter(pk=row.pk, state=State.LEAVING).exists():
        default_storage.delete(row.name)


def give_up(row: StoredFile) -> None:
    """Forget what a client was not told to write. A repeat changes nothing."""
    _remove(row)


def settle_outputs(generation: Generation, names: Iterable[str], *, keep_until: datetime) -> None:
    """These are shown from now on; inside the transaction that settles the generation."""
    StoredFile.objects.filter(
        generation=generation, name__in=list(names), state=State.WRITING
    ).update(state=State.READY, keep_until=keep_until)


def use(rows: Iterable[StoredFile], *, keep_until: datetime) -> bool:
    """Keep them that long at least, inside the caller's transaction. False: one of them is gone meanwhile."""
    wanted = {row.pk for row in rows}
    return len(wanted) == StoredFile.objects.filter(pk__in=wanted, state=State.READY).update(
        keep_until=Greatest(F("keep_until"), keep_until)
    )


def sha256_of(path: Path) -> str:
    with path.open("rb") as source:
        return hashlib.file_digest(source, "sha256").hexdigest()


def _known(organization_id: str, sha256: str, keep_until: datetime) -> StoredFile | None:
    found = (
        StoredFile.objects.select_for_update()
        .filter(organization_id=organization_id, sha256=sha256, state=State.READY)
        .exclude(purpose=Purpose.OUTPUT)
        .first()
    )
    if found:
        use([found], keep_until=keep_until)
    return found


def _row(
    organization_id: str,
    folder: str,
    measured: Measured,
    *,
    sha256: str,
    keep_until: datetime,
    purpose: StoredFile.Purpose,
) -> StoredFile:
    id = ids.new("fil")
    extension = file_types.EXTENSIONS[measured.content_type]
    return StoredFile(
        id=id,
        organization_id=organization_id,
        name=f"{organization_id}/{folder}/{id}.{extension}",
        purpose=purpose,
        sha256=sha256,
        content_type=measured.content_type,
        bytes=measured.bytes,
        width=measured.width,
        height=measured.height,
        milliseconds=measured.milliseconds,
        created_at=timezone.now(),
        keep_until=keep_until,
    )


def _insert(row: StoredFile, measured: Measured) -> None:
    """The row, and its picture in small beside it."""
    row.save(force_insert=True)
    if measured.thumbnail:
        Thumbnail.objects.create(stored=row, webp=measured.thumbnail)


def _write(name: str, path: Path) -> None:
    with path.open("rb") as source:
        written = default_storage.save(name, File(source))
    assert written == name, (written, name)


# -- deleting ---------------------------------------------------------------------------------------


def not_in_use() -> Q:
    """No generation that is still on its way needs the file."""
    uses = InputFile.objects.filter(stored=OuterRef("pk")).exclude(generation__state__in=FINAL)
    return ~Q(Exists(uses))


def delete(rows: QuerySet[StoredFile]) -> int:
    """Delete of `rows` what is not in use, objects and rows; how many. A repeat, or a second one, is harmless.

    What storage does not delete now stays LEAVING, for the sweep, and stops no other.
    """
    deleted = 0
    for row in rows.filter(not_in_use()).order_by("pk")[:BATCH]:
        # The verdict: whoever began to use it meanwhile has moved keep_until, and the row is read again.
        taken = rows.filter(not_in_use(), pk=row.pk).update(state=State.LEAVING)
        if taken or row.state == State.LEAVING:
            try:
                _remove(row)
            except Exception:  # whatever a bucket or a disk says
                logger.exception("file.not_deleted id=%s name=%s", row.pk, row.name)
            else:
                deleted += 1
    return deleted


def sweep() -> int:
    """Delete what is no longer to be kept, and what a process that died has left, for SWEEP_SECONDS; how many."""
    now, ends = timezone.now(), time.monotonic() + SWEEP_SECONDS
    over = StoredFile.objects.filter(state=State.READY, keep_until__lte=now)
    half_done = StoredFile.objects.filter(created_at__lte=now - HALF_DONE).exclude(
        state=State.READY
    )
    deleted = 0
    for rows in (half_done, over):
        while (more := delete(rows)) and time.monotonic() < ends:
            deleted += more
        deleted += more
    return deleted


def _remove(row: StoredFile) -> None:
    """The object first: a row without an object is found again, an object without a row never."""
    for field in SHOWN_IN:
        shown = Generation.objects.filter(pk=row.generation_id, **{field: row.name})
        shown.update(**{field: ""})
    default_storage.delete(row.name)
    StoredFile.objects.filter(pk=row.pk).delete()
    logger.info("file.deleted id=%s name=%s", row.pk, row.name)

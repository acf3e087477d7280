"""Files that people and programs send to us, to be named in requests as `upload:upl_…` or by their address."""

from collections.abc import Callable, Iterable
from datetime import timedelta
from pathlib import Path
from typing import Any

from django.core.files.storage import default_storage
from django.db import transaction
from django.db.models import Model
from django.utils import timezone

from accounts.models import ApiKey, Membership, Organization
from generations import media, probing, storage_policies, stored_files
from generations.limits import BYTES_MAX, BadFile
from generations.models import StoredFile, Upload
from seedance_saas import scratch, storage
from seedance_saas.api import moment
from seedance_saas.errors import Conflict, NotFound, Refusal
from seedance_saas.storage import DirectUpload

DIRECT_SECONDS = 3600  # to put a file straight into storage
FORM_BYTES_MAX = 100_000  # what a form may put around a file


class UploadRefused(Refusal):
    """The file is not one that any model takes. `details` name the limit and its number."""

    status = 422

    def __init__(self, bad: BadFile) -> None:
        message = bad.message[0].upper() + bad.message[1:]
        super().__init__(message, param="file", **bad.details)
        self.code = bad.code


class DirectUploadUnavailable(Conflict):
    """Storage is a folder of ours: nobody else can write into it."""

    code = "direct_upload_unavailable"


class NotThere(Conflict):
    """The file was announced and has not arrived."""

    code, retryable = "upload_not_there", True


def receive(
    organization: Organization,
    path: Path,
    *,
    api_key: ApiKey | None = None,
    member: Membership | None = None,
    also: Callable[[Upload], Iterable[Model]] = lambda upload: (),
) -> Upload:
    """Check and keep the file at `path`. Raises UploadRefused, TooBusy or StorageFull, and then nothing is kept.

    `also` makes rows of the caller's that commit with the upload.
    Each call makes an upload; the same content lies in storage once. No transaction may be open.
    """
    expires_at = timezone.now() + timedelta(
        days=storage_policies.policy_of(organization.pk).retention_days
    )
    with scratch.folder() as folder:
        clean = folder / "clean"
        try:
            measured = probing.probe(path, clean=clean)
        except BadFile as bad:
            raise UploadRefused(bad) from None
        kept = clean if clean.exists() else path
        while True:
            stored = stored_files.keep_input(
                organization.pk, kept, measured, keep_until=expires_at, upload=True
            )
            upload = Upload(
                organization=organization,
                stored=stored,
                created_at=timezone.now(),
                expires_at=expires_at,
                api_key=api_key,
                member=member,
            )
            with transaction.atomic():
                if stored_files.use([stored], keep_until=expires_at):
                    upload.save(force_insert=True)
                    for row in also(upload):
                        row.save(force_insert=True)
                    return upload
            # Another upload of the same content was deleted just now, and the file with it.


# -- straight into storage --------------------------------------------------------------------------


def announce(organization: Organization, size: int) -> tuple[StoredFile, DirectUpload]:
    """Where a client may put a file of at most `size` bytes without passing through us.

    Raises DirectUploadUnavailable where storage is a folder, UploadRefused, or StorageFull.
    """
    most = max(BYTES_MAX.values())
    if size > most:
        words = f"the file is larger than {most:,} bytes, and no kind of file may be."
        raise UploadRefused(
            BadFile("media_too_large", words, limit="video_bytes_max", at_most=most, given=size)
        )
    row = stored_files.announce(organization.pk, size)
    form = storage.files().direct_upload(row.name, bytes_max=size, seconds=DIRECT_SECONDS)
    if form is None:
        stored_files.give_up(row)
        raise DirectUploadUnavailable("Send the file itself, to POST /uploads, as a form.")
    return row, form


def take_announced(organization: Organization, row: StoredFile, **by: Any) -> Upload:
    """Make an upload of what the client has put there. Raises UploadRefused, StorageFull, NotThere, TooBusy,
    or NotFound for the second of two at once.

    What was put there is gone afterwards, taken or refused; a file that has not come may come yet, and one for
    which we are too busy stays.
    """
    if not default_storage.exists(row.name):
        raise NotThere(
            "The file has not arrived. Post it to the address that you were given first."
        )
    if not stored_files.take_away(row):
        raise NotFound("It was completed already.")
    with scratch.folder() as folder:
        path, left = folder / "file", default_storage.size(row.name)
        with path.open("wb") as into:
            # One byte more than is allowed is enough to be refused.
            for chunk in storage.files().read(row.name, 0, min(left, row.bytes + 1)):
                into.write(chunk)
        try:
            return receive(organization, path, **by)
        except probing.TooBusy:
            stored_files.put_back(row)
            raise
        finally:
            stored_files.delete_taken(row)


def delete(upload: Upload) -> None:
    """The upload is gone at once; its file, too, unless another upload or a generation on its way needs it.

    A repeat changes nothing.
    """
    with transaction.atomic():
        stored = StoredFile.objects.select_for_update().get(pk=upload.stored_id)
        Upload.objects.filter(pk=upload.pk).delete()
        others = stored.uploads.order_by("-expires_at").first()
        keep_until = others.expires_at if others else timezone.now()
        StoredFile.objects.filter(pk=stored.pk).update(keep_until=keep_until)
    stored_files.delete(StoredFile.objects.filter(pk=stored.pk, keep_until__lte=timezone.now()))


def forget_expired() -> int:
    """Delete the uploads that nobody may name any more, in pieces; how many. Their files follow."""
    over = Upload.objects.filter(expires_at__lte=timezone.now())
    deleted, _ = Upload.objects.filter(
        pk__in=list(over.values_list("pk", flat=True)[:1000])
    ).delete()
    return deleted


def as_dict(upload: Upload) -> dict[str, Any]:
    """The JSON of an upload."""
    stored = upload.stored
    return {
        "id": upload.id,
        "object": "upload",
        "kind": stored.content_type.split("/")[0],
        "content_type": stored.content_type,
        "bytes": stored.bytes,
        "width": stored.width,
        "height": stored.height,
        "duration_seconds": None if stored.milliseconds is None else stored.milliseconds / 1000,
        "url": media.absolute(url(upload)),
        "created_at": moment(upload.created_at),
        "expires_at": moment(upload.expires_at),
    }


def url(upload: Upload) -> str:
    """Where it is seen until it expires."""
    return media.url(upload.stored.name, expires_at=upload.expires_at)

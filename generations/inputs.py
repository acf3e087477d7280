"""The files that a request names: uploads of ours, data URIs and addresses of others. All are checked, and served
by us from then on; an address is fetched by the fetcher, never while the customer waits for an answer."""

import re
import threading
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from urllib.parse import urlsplit

from django.utils import timezone

from accounts.models import Organization
from generations import limits, media, probing, stored_files
from generations.limits import BadFile, Measured
from generations.models import Generation, InputFile, StoredFile, Upload
from generations.request_files import is_own
from generations.requests import GenerationRequest
from generations.stored_files import FETCHED_KEPT
from generations.uploads import UploadRefused
from seedance_saas import http, scratch
from seedance_saas.errors import InvalidRequest

FETCH_SECONDS_MAX = 12.0
FETCHED_AT_ONCE = 4  # of a generation: twelve files then end within the fetcher's lease
PROBES = threading.BoundedSemaphore(4)  # at once: more would take each other's few seconds
UPLOAD = re.compile(r"upload:(upl_[0-9a-f]{32})")


@dataclass(frozen=True)
class Given:
    """A file as a request names it. `stored` is None for one that must be fetched first."""

    field: str
    position: int
    source_url: str
    stored: StoredFile | None

    @property
    def where(self) -> str:
        return place(self.field, self.position)


@dataclass(frozen=True)
class Fetched:
    """A file that lies on this machine and is good, and the row that waits for it."""

    row: InputFile
    path: Path
    measured: Measured


def place(field: str, position: int) -> str:
    """How a file is called in a message: `image_url`, `image_urls[0]`."""
    return f"{field}[{position}]" if field.endswith("s") else field


def kind_of(field: str) -> str:
    return next(kind for kind in limits.BYTES_MAX if kind in field)


# -- when it is asked for ---------------------------------------------------------------------------


def take(organization: Organization, request: GenerationRequest) -> list[Given]:
    """The files that the request names, those that are here checked at once and together.

    A data URI is kept, and deleted after a day if nothing comes of the request. Raises InvalidRequest or
    UploadRefused. No transaction may be open.
    """
    given = [
        Given(field, position, url, _here(organization, request, field, position, url))
        for field, urls in request.files.items()
        for position, url in enumerate(urls)
    ]
    if all(file.stored for file in given):
        try:
            _check_together([(file.field, file.stored) for file in given if file.stored])
        except BadFile as bad:
            raise _refused(bad, param=str(bad.details.pop("param"))) from None
    return given


def use(given: list[Given], *, now: datetime) -> None:
    """Keep the files that are here while they are needed, in the transaction that makes the rows.

    Raises InvalidRequest if one was deleted a moment ago.
    """
    rows = [file.stored for file in given if file.stored]
    if rows and not stored_files.use(rows, keep_until=now + FETCHED_KEPT):
        raise InvalidRequest("A file of the request was deleted just now.", param=given[0].field)


def rows_for(generation: Generation, given: Iterable[Given]) -> Iterator[InputFile]:
    """The rows, not yet saved, of the files of a request."""
    for file in given:
        yield InputFile(
            generation=generation,
            field=file.field,
            position=file.position,
            source_url=file.source_url,
            stored=file.stored,
        )


def _here(
    organization: Organization, request: GenerationRequest, field: str, position: int, url: str
) -> StoredFile | None:
    where = place(field, position)
    if content := request.inline.get(url):
        return _keep_inline(organization, content, kind_of(field), where)
    if (found := UPLOAD.fullmatch(url)) or url.startswith("upload:"):
        uploads = Upload.objects.filter(organization=organization, expires_at__gt=timezone.now())
        upload = uploads.select_related("stored").filter(pk=found[1] if found else "").first()
        if upload is None:
            raise InvalidRequest(f"{where}: there is no such upload.", param=field)
        stored: StoredFile | None = upload.stored
    elif is_own(url):
        stored = StoredFile.objects.filter(
            organization=organization, name=_own_name(url), state=StoredFile.State.READY
        ).first()
        if stored is None:
            raise InvalidRequest(f"{where}: the file is not there any more.", param=field)
    else:
        return None
    assert stored is not None
    try:
        _check_alone(stored, kind_of(field))
    except BadFile as bad:
        raise _refused(bad, param=field, where=where) from None
    return stored


def _check_alone(stored: StoredFile, kind: str) -> None:
    """An upload was checked when it came; a video that we made was not made to be an input. Raises BadFile."""
    if not stored.content_type.startswith(f"{kind}/"):
        words = f"the file is {stored.content_type}; {kind}s are taken here."
        raise BadFile("unsupported_media", words, limit="types", given=stored.content_type)
    limits.check(measured(stored))


def _own_name(url: str) -> str:
    """The name in storage behind an address of ours; empty unless it is signed and still good."""
    try:
        _, _, expires, signature, name = urlsplit(url).path.split("/", 4)
        return name if media.is_signed(name, int(expires[:12]), signature) else ""
    except ValueError:
        return ""


def _keep_inline(organization: Organization, content: bytes, kind: str, where: str) -> StoredFile:
    with scratch.folder() as folder:
        path, clean = folder / "file", folder / "clean"
        path.write_bytes(content)
        try:
            measured = probing.probe(path, kind, clean=clean)
        except BadFile as bad:
            raise _refused(bad, param=where.partition("[")[0], where=where) from None
        return stored_files.keep_input(
            organization.pk,
            clean if clean.exists() else path,
            measured,
            keep_until=timezone.now() + FETCHED_KEPT,
            upload=False,
        )


def _refused(bad: BadFile, *, param: str, where: str = "") -> UploadRefused:
    refusal = UploadRefused(bad)
    refusal.param = param
    refusal.message = f"{where or param}: {bad.message}"
    return refusal


# -- prepare ----------------------------------------------------------------------------------------


def missing(generation: Generation) -> list[InputFile]:
    """The files that are not here yet: fewer than it names when whoever kept them died in the middle."""
    return list(generation.input_files.filter(stored=None).order_by("field", "position"))


def fetch(files: Sequence[InputFile], folder: Path) -> list[Fetched]:
    """Write them into `folder`, a few at once. It touches no database. Raises BadFile: one is enough."""
    with ThreadPoolExecutor(FETCHED_AT_ONCE) as pool:
        fetched = [pool.submit(_fetch, row, folder / str(row.pk)) for row in files]
        try:
            return [one.result() for one in fetched]
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def keep(generation: Generation, fetched: Iterable[Fetched]) -> None:
    """Keep what was fetched, and check all files together. What another kept meanwhile stays. Raises BadFile."""
    for one in fetched:
        stored = stored_files.keep_input(
            generation.organization_id,
            one.path,
            one.measured,
            keep_until=timezone.now() + FETCHED_KEPT,
            upload=False,
        )
        InputFile.objects.filter(pk=one.row.pk, stored=None).update(stored=stored)
    rows = generation.input_files.select_related("stored")
    try:
        _check_together([(row.field, row.stored) for row in rows if row.stored])
    except BadFile as bad:
        raise BadFile(bad.code, f"{bad.details['param']}: {bad.message}", **bad.details) from None


def _fetch(row: InputFile, path: Path) -> Fetched:
    kind, where = kind_of(row.field), place(row.field, row.position)
    clean = path.with_suffix(".clean")
    try:
        with path.open("wb") as into:
            http.fetch(
                row.source_url,
                into,
                bytes_max=limits.BYTES_MAX[kind],
                seconds_max=FETCH_SECONDS_MAX,
            )
        with PROBES:
            measured = probing.probe(path, kind, clean=clean)
    except http.FileTooLarge as error:
        raise BadFile(
            "media_too_large",
            f"{where}: {error.message}",
            param=row.field,
            limit=f"{kind}_bytes_max",
            at_most=limits.BYTES_MAX[kind],
        ) from None
    except http.FetchFailed as error:
        raise BadFile("input_unavailable", f"{where}: {error.message}", param=row.field) from None
    except BadFile as bad:
        raise BadFile(bad.code, f"{where}: {bad.message}", **bad.details, param=row.field) from None
    return Fetched(row, clean if clean.exists() else path, measured)


def _check_together(files: list[tuple[str, StoredFile]]) -> None:
    """Raises BadFile, whose `param` is the field that is over its limit."""
    for field, check in (
        ("video_urls", limits.check_videos_together),
        ("audio_urls", limits.check_audios_together),
    ):
        try:
            check([measured(stored) for name, stored in files if name == field])
        except BadFile as bad:
            bad.details["param"] = field
            raise


def measured(stored: StoredFile) -> Measured:
    return Measured(
        stored.content_type, stored.bytes, stored.width, stored.height, stored.milliseconds
    )

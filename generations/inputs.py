"""The files that a request names: fetched once, checked by their bytes, and served by us from then on."""

import tempfile
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

from generations import media
from generations.models import Generation, InputFile
from seedance_saas import http

FETCH_SECONDS_MAX = 15.0
LEASE = timedelta(seconds=75)  # longer than a task may take: then who fetched is dead
BYTES_MAX = {"image": 30_000_000, "video": 50_000_000, "audio": 15_000_000}
VIDEOS_BYTES_MAX = 50_000_000  # together
_EXTENSIONS = {
    "image/jpeg": "jpg", "image/png": "png", "image/webp": "webp", "video/mp4": "mp4",
    "video/quicktime": "mov", "audio/mpeg": "mp3", "audio/wav": "wav",
}  # fmt: skip


class BadInput(Exception):
    """A file that the model cannot use; `code` is one of the failure policy."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code, self.message = code, message


def rows_for(generation: Generation, files: dict[str, list[str]]) -> Iterator[InputFile]:
    """The rows, not yet saved, of the URLs that a request names."""
    for field, urls in files.items():
        for position, url in enumerate(urls):
            yield InputFile(generation=generation, field=field, position=position, source_url=url)


def fetch_all(generation: Generation) -> None:
    """Fetch what is not here yet. A repeat goes on where the last one stopped. Raises BadInput."""
    rows = list(generation.input_files.order_by("field", "position"))
    for row in rows:
        if not row.file:
            _fetch(generation, row)
    if sum(row.bytes or 0 for row in rows if row.field == "video_urls") > VIDEOS_BYTES_MAX:
        raise BadInput(
            "media_too_large", f"video_urls: together more than {VIDEOS_BYTES_MAX:,} bytes."
        )


def _fetch(generation: Generation, row: InputFile) -> None:
    kind = kind_of(row.field)
    where = f"{row.field}[{row.position}]" if row.field.endswith("s") else row.field
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "file")
        try:
            with path.open("wb") as into:
                fetched = http.fetch(
                    row.source_url, into, bytes_max=BYTES_MAX[kind], seconds_max=FETCH_SECONDS_MAX
                )
        except http.FileTooLarge as error:
            raise BadInput("media_too_large", f"{where}: {error.message}") from None
        except http.FetchFailed as error:
            raise BadInput("input_unavailable", f"{where}: {error.message}") from None
        with path.open("rb") as source:
            content_type = type_of(source.read(16))
        if content_type is None or not content_type.startswith(kind):
            allowed = [name for name in _EXTENSIONS if name.startswith(kind)]
            raise BadInput(
                "unsupported_media", f"{where}: the file is none of {', '.join(allowed)}."
            )
        row.file = media.keep(
            f"{generation.organization_id}/inputs/{fetched.sha256}.{_EXTENSIONS[content_type]}",
            path,
        )
        row.content_type, row.bytes, row.sha256 = content_type, fetched.bytes, fetched.sha256
        row.save(update_fields=["file", "content_type", "bytes", "sha256"])


def kind_of(field: str) -> str:
    return next(kind for kind in BYTES_MAX if kind in field)


def type_of(head: bytes) -> str | None:
    """The type that the first 16 bytes tell; a name or a header is never asked."""
    if head.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    if head[:4] == b"RIFF":
        return {b"WEBP": "image/webp", b"WAVE": "audio/wav"}.get(head[8:12])
    if head[4:8] == b"ftyp":
        return "video/quicktime" if head[8:12] == b"qt  " else "video/mp4"
    if head.startswith(b"ID3") or (
        head[:1] == b"\xff" and len(head) > 1 and head[1] & 0xE0 == 0xE0
    ):
        return "audio/mpeg"
    return None

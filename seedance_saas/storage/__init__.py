"""Where files lie: a folder (local.py) or a bucket (s3.py). Both are Django's kind, and read a part of a file."""

from collections.abc import Iterator
from typing import Protocol, cast

from django.core.files.storage import default_storage

CHUNK_BYTES = 256 * 1024


class Reader(Protocol):
    def read(self, name: str, first: int, size: int) -> Iterator[bytes]:
        """`size` bytes from `first` on, in pieces. Nothing is opened before the first piece is asked for."""

    def direct_upload(self, name: str, *, bytes_max: int, seconds: int) -> "DirectUpload | None":
        """How a client may write `name` itself; None where it must come through us."""


class DirectUpload(Protocol):
    url: str
    fields: dict[str, str]


def files() -> Reader:
    """The storage that is in use."""
    return cast(Reader, default_storage)

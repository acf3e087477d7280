"""Many videos as one file: a ZIP that is made while it is sent, and never lies anywhere as a whole."""

import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from io import RawIOBase
from typing import TYPE_CHECKING

from seedance_saas import storage

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer


@dataclass(frozen=True)
class Member:
    """A file of ours, and what it is called in the archive."""

    name: str
    file: str
    bytes: int
    at: datetime


class _Out(RawIOBase):
    """What the archive writes, until it is taken away. Nobody can seek in what was sent already."""

    def __init__(self) -> None:
        self.parts: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, part: "ReadableBuffer", /) -> int:
        data = bytes(part)
        self.parts.append(data)
        return len(data)

    def take(self) -> bytes:
        data = b"".join(self.parts)
        self.parts.clear()
        return data


def stream(members: list[Member]) -> Iterator[bytes]:
    """The archive, piece by piece. Nothing is compressed: a video is already.

    A file that is gone meanwhile breaks it off: a part is never sent as if it were the whole.
    """
    out = _Out()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
        for member in members:
            entry = zipfile.ZipInfo(member.name, member.at.timetuple()[:6])
            entry.file_size = member.bytes  # so that a large one gets the large header
            with archive.open(entry, "w") as into:
                for chunk in storage.files().read(member.file, 0, member.bytes):
                    into.write(chunk)
                    yield out.take()
            yield out.take()
    yield out.take()

"""A folder of this machine, or one that all machines share."""

from collections.abc import Iterator

from django.core.files.storage import FileSystemStorage

from seedance_saas.storage import CHUNK_BYTES


class LocalStorage(FileSystemStorage):
    def read(self, name: str, first: int, size: int) -> Iterator[bytes]:
        with self.open(name) as source:
            source.seek(first)
            while size > 0 and (chunk := source.read(min(CHUNK_BYTES, size))):
                size -= len(chunk)
                yield chunk

    def direct_upload(self, name: str, *, bytes_max: int, seconds: int) -> None:
        return None

"""A bucket that speaks S3. It is private: who sees a file sees it through us, under a signed address."""

from collections.abc import Iterator
from dataclasses import dataclass

from storages.backends.s3 import S3Storage

from seedance_saas.storage import CHUNK_BYTES


@dataclass(frozen=True)
class PostForm:
    """A form that the client posts to `url`, with the file as its last field, named file."""

    url: str
    fields: dict[str, str]


class BucketStorage(S3Storage):  # type: ignore[misc]  # django-storages ships no types
    """django-storages'; only a part of a file is read otherwise, for it would fetch the whole into memory."""

    def read(self, name: str, first: int, size: int) -> Iterator[bytes]:
        if size <= 0:
            return
        span = f"bytes={first}-{first + size - 1}"
        answer = self.bucket.Object(name).get(Range=span)
        try:
            yield from answer["Body"].iter_chunks(CHUNK_BYTES)
        finally:
            answer["Body"].close()

    def direct_upload(self, name: str, *, bytes_max: int, seconds: int) -> PostForm:
        form = self.connection.meta.client.generate_presigned_post(
            self.bucket_name,
            name,
            Conditions=[["content-length-range", 1, bytes_max]],
            ExpiresIn=seconds,
        )
        return PostForm(form["url"], form["fields"])

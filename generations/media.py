"""Files of ours: the signed addresses under which they are seen, and until when."""

from dataclasses import dataclass
from datetime import UTC, datetime

from django.conf import settings
from django.utils import timezone
from django.utils.crypto import constant_time_compare, salted_hmac

from generations.models import Generation


@dataclass(frozen=True)
class Video:
    """A finished video in our storage, as we measured it."""

    file: str
    poster_file: str
    preview_file: str
    sha256: str
    bytes: int
    milliseconds: int
    width: int
    height: int


# -- signed addresses -----------------------------------------------------------------------------


def url(file: str, *, expires_at: datetime) -> str:
    """The path under which `file` is served until then. Who has it may see the file: it is the key."""
    expires = int(expires_at.timestamp())
    return f"/media/{expires}/{_signature(file, expires)}/{file}"


def is_signed(file: str, expires: int, signature: str) -> bool:
    """Is this address ours and still good?"""
    good = constant_time_compare(_signature(file, expires), signature)
    return good and expires > timezone.now().timestamp()


def _signature(file: str, expires: int) -> str:
    return salted_hmac("media", f"{expires}:{file}", algorithm="sha256").hexdigest()[:40]


def urls_expire_at() -> datetime:
    """One moment for a whole period, at least a period away: a page that is drawn again keeps its URLs."""
    period = settings.MEDIA_URL_SECONDS
    now = int(timezone.now().timestamp())
    return datetime.fromtimestamp(now - now % period + 2 * period, UTC)


def video_url(generation: Generation) -> str | None:
    return _url_of(generation, generation.video_file)


def poster_url(generation: Generation) -> str | None:
    return _url_of(generation, generation.poster_file)


def thumbnail_url(generation: Generation) -> str | None:
    """The poster as lists show it."""
    return small(poster_url(generation))


def small(url: str | None) -> str | None:
    """A picture's address as the address of its thumbnail; of what has none, the picture itself is served."""
    return f"{url}?small" if url else None


def preview_url(generation: Generation) -> str | None:
    """A few silent seconds; the whole video where none was made."""
    return _url_of(generation, generation.preview_file or generation.video_file)


def output_urls_expire_at(generation: Generation) -> datetime:
    """The addresses' end, or that of the files if it comes sooner."""
    files = generation.files_expire_at
    return min(urls_expire_at(), files) if files else urls_expire_at()


def _url_of(generation: Generation, file: str) -> str | None:
    return url(file, expires_at=output_urls_expire_at(generation)) if file else None


def absolute(path: str | None) -> str | None:
    """The path as an address that a program can follow."""
    return f"{settings.PUBLIC_URL}{path}" if path else None

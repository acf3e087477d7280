"""From where the secrets of keys were used, hour by hour: what one asks when a key has leaked."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import connection
from django.db.models import Count, Max, Min
from django.utils import timezone

from accounts.models import ApiKey, KeySighting

RESOLUTION = timedelta(minutes=1)
KEPT = timedelta(days=90)
ADDRESSES_PER_HOUR_MAX = 100
FORGET_AT_ONCE = 5_000
NOTED_MAX = 10_000

# What this process noted last, by key, secret and address: the reason not to note it again.
_noted: dict[tuple[str, str, str | None], datetime] = {}

# One statement. The key's own last use has one winner; the sighting is noted by whoever comes first.
_NOTE = """
WITH used AS (
    UPDATE accounts_apikey SET last_used_at = %(now)s, last_used_address = %(address)s
        WHERE id = %(key)s AND NOT %(was_refused)s
            AND last_used_at IS NOT DISTINCT FROM %(last_used_at)s
            AND (last_used_at IS NULL OR last_used_at < %(minute_ago)s
                 OR last_used_address IS DISTINCT FROM %(address)s)
)
INSERT INTO accounts_keysighting AS known
        (api_key_id, hour, address, prefix, was_refused, first_seen_at, last_seen_at)
    SELECT %(key)s, %(hour)s,
           CASE WHEN counted.addresses < %(addresses_max)s OR counted.knows_it
               THEN %(address)s::inet ELSE %(many)s::inet END,
           %(prefix)s, %(was_refused)s, %(now)s, %(now)s
        FROM (
            SELECT count(*) AS addresses, coalesce(bool_or(address = %(address)s), false) AS knows_it
                FROM accounts_keysighting WHERE api_key_id = %(key)s AND hour = %(hour)s
        ) AS counted
        WHERE %(address)s IS NOT NULL
    ON CONFLICT (api_key_id, hour, address, prefix, was_refused)
        DO UPDATE SET last_seen_at = excluded.last_seen_at
            WHERE known.last_seen_at < %(minute_ago)s
"""


@dataclass(frozen=True)
class Place:
    """An address from which a key was used, in how many hours, and by which of its secrets."""

    address: str
    prefix: str
    was_refused: bool
    hours: int
    first_seen_at: datetime
    last_seen_at: datetime

    @property
    def is_many(self) -> bool:
        return self.address == KeySighting.MANY

    def is_of(self, prefix: str) -> bool:
        """Whether it was a use of the secret that begins so."""
        return self.prefix == prefix and not self.was_refused


def is_due(key: ApiKey, prefix: str, address: str | None, now: datetime) -> bool:
    """Whether this process noted it a minute ago or longer: asked of its memory, so that it costs nothing."""
    noted_at = _noted.get((key.pk, prefix, address))
    return noted_at is None or not timedelta(0) <= now - noted_at <= RESOLUTION


def note(
    key: ApiKey, prefix: str, *, address: str | None, was_refused: bool, now: datetime
) -> None:
    """That the key was used, or refused, from `address`: one statement. What another process noted within
    the minute stays as it is."""
    if len(_noted) >= NOTED_MAX:
        _noted.clear()
    _noted[key.pk, prefix, address] = now
    with connection.cursor() as cursor:
        cursor.execute(
            _NOTE,
            {
                "key": key.pk,
                "prefix": prefix,
                "address": address,
                "was_refused": was_refused,
                "last_used_at": key.last_used_at,
                "now": now,
                "hour": _hour(now),
                "many": KeySighting.MANY,
                "addresses_max": ADDRESSES_PER_HOUR_MAX,
                "minute_ago": now - RESOLUTION,
            },
        )


def places(key: ApiKey, *, limit: int) -> list[Place]:
    """The addresses of the last KEPT, the latest first: one query."""
    rows = (
        key.sightings.filter(hour__gte=timezone.now() - KEPT)
        .values("address", "prefix", "was_refused")
        .annotate(hours=Count("id"), first=Min("first_seen_at"), last=Max("last_seen_at"))
        .order_by("-last")
    )
    return [
        Place(
            address=row["address"],
            prefix=row["prefix"],
            was_refused=row["was_refused"],
            hours=row["hours"],
            first_seen_at=row["first"],
            last_seen_at=row["last"],
        )
        for row in rows[:limit]
    ]


def last_use_of_previous(keys: Iterable[ApiKey]) -> dict[str, datetime]:
    """Of keys that are rotating: when the secret that ends was last used. Whoever still has it is to change."""
    prefixes = {key.pk: key.previous_prefix for key in keys}
    rows = (
        KeySighting.objects.filter(
            api_key__in=prefixes, prefix__in=prefixes.values(), was_refused=False
        )
        .values("api_key_id", "prefix")
        .annotate(last=Max("last_seen_at"))
    )
    return {
        row["api_key_id"]: row["last"]
        for row in rows
        if prefixes[row["api_key_id"]] == row["prefix"]
    }


def forget() -> int:
    """Delete what is older than KEPT, in pieces; how many."""
    deleted = 0
    old = KeySighting.objects.filter(hour__lt=timezone.now() - KEPT)
    while ids := list(old.values_list("id", flat=True)[:FORGET_AT_ONCE]):
        KeySighting.objects.filter(id__in=ids).delete()
        deleted += len(ids)
    return deleted


def _hour(now: datetime) -> datetime:
    return now.replace(minute=0, second=0, microsecond=0)

"""What every API endpoint shares: how a body is read, how a list is paged, how money is shown."""

import base64
import binascii
import json
import math
import re
from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import IO, Any, TypeVar

from django.conf import settings
from django.db.models import Model, QuerySet
from django.utils.dateparse import parse_datetime
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.parsers import BaseParser
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request

from seedance_saas.errors import InvalidJson, InvalidRequest, PayloadTooLarge, UnknownField

M = TypeVar("M", bound=Model)
PAGE_LIMIT_DEFAULT, PAGE_LIMIT_MAX = 20, 100


class JSONParser(BaseParser):
    """A JSON object of at most a megabyte, with nothing in it that PostgreSQL could not store."""

    media_type = "application/json"

    def parse(
        self,
        stream: IO[Any],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        bytes_max = settings.REQUEST_BODY_BYTES_MAX
        body = stream.read(bytes_max + 1)
        if len(body) > bytes_max:
            raise PayloadTooLarge(
                f"The body is larger than {bytes_max:,} bytes.", bytes_max=bytes_max
            )
        return read_json_object(body)


def body_of(request: Request) -> dict[str, Any]:
    """What JSONParser read; an empty body is an empty object."""
    return request.data if isinstance(request.data, dict) else {}


def require_known(body: Mapping[str, Any], fields: Collection[str], *, of: str = "") -> None:
    """Raises UnknownField for what is not among `fields`. `of` names the field that holds `body`, if one does."""
    for name in body:
        if name not in fields:
            name = f"{of}.{name}" if of else name
            raise UnknownField(
                f"There is no field {name[:50]!r}.", param=name[:50], allowed=list(fields)
            )


def read_json_object(body: bytes) -> dict[str, Any]:
    try:
        value = json.loads(
            body.decode(), parse_constant=_refuse_constant, object_pairs_hook=_each_name_once
        )
        _refuse_unstorable(value)
    except (ValueError, RecursionError) as error:
        # The parser's own words tell where; they never repeat the body.
        raise InvalidJson(f"The body is not valid JSON: {error}.") from None
    if not isinstance(value, dict):
        raise InvalidJson("The body must be a JSON object.")
    return value


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def _each_name_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Of two amounts under one name nobody knows which is meant."""
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a name stands twice in one object")
    return found


def _refuse_unstorable(value: Any) -> None:
    if isinstance(value, str):
        if "\x00" in value:
            raise ValueError("the character U+0000 is not allowed")
        value.encode()  # a lone surrogate raises UnicodeEncodeError, a ValueError
    elif isinstance(value, float) and not math.isfinite(value):
        raise ValueError("a number is too large")  # 1e400 is read as infinity
    elif isinstance(value, dict):
        for name, item in value.items():
            _refuse_unstorable(name)
            _refuse_unstorable(item)
    elif isinstance(value, list):
        for item in value:
            _refuse_unstorable(item)


class AlwaysJSON(BaseContentNegotiation):
    """This API speaks one format: an odd Accept header is no reason to refuse."""

    def select_parser(self, request: Request, parsers: Iterable[BaseParser]) -> BaseParser | None:
        if (request.content_type or "application/json").split(";")[0].strip().lower() in {
            "application/json",
            # What curl -d sends when nobody thought of a header.
            "application/x-www-form-urlencoded",
        }:
            return next(iter(parsers))
        return None

    def select_renderer(
        self, request: Request, renderers: Iterable[BaseRenderer], format_suffix: str | None = None
    ) -> tuple[BaseRenderer, str]:
        renderer = next(iter(renderers))
        return renderer, renderer.media_type


def page(
    request: Request, queryset: QuerySet[M], render: Callable[[M], dict[str, Any]], **how: Any
) -> dict[str, Any]:
    """One page of `queryset` as the API answers it; `how` as `rows_of_page` has it."""
    rows, next_cursor = rows_of_page(request, queryset, **how)
    return {"data": [render(row) for row in rows], "next_cursor": next_cursor}


def rows_of_page(
    request: Request,
    queryset: QuerySet[M],
    *,
    key: str = "id",
    read_key: Callable[[str], Any] = str,
    filters: Collection[str] = (),
) -> tuple[list[M], str | None]:
    """One page, newest first by the unique, growing field `key`, and where the next begins: a keyset, never OFFSET.

    `filters` are what else the query string may have: one that is misspelled is refused, and does not show all.
    """
    limit = page_limit(request, filters=filters)
    if cursor := request.query_params.get("cursor"):
        try:
            after = read_key(base64.urlsafe_b64decode(cursor.encode()).decode())
            _refuse_unstorable(after)
        except (ValueError, binascii.Error):
            raise InvalidRequest(
                "cursor must be a next_cursor of this list.", param="cursor"
            ) from None
        queryset = queryset.filter(**{f"{key}__lt": after})
    rows = list(queryset.order_by(f"-{key}")[: limit + 1])
    more = len(rows) > limit
    rows = rows[:limit]
    next_cursor = (
        base64.urlsafe_b64encode(str(getattr(rows[-1], key)).encode()).decode() if more else None
    )
    return rows, next_cursor


def page_limit(request: Request, *, filters: Collection[str] = ()) -> int:
    """How many rows of a list are asked for. Raises InvalidRequest for what is neither `filters` nor of every list."""
    for name in request.query_params:
        if name not in {"limit", "cursor", *filters}:
            raise InvalidRequest(
                f"There is no filter {name[:50]!r}.",
                param=name[:50],
                allowed=[*filters, "limit", "cursor"],
            )
    raw = request.query_params.get("limit")
    if raw is None:
        return PAGE_LIMIT_DEFAULT
    if not re.fullmatch(r"[0-9]{1,3}", raw) or not 1 <= int(raw) <= PAGE_LIMIT_MAX:
        raise InvalidRequest(
            f"limit must be a whole number from 1 to {PAGE_LIMIT_MAX}.",
            param="limit",
            at_least=1,
            at_most=PAGE_LIMIT_MAX,
        )
    return int(raw)


def moment(at: datetime | None) -> str | None:
    """A time as the API shows it: RFC 3339 in UTC, with a Z."""
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z") if at else None


def read_moment(value: object, *, param: str) -> datetime:
    """The reverse, of a time that a caller sent, in UTC. Raises InvalidRequest."""
    try:
        at = parse_datetime(value) if isinstance(value, str) else None
        if at is not None and at.tzinfo is not None:
            return at.astimezone(UTC)
    except (ValueError, OverflowError):  # no such day; before the year 1 or after 9999 in UTC
        pass
    raise InvalidRequest(
        f"{param} must be a time with its offset, like 2026-06-01T00:00:00Z.", param=param
    )


def usd(amount_microusd: int) -> str:
    """Micro-dollars as people and programs read them: at least four places, at most six, exact."""
    sign, amount = ("-", -amount_microusd) if amount_microusd < 0 else ("", amount_microusd)
    whole, micro = divmod(amount, 1_000_000)
    places = f"{micro:06d}"
    return f"{sign}{whole}.{places[:4]}{places[4:].rstrip('0')}"


def microusd(text: str, *, param: str) -> int:
    """The reverse, for an amount that a caller sent. Raises InvalidRequest for anything inexact."""
    problem = f'{param} must be dollars as a decimal string with at most six places, like "1.4514".'
    if not isinstance(text, str) or len(text) > 20:
        raise InvalidRequest(problem, param=param)
    if not re.fullmatch(r"[0-9]+(\.[0-9]{1,6})?", text):
        raise InvalidRequest(problem, param=param)
    return int(Decimal(text) * 1_000_000)

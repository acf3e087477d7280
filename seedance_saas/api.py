"""What every API endpoint shares: how a body is read, how a list is paged, how money is shown."""

import base64
import binascii
import json
import re
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import IO, Any, TypeVar

from django.conf import settings
from django.db.models import Model, QuerySet
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.parsers import BaseParser
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request

from seedance_saas.errors import InvalidJson, InvalidRequest, PayloadTooLarge

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


def read_json_object(body: bytes) -> dict[str, Any]:
    try:
        value = json.loads(body.decode(), parse_constant=_refuse_constant)
        _refuse_unstorable(value)
    except (ValueError, RecursionError) as error:
        # The parser's own words tell where; they never repeat the body.
        raise InvalidJson(f"The body is not valid JSON: {error}.") from None
    if not isinstance(value, dict):
        raise InvalidJson("The body must be a JSON object.")
    return value


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def _refuse_unstorable(value: Any) -> None:
    if isinstance(value, str):
        if "\x00" in value:
            raise ValueError("the character U+0000 is not allowed")
        value.encode()  # a lone surrogate raises UnicodeEncodeError, a ValueError
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
        if (request.content_type or "application/json").split(";")[0].strip() in {
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
    request: Request,
    queryset: QuerySet[M],
    render: Callable[[M], dict[str, Any]],
    *,
    key: str = "id",
    read_key: Callable[[str], Any] = str,
) -> dict[str, Any]:
    """One page of `queryset`, newest first by the unique, growing field `key`: a keyset, never OFFSET."""
    limit = page_limit(request)
    if cursor := request.query_params.get("cursor"):
        try:
            after = read_key(base64.urlsafe_b64decode(cursor.encode()).decode())
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
    return {"data": [render(row) for row in rows], "next_cursor": next_cursor}


def page_limit(request: Request) -> int:
    """How many rows of a list are asked for."""
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

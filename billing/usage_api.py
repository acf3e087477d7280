"""Usage in the native API: parse, call, render; as JSON, as CSV, and as a FOCUS file."""

import itertools
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, timedelta
from typing import Any, ClassVar

from django.http import StreamingHttpResponse
from django.utils import timezone
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts import api_keys
from billing import presentation, usage, usage_files
from seedance_saas.api import usd
from seedance_saas.errors import InvalidRequest

DAYS_DEFAULT = 30
ROWS_MAX = 10_000
VALUE_LENGTH_MAX = 255


@dataclass(frozen=True)
class Asked:
    """A report that is asked for: UTC days from `first`, without `last`."""

    first: date
    last: date
    group_by: tuple[str, ...]
    filters: dict[str, str]


class Usage(APIView):
    """GET /usage?from=&to=&group_by=&end_user_id=: what was settled, added up by day unless said otherwise."""

    scopes: ClassVar[dict[str, str]] = {"GET": "billing:read"}

    def get(self, request: Request) -> Response:
        organization = api_keys.of(request).organization
        asked = read(request.query_params.dict())
        report = usage.report(organization, asked.first, asked.last, asked.group_by, asked.filters)
        rows = list(itertools.islice(report, ROWS_MAX + 1))
        if len(rows) > ROWS_MAX:
            raise InvalidRequest(
                f"This report has more than {ROWS_MAX:,} rows: ask for fewer days or groups, or for"
                " /usage.csv, which has no end.",
                param="group_by",
                rows_max=ROWS_MAX,
            )
        return Response(
            {
                "data": [presentation.usage_row(row) for row in rows],
                "next_cursor": None,
                "from": asked.first.isoformat(),
                "to": asked.last.isoformat(),
                "group_by": list(asked.group_by),
                "total": total(rows),
            }
        )


class UsageCsv(APIView):
    """GET /usage.csv: the same rows as a file, streamed."""

    scopes: ClassVar[dict[str, str]] = {"GET": "billing:read"}

    def get(self, request: Request) -> StreamingHttpResponse:
        asked = read(request.query_params.dict())
        return usage_files.usage_csv(api_keys.of(request).organization, asked, for_programs=True)


class FocusCsv(APIView):
    """GET /usage/focus.csv: the days in the columns of FOCUS. It has groups of its own."""

    scopes: ClassVar[dict[str, str]] = {"GET": "billing:read"}

    def get(self, request: Request) -> StreamingHttpResponse:
        params = request.query_params.dict()
        asked = read(params, without=("group_by",))
        return usage_files.focus_csv(api_keys.of(request).organization, asked, for_programs=True)


def total(rows: Iterable[usage.Row]) -> dict[str, Any]:
    rows = list(rows)
    return {
        "generations": sum(row.records_count for row in rows),
        "seconds": sum(row.seconds for row in rows),
        "charged_usd": usd(sum(row.charged_microusd for row in rows)),
    }


def read(params: Mapping[str, str], *, without: tuple[str, ...] = ()) -> Asked:
    """What the query string asks for: the last 30 days by day, unless it says otherwise.

    Raises InvalidRequest for each fault, naming its field.
    """
    for name, value in params.items():
        if name in without or name not in {"from", "to", "group_by", *usage.FILTERS}:
            raise InvalidRequest(f"There is no parameter {name[:50]!r}.", param=name[:50])
        if "\x00" in value or len(value) > VALUE_LENGTH_MAX:
            raise InvalidRequest(
                f"{name} must have at most {VALUE_LENGTH_MAX} characters, and no U+0000.",
                param=name,
                length_max=VALUE_LENGTH_MAX,
            )
    first, last = _days(params)
    return Asked(
        first=first,
        last=last,
        group_by=_groups(params.get("group_by", "day")),
        filters={name: params[name] for name in usage.FILTERS if name in params},
    )


def _days(params: Mapping[str, str]) -> tuple[date, date]:
    tomorrow = timezone.now().astimezone(UTC).date() + timedelta(days=1)
    first = _day("from", params["from"]) if "from" in params else None
    last = _day("to", params["to"]) if "to" in params else None
    if last is None:
        last = max(tomorrow, first + timedelta(days=1)) if first else tomorrow
    if first is None:
        first = last - timedelta(days=DAYS_DEFAULT)
    if last <= first:
        raise InvalidRequest("to must be after from: its own day is not in the report.", param="to")
    if (last - first).days > usage.DAYS_MAX:
        raise InvalidRequest(
            f"A report has at most {usage.DAYS_MAX} days, and this one {(last - first).days:,}.",
            param="from",
            days_max=usage.DAYS_MAX,
        )
    return first, last


def _day(name: str, text: str) -> date:
    try:
        if not re.fullmatch(r"(19[7-9]|2[0-9]{2})[0-9]-[0-9]{2}-[0-9]{2}", text):
            raise ValueError(text)
        return date.fromisoformat(text)
    except ValueError:
        raise InvalidRequest(f"{name} must be a day of UTC, like 2026-06-01.", param=name) from None


def _groups(text: str) -> tuple[str, ...]:
    groups = tuple(text.split(","))
    if not set(groups) <= set(usage.GROUPS) or len(set(groups)) < len(groups):
        raise InvalidRequest(
            f"group_by must be some of: {', '.join(usage.GROUPS)}; each once, with commas between.",
            param="group_by",
            allowed=list(usage.GROUPS),
        )
    return groups

"""Rows as a CSV file, sent line by line: a year of them need not fit in memory."""

import csv
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from django.http import StreamingHttpResponse


class _Line:
    """What csv writes into: a line goes straight to whoever asked."""

    def write(self, line: str) -> str:
        return line


def answer(
    name: str,
    columns: Sequence[str],
    rows: Iterable[Mapping[str, Any]],
    *,
    for_programs: bool = False,
) -> StreamingHttpResponse:
    """A download with `columns` in their order; what else a row has is left out.

    People open it in a spreadsheet, which would run what a stranger wrote as a formula: it is `guarded`.
    A program gets every value as it is.
    """

    def lines() -> Iterator[str]:
        writer = csv.DictWriter(_Line(), columns, extrasaction="ignore")
        yield writer.writeheader()
        for row in rows:
            yield writer.writerow(row if for_programs else guarded(row))

    response = StreamingHttpResponse(lines(), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


def guarded(row: Mapping[str, Any]) -> dict[str, Any]:
    """The row with nothing in it that a spreadsheet would run: a text that begins like a formula gets a `'`."""
    return {name: f"'{value}" if _is_formula(value) else value for name, value in row.items()}


def _is_formula(value: Any) -> bool:
    """A number below zero is none."""
    return (
        isinstance(value, str)
        and value.startswith(("=", "+", "-", "@", "\t", "\r", "\n"))
        and not _NUMBER.fullmatch(value)
    )


_NUMBER = re.compile(r"-[0-9]+(\.[0-9]+)?")

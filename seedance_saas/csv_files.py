"""Rows as a CSV file, sent line by line: a year of them need not fit in memory."""

import csv
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from django.http import StreamingHttpResponse


class _Line:
    """What csv writes into: a line goes straight to whoever asked."""

    def write(self, line: str) -> str:
        return line


def answer(
    name: str, columns: Sequence[str], rows: Iterable[Mapping[str, Any]]
) -> StreamingHttpResponse:
    """A download with `columns` in their order; what else a row has is left out."""

    def lines() -> Iterator[str]:
        writer = csv.DictWriter(_Line(), columns, extrasaction="ignore")
        yield writer.writeheader()
        for row in rows:
            yield writer.writerow(row)

    response = StreamingHttpResponse(lines(), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


def guarded(row: Mapping[str, Any]) -> dict[str, Any]:
    """The row with nothing in it that a spreadsheet would run: a text that begins like a formula gets a `'`."""
    return {
        name: f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value
        for name, value in row.items()
    }


_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")

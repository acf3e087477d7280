"""What we know of one end user as a file: each generation that was made for them, and what it cost."""

import json
from collections.abc import Iterator
from typing import Any

from django.http import StreamingHttpResponse

from accounts.models import Organization
from generations.models import Generation
from generations.states import public
from seedance_saas import csv_files
from seedance_saas.api import moment, usd

COLUMNS = (
    "end_user_id", "generation", "created_at", "finished_at", "status", "model", "resolution",
    "billed_seconds", "held_usd", "charged_usd", "failure", "input", "metadata",
)  # fmt: skip
PIECE = 500


def export(organization: Organization, end_user_id: str) -> StreamingHttpResponse:
    """The oldest first, streamed. What was erased is empty."""
    rows = Generation.objects.filter(organization=organization, end_user_id=end_user_id)
    return csv_files.answer("end-user.csv", COLUMNS, map(_row, _all(rows.order_by("id"))))


def _all(rows: Any) -> Iterator[Generation]:
    """In pieces: a server-side cursor would not outlive a pooled connection's transaction."""
    after = ""
    while piece := list(rows.filter(pk__gt=after)[:PIECE]):
        yield from piece
        after = piece[-1].pk


def _row(generation: Generation) -> dict[str, Any]:
    charged = generation.charged_microusd
    return {
        "end_user_id": generation.end_user_id,
        "generation": generation.id,
        "created_at": moment(generation.created_at),
        "finished_at": moment(generation.finished_at),
        "status": public(generation.state),
        "model": generation.model,
        "resolution": generation.resolution,
        "billed_seconds": generation.billed_seconds,
        "held_usd": usd(0 if generation.is_final else generation.held_microusd),
        "charged_usd": "" if charged is None else usd(charged),
        "failure": generation.failure_code,
        "input": json.dumps(generation.input, ensure_ascii=False),
        "metadata": json.dumps(generation.metadata, ensure_ascii=False),
    }

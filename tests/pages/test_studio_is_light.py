"""Home, Create, Gallery and a generation ask the database as often with 1,000 rows as with 10, and send little."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import Organization
from generations import catalog
from generations.models import Generation
from seedance_saas import ids
from tests.pages.conftest import end
from tests.upstream import Upstream

QUERIES_MAX = 12
BYTES_MAX = 100_000  # of HTML: with the rest of the page it stays under 300 kB
Make = Callable[..., Generation]


@pytest.fixture
def many(
    acme: Organization, running: Make, upstream: Upstream, run_queue: Callable[[], int]
) -> Callable[[int], Generation]:
    """So many generations of every model in all states; the one that is given is real, with its receipt."""

    def make(count: int) -> Generation:
        real = end(running(acme), upstream, run_queue)
        start = timezone.now() - timedelta(days=1)
        rows = []
        for number in range(count):
            fields = {
                field.attname: getattr(real, field.attname)
                for field in Generation._meta.concrete_fields
            }
            state = ("succeeded", "failed", "queued", "running", "preparing")[number % 5]
            ended: dict[str, Any] = (
                {} if state == "succeeded" else {"finished_at": None, "charged_microusd": None}
            )
            if state == "failed":
                ended = {"failure_code": "provider_failed", "charged_microusd": 0}
            made = {
                "id": ids.new("gen"),
                "state": state,
                "model": catalog.MODELS[number % 6].slug,
                "created_at": start + timedelta(seconds=number),
                "due_at": timezone.now() + timedelta(days=1),
            }
            rows.append(Generation(**fields | ended | made))
        Generation.objects.bulk_create(rows)
        return real

    return make


@pytest.mark.parametrize("count", [10, 1000])
def test_no_page_asks_more_often_for_more_rows(
    acme: Organization,
    browser: Callable[..., Client],
    many: Callable[[int], Generation],
    count: int,
) -> None:
    real = many(count)
    client = browser(acme)
    client.get("/")  # what is remembered by the process is read once
    waiting = Generation.objects.filter(state="queued").values_list("id", flat=True)[:24]
    seen = "&".join(f"seen={id}:queued" for id in waiting)
    asked: dict[str, tuple[int, int]] = {}
    for path in (
        "/",
        "/create",
        f"/create?after={real.id}",
        "/gallery",
        "/gallery?state=queued",
        f"/generations/{real.id}",
        f"/generations/{real.id}/receipt",
        f"/live?view=pick&{seen}",
    ):
        with CaptureQueriesContext(
            connection,
        ) as queries:
            answer = client.get(path)
        assert answer.status_code == 200, path
        asked[path.split("seen")[0]] = (len(queries), len(answer.content))
    assert {path: sent for path, sent in asked.items() if sent[0] > QUERIES_MAX} == {}
    assert {path: sent for path, sent in asked.items() if sent[1] > BYTES_MAX} == {}

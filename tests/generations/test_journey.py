"""The straight line over HTTP, once from end to end, with everything that webhooks do in real life."""

from collections.abc import Callable

import pytest
from django.test import Client

from accounts.models import Organization
from billing.models import Transfer, UsageRecord
from generations import sweeps
from generations.models import Attempt, Generation, ProviderEvent
from tests.upstream import Upstream
from tests.world import Api, money

BODY = {
    "model": "seedance-2.0-fast-text-to-video",
    "prompt": "a red kite over a beach",
    "resolution": "480p",
    "duration": 4,
    "end_user_id": "u_9f2c",
}


def call(upstream: Upstream, body: bytes) -> int:
    response = Client().post(upstream.webhook_path(), body, content_type="application/json")
    return response.status_code


def test_a_tenant_pays_for_a_video_and_watches_it(
    acme: Organization,
    api_for: Callable[[Organization], Api],
    upstream: Upstream,
    run_queue: Callable[[], int],
) -> None:
    api = api_for(acme)
    created = api.post("/generations", BODY).json()
    assert created["status"] == "queued"
    assert created["price"]["held_usd"] == "0.4516"
    assert money(acme) == (24_548_400, 451_600)

    run_queue()
    assert api.get(f"/generations/{created['id']}").json()["status"] == "running"

    upstream.finish(upstream.job)
    assert call(upstream, upstream.webhook()) == 200
    assert call(upstream, upstream.webhook()) == 200  # twice
    run_queue()
    assert call(upstream, upstream.webhook(status="failed")) == 200  # late, and it contradicts
    upstream.fail(upstream.job, "PROVIDER_FAILED")
    run_queue()

    done = api.get(f"/generations/{created['id']}").json()
    assert done["status"] == "succeeded"
    assert done["price"]["charged_usd"] == "0.4516"
    assert done["price"]["held_usd"] == "0.0000"
    assert done["output"]["duration_seconds"] == 4.0
    assert (done["output"]["width"], done["output"]["height"]) == (864, 480)
    assert money(acme) == (24_548_400, 0)
    assert Transfer.objects.filter(kind=Transfer.Kind.CAPTURE).count() == 1
    assert ProviderEvent.objects.count() == 2
    usage = UsageRecord.objects.get()
    assert (usage.seconds, usage.amount_microusd, usage.end_user_id) == (4, 451_600, "u_9f2c")

    video = Client().get(done["output"]["video_url"].removeprefix("http://127.0.0.1:8000"))
    content = b"".join(video)
    assert content[4:8] == b"ftyp"
    assert len(content) == done["output"]["bytes"]


def test_a_webhook_that_overtakes_the_submits_answer_is_followed(
    acme: Organization,
    api_for: Callable[[Organization], Api],
    upstream: Upstream,
    run_queue: Callable[[], int],
) -> None:
    def overtake(job: object) -> None:
        upstream.finish(upstream.job)
        call(upstream, upstream.webhook())

    upstream.on_submit = overtake
    api = api_for(acme)
    created = api.post("/generations", BODY).json()

    run_queue()

    assert api.get(f"/generations/{created['id']}").json()["status"] == "succeeded"
    assert money(acme) == (24_548_400, 0)
    assert upstream.creates == 1
    assert Attempt.objects.get().job_id == upstream.job.id


def test_without_any_webhook_the_poll_brings_it_home(
    acme: Organization,
    api_for: Callable[[Organization], Api],
    upstream: Upstream,
    run_queue: Callable[[], int],
) -> None:
    api_for(acme).post("/generations", BODY)
    run_queue()
    upstream.finish(upstream.job)
    Generation.objects.update(due_at="2026-01-01T00:00:00Z")

    sweeps.poll_running()
    run_queue()

    assert Generation.objects.get().state == "succeeded"
    assert money(acme) == (24_548_400, 0)


@pytest.mark.parametrize(
    ("measured", "billed", "charged_usd"),
    [
        (0.4, 1, "0.1129"),  # a second at least
        (4, 4, "0.4516"),
        (9, 9, "1.0161"),
        (15, 15, "1.6935"),
        (15.6, 15, "1.6935"),  # never more than was held
    ],
)
def test_auto_holds_the_longest_and_captures_what_was_measured(
    acme: Organization,
    api_for: Callable[[Organization], Api],
    upstream: Upstream,
    run_queue: Callable[[], int],
    measured: float,
    billed: int,
    charged_usd: str,
) -> None:
    api = api_for(acme)
    created = api.post("/generations", {**BODY, "duration": "auto"}).json()
    assert created["price"]["held_usd"] == "1.6935"
    run_queue()
    upstream.finish(upstream.job, seconds=measured)
    call(upstream, upstream.webhook())

    run_queue()

    done = api.get(f"/generations/{created['id']}").json()
    assert done["price"]["charged_usd"] == charged_usd
    assert done["price"]["billed_seconds"] == billed

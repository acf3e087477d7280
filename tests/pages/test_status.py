"""The status page: what works, measured from what really happened, and nothing by which a customer could be told."""

from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import Organization
from generations import service_status
from generations.errors import FAILURES
from generations.models import Generation
from generations.states import State
from seedance_saas import ids
from tests.pages.conftest import text

FAST = "seedance-2.0-fast-text-to-video"


@pytest.fixture(autouse=True)
def measured_afresh() -> Iterator[None]:
    service_status.forget_cached()
    yield
    service_status.forget_cached()


def made(
    organization: Organization,
    count: int = 1,
    *,
    ago: timedelta = timedelta(minutes=10),
    failure: str = "",
    queue: float = 2,
    render: float = 40,
) -> None:
    """Generations of the past, as their rows tell it; the id tells when each was asked for."""
    at = timezone.now() - ago
    Generation.objects.bulk_create(
        _row(organization, at, failure, queue, render) for _ in range(count)
    )


def _row(
    organization: Organization, at: datetime, failure: str, queue: float, render: float
) -> Generation:
    started = at + timedelta(seconds=queue)
    return Generation(
        id=ids.first_of("gen", at) + ids.new("x")[-20:],
        organization=organization, created_at=at, model=FAST, input={}, resolution="480p",
        rate_card="c", rule="r", rate_microusd_per_second=1, cost_microusd_per_second=1,
        held_seconds=15, held_microusd=15, state=State.FAILED if failure else State.SUCCEEDED,
        state_since=at, due_at=at, started_at=started, failure_code=failure,
        finished_at=started + timedelta(seconds=render),
        billed_seconds=None if failure else 4, charged_microusd=0,
    )  # fmt: skip


def now() -> service_status.Standing:
    service_status.forget_cached()
    return next(one for one in service_status.now().standings if one.model.slug == FAST)


def test_what_was_not_asked_for_has_no_data(db: None, client: Client) -> None:
    answer = client.get("/status")

    assert answer.status_code == 200
    assert text(answer).count("no data") == 3 * 6 + 1
    assert now().word == "no data"


def test_it_opens_no_session_and_is_kept_for_a_minute(db: None, client: Client) -> None:
    answer = client.get("/status")

    assert answer.cookies == {}
    assert answer.headers["Cache-Control"] == "public, max-age=60"
    with CaptureQueriesContext(connection) as asked:
        client.get("/status")
    assert len(asked) == 0
    service_status.forget_cached()
    with CaptureQueriesContext(connection) as asked:
        client.get("/status")
    assert len(asked) == 4
    assert client.post("/status").status_code == 405


def test_a_rate_and_two_times_with_median_and_95th_percentile(
    acme: Organization, client: Client
) -> None:
    for seconds in range(1, 20):
        made(acme, queue=seconds, render=10 * seconds)
    made(acme, failure="provider_failed", queue=1, render=1)

    standing = now()

    assert standing.word == "works"
    assert standing.day is not None
    assert standing.day.percent == 95.0
    assert standing.day.rendered == pytest.approx((100.0, 181.0))
    service_status.forget_cached()
    page = text(client.get("/status"))
    assert "<strong>95.0&nbsp;%</strong> came out" in page
    assert "made in 1 min 40 s, 3 min 1 s" in page
    assert acme.name not in page


def test_what_fails_now_is_failing_though_the_day_was_good(acme: Organization) -> None:
    made(acme, 200, ago=timedelta(hours=5))
    made(acme, 4)
    made(acme, 2, failure="provider_timeout")

    standing = now()

    assert standing.word == "failing"
    assert standing.day is not None
    assert standing.day.percent > 99


def test_what_the_request_itself_was_refused_for_counts_nowhere(acme: Organization) -> None:
    made(acme, 5)
    made(acme, 50, failure="content_refused")

    standing = now()

    assert standing.word == "works"
    assert standing.day is not None
    assert standing.day.percent == 100


def test_twice_as_long_as_in_the_month_is_slow(acme: Organization) -> None:
    made(acme, 100, ago=timedelta(days=3))
    made(acme, 6, queue=60, render=45)

    assert now().word == "slow"


def test_what_waits_ten_minutes_for_a_slot_is_slow(acme: Organization) -> None:
    made(acme, 6)
    assert now().word == "works"
    long_ago = timezone.now() - timedelta(minutes=11)
    row = _row(acme, long_ago, "", 1, 1)
    row.state, row.started_at, row.finished_at, row.charged_microusd = (
        State.QUEUED,
        None,
        None,
        None,
    )
    row.save()

    assert now().word == "slow"
    Generation.objects.all().delete()


def test_sandboxes_and_fewer_than_five_are_no_data(acme: Organization, rival: Organization) -> None:
    made(acme, 4)
    made(rival, 20)
    Organization.objects.filter(pk=rival.pk).update(is_sandbox=True)

    assert now().day is None
    made(acme, 1)
    assert now().day is not None


def test_a_month_ago_is_over(acme: Organization) -> None:
    made(acme, 9, ago=timedelta(days=31))

    assert now().month is None


def test_every_failure_of_ours_is_known_and_no_other_counts() -> None:
    assert set(service_status.OURS) <= set(FAILURES)
    for code in ("content_refused", "invalid_input", "input_unavailable", "media_too_large"):
        assert code not in service_status.OURS

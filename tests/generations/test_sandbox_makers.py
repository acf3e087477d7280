"""What a sandbox asks for costs us nothing: the simulator makes it, whatever keys there are."""

from typing import Any

import pytest

from accounts.models import Organization
from billing import founding
from generations import queue_position, tasks
from generations.models import Attempt, Generation
from generations.providers import registry
from tests.generations.steps import BODY, Line, run_all
from tests.world import Api, make_user


@pytest.fixture
def sandbox(db: None) -> Organization:
    return founding.found("To try", owner=make_user(), is_sandbox=True)


@pytest.fixture
def sandbox_line(sandbox: Organization, api_for: Any, line: Line) -> Line:
    """A sandbox's generations on the same wire and by the same clock as acme's."""
    return Line(sandbox, api_for(sandbox), line.upstream, line.clock)


def makers() -> list[str]:
    return list(Attempt.objects.order_by("id").values_list("provider", flat=True))


def test_a_sandbox_never_reaches_the_provider_that_is_paid(
    sandbox_line: Line, line: Line, settings: Any
) -> None:
    settings.EACHLABS_API_KEY = "a real key"

    made = sandbox_line.running()

    assert makers() == ["simulator"]
    assert "/webhooks/simulator/" in line.upstream.job.body["webhook_url"]
    line.running()
    assert makers() == ["simulator", "eachlabs"]
    receipt = sandbox_line.api.get(f"/generations/{made.pk}/receipt").json()
    assert [one["provider"] for one in receipt["attempts"]] == ["simulator"]


def test_each_of_them_has_an_address_and_a_key_of_its_own(settings: Any) -> None:
    settings.EACHLABS_API_KEY, settings.EACHLABS_URL = "a real key", "https://api.eachlabs.ai"
    registry.get.cache_clear()
    try:
        asked = {name: registry.get(name)._client for name in registry.NAMES}  # type: ignore[attr-defined]
    finally:
        registry.get.cache_clear()

    assert str(asked["eachlabs"].base_url) == "https://api.eachlabs.ai"
    assert asked["eachlabs"].headers["X-API-Key"] == "a real key"
    assert str(asked["simulator"].base_url) == f"{settings.SIMULATOR_URL}/eachlabs/"
    assert asked["simulator"].headers["X-API-Key"] == "simulated"


def test_only_the_simulators_files_are_fetched_from_an_address_that_is_not_public(
    settings: Any,
) -> None:
    settings.EACHLABS_API_KEY = "a real key"
    assert registry.own_files_at("eachlabs") == ""
    assert registry.own_files_at("simulator") == f"{settings.SIMULATOR_URL}/cdn"

    settings.EACHLABS_API_KEY = ""
    assert registry.own_files_at("eachlabs") == f"{settings.SIMULATOR_URL}/cdn"


def test_neither_waits_for_the_slots_of_the_other(
    sandbox_line: Line, line: Line, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.EACHLABS_CONCURRENCY = 1
    monkeypatch.setattr(registry, "SIMULATOR_SLOTS", 2)
    ours = [line.create() for _ in range(2)]
    theirs = [sandbox_line.create() for _ in range(3)]

    tasks.dispatch_queued()

    assert [line.now(one).state for one in ours] == ["submitting", "queued"]
    assert [line.now(one).state for one in theirs] == ["submitting", "submitting", "queued"]


def test_neither_counts_in_the_queue_of_the_other(sandbox_line: Line, line: Line) -> None:
    line.create()
    line.create()
    waiting = sandbox_line.create()

    place = queue_position.of(waiting)

    assert place is not None
    assert place.position == 1
    shown = queue_position.of_all([waiting])[waiting.pk].place
    assert shown == place


def test_a_sandbox_video_is_made_and_charged_like_any_other(sandbox_line: Line) -> None:
    generation = sandbox_line.running(**BODY)
    sandbox_line.upstream.finish(sandbox_line.upstream.job, seconds=4)
    sandbox_line.reconcile()
    run_all()

    made = Generation.objects.get(pk=generation.pk)
    assert made.state == "succeeded"
    assert made.charged_microusd == 451_600


def test_what_asks_by_a_name_of_nobody_finds_nothing(api: Api) -> None:
    answer = api.client.post("/webhooks/nobody/secret", b"{}", content_type="application/json")
    assert answer.status_code == 404

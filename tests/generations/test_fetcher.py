"""Files are fetched fairly, once, and never at the cost of others, whoever is slow and whoever dies."""

import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest
from django.utils import timezone

from accounts.models import Organization
from generations import fetcher, inputs, lifecycle, limits, probing, sweeps
from generations.models import Generation, StoredFile
from tests.deaths import each_death
from tests.generations.files import picture
from tests.generations.steps import BODY, IMAGE, Line
from tests.kernel.programs import manage, on_test_database
from tests.race import race
from tests.stripe_account import StripeAccount
from tests.upstream import JPEG, served
from tests.world import Api

SLOW, KITE = "https://slow.example/a.jpg", "https://rival.example/kite.jpg"


@pytest.fixture
def hanging(line: Line) -> Iterator[threading.Event]:
    """What asks SLOW waits until the event is set."""
    answered = threading.Event()

    def hang(request: httpx.Request) -> httpx.Response:
        answered.wait(30)
        return served(JPEG)

    line.upstream.files[SLOW] = hang
    yield answered
    answered.set()


def ask(api: Api, url: str) -> Generation:
    made = api.post("/generations", {**BODY, "model": IMAGE, "image_url": url}).json()
    return Generation.objects.get(pk=made["id"])


def is_due(generation: Generation) -> bool:
    now = timezone.now()
    return Generation.objects.filter(pk=generation.pk, state="preparing", due_at__lte=now).exists()


def test_an_address_that_hangs_holds_up_nobody_else(
    line: Line, rival: Organization, api_for: Callable[[Organization], Api], hanging: object
) -> None:
    slow = [ask(line.api, SLOW) for _ in range(fetcher.IN_ORGANIZATION_MAX + 2)]
    line.upstream.files[KITE] = JPEG
    quick = ask(api_for(rival), KITE)
    quick_is_prepared = Generation.objects.filter(pk=quick.pk, state="queued").exists

    assert fetcher.run(must_stop=quick_is_prepared) == 1

    assert quick_is_prepared()
    assert {line.now(one).state for one in slow} == {"preparing"}
    assert line.upstream.fetches.count(SLOW) == fetcher.IN_ORGANIZATION_MAX


def test_who_stops_gives_back_what_is_under_way_and_waits_for_nobody(
    line: Line, hanging: threading.Event
) -> None:
    generation = ask(line.api, SLOW)

    def is_fetching() -> bool:
        return bool(line.upstream.fetches) and not is_due(generation)

    assert fetcher.run(must_stop=is_fetching) == 0

    assert is_due(generation)
    hanging.set()
    assert fetcher.run() == 1
    line.held(generation, "queued")


def test_one_organization_has_so_many_places_and_the_others_theirs(
    line: Line, rival: Organization, api_for: Callable[[Organization], Api]
) -> None:
    ours = [ask(line.api, KITE).pk for _ in range(5)]
    theirs = [ask(api_for(rival), KITE).pk for _ in range(2)]

    assert {one.pk for one in fetcher.claim(4)} == {*ours[:2], *theirs}
    assert [one.pk for one in fetcher.claim(4)] == [ours[2]]
    assert fetcher.claim(4) == []
    assert fetcher.claim(0) == []
    line.clock.shift(fetcher.LEASE + timedelta(seconds=1))
    assert {one.pk for one in fetcher.claim(24)} == {*ours[3:], *theirs, *ours[:1]}


def test_a_person_need_not_wait_for_the_lease(line: Line) -> None:
    generation = ask(line.api, KITE)
    assert fetcher.claim(1) == [generation]
    assert not is_due(generation)

    sweeps.look_now(generation)

    assert fetcher.claim(1) == [generation]


def test_of_two_who_fetch_the_same_the_first_is_kept(line: Line, tmp_path: Path) -> None:
    """The lease of one had run out, and the stranger sent the other something else."""
    generation = ask(line.api, KITE)
    both = [line.now(generation), line.now(generation)]
    fetched: list[list[inputs.Fetched]] = []
    for content in (JPEG, picture("PNG")):
        line.upstream.files[KITE] = content
        folder = tmp_path / str(len(fetched))
        folder.mkdir()
        fetched.append(inputs.fetch(inputs.missing(generation), folder))

    for one, files in zip(both, fetched, strict=True):
        lifecycle.prepare(one, partial(list, files))

    assert StoredFile.objects.get(input_files__generation=generation).content_type == "image/jpeg"
    assert [move.to_state for move in generation.moves.all()] == ["queued"]


def test_what_breaks_for_a_fault_of_ours_holds_up_no_other(
    line: Line, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    line.upstream.files[KITE] = JPEG
    broken, good = ask(line.api, KITE), ask(line.api, KITE)
    prepare = lifecycle.prepare

    def trip(generation: Generation, fetched: Callable[[], list[inputs.Fetched]]) -> None:
        if generation.pk == broken.pk:
            raise RuntimeError("a fault of ours")
        prepare(generation, fetched)

    with monkeypatch.context() as patch:
        patch.setattr(lifecycle, "prepare", trip)
        assert fetcher.run() == 2

    assert (line.now(broken).state, line.now(good).state) == ("preparing", "queued")
    assert f"generation.not_prepared id={broken.pk}" in caplog.text
    line.clock.shift(fetcher.LEASE + timedelta(seconds=1))
    assert fetcher.run() == 1
    assert line.now(broken).state == "queued"


@pytest.mark.django_db(transaction=True)
def test_fetchers_beside_each_other_take_each_once(
    line: Line, rival: Organization, api_for: Callable[[Organization], Api]
) -> None:
    for api in (line.api, api_for(rival)):
        for _ in range(5):
            ask(api, KITE)

    outcomes = race([partial(fetcher.claim, 24) for _ in range(4)])

    ids = [one.pk for claimed in outcomes if isinstance(claimed, list) for one in claimed]
    assert len(ids) == len(set(ids)) == 2 * fetcher.IN_ORGANIZATION_MAX


@pytest.mark.thorough
@pytest.mark.django_db(transaction=True)
def test_whoever_dies_at_any_line_every_file_is_kept_and_every_generation_goes_on(
    line: Line, stripe_account: StripeAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    measured = limits.Measured("image/jpeg", len(JPEG), 640, 640)
    monkeypatch.setattr(probing, "probe", lambda path, kind, *, clean: measured)
    line.upstream.files[KITE] = JPEG
    deaths = 0
    for killer in each_death(stripe_account):
        generation = ask(line.api, KITE)
        with killer:
            fetcher.run()
        line.clock.shift(fetcher.LEASE + timedelta(seconds=1))
        fetcher.run()
        deaths += killer.has_killed
        assert line.now(generation).state == "queued"
        assert StoredFile.objects.get(input_files__generation=generation).state == "ready"
        assert [move.to_state for move in generation.moves.all()] == ["queued"]

    assert deaths > 15


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(sys.platform != "linux", reason="ends with os._exit")
def test_the_process_stops_in_time_while_an_address_hangs(
    line: Line, tmp_path: Path, settings: Any
) -> None:
    generation = ask(line.api, KITE)
    log = tmp_path / "fetcher.log"
    with socket.create_server(("127.0.0.1", 0)) as silent:
        silent.settimeout(30)
        environment = {
            "DATABASE_URL": on_test_database()["DATABASE_URL"],
            "SECRET_KEY": settings.SECRET_KEY,
            "DATA_DIR": str(tmp_path / "data"),
            "SIMULATOR_URL": f"http://127.0.0.1:{silent.getsockname()[1]}",
        }
        with manage("fetcher", environment=environment, log=log) as program:
            stays_open, _ = silent.accept()
            assert not is_due(generation)
            began = time.monotonic()
            program.send_signal(signal.SIGTERM)
            assert program.wait(10) == 0, log.read_text()
            assert time.monotonic() - began < 4
            stays_open.close()

    assert is_due(generation)

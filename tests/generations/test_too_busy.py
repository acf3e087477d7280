"""A machine that has no time to read a file makes no file a bad one: nothing is refused for good, and nothing lost."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest

from generations import fetcher, probing
from generations.models import StoredFile, Upload
from tests.generations.files import picture
from tests.generations.kept import Kept
from tests.generations.steps import IMAGE, Line, refused, run_all
from tests.generations.test_direct_uploads import on_a_bucket, path, put
from tests.generations.test_uploads import objects, send
from tests.upstream import clip
from tests.world import Api

URL = "https://cdn-us.eachlabs.ai/job-1.mp4"


@contextmanager
def busy(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    def wait(words: list[str], *, timeout: float, **how: Any) -> None:
        raise subprocess.TimeoutExpired(words, timeout)

    with monkeypatch.context() as for_now:
        for_now.setattr(probing.subprocess, "run", wait)  # type: ignore[attr-defined]
        yield


def test_an_upload_may_be_sent_again(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    with busy(monkeypatch):
        error = refused(send(api, picture()), 503, "too_busy", None)

    assert error["retryable"] is True
    assert objects() == []
    assert not Upload.objects.exists()
    assert send(api, picture()).status_code == 201


@on_a_bucket
def test_a_direct_upload_may_be_completed_again(
    api: Api, storage: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    announced = api.post("/uploads/direct", {"bytes": len(picture())}).json()
    put(announced, picture())
    with busy(monkeypatch):
        refused(api.post(path(announced)), 503, "too_busy", None)
    assert StoredFile.objects.get().bytes == len(picture())

    assert api.post(path(announced)).status_code == 201
    assert storage.names() == [Upload.objects.get().stored.name]


def test_a_file_by_url_is_read_again_when_the_lease_is_over(
    line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    line.upstream.files["https://acme.example/kite.jpg"] = picture()
    with busy(monkeypatch):
        generation = line.create(model=IMAGE, image_url="https://acme.example/kite.jpg")
        run_all()
    line.held(generation, "preparing")

    line.clock.shift(fetcher.LEASE)
    line.sweep()

    assert line.now(generation).state == "running"


def test_a_video_that_the_provider_has_made_is_not_given_up(
    line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    generation = line.running()
    line.upstream.finish(line.upstream.job)
    line.upstream.files[URL] = clip(4)
    line.reconcile()
    with busy(monkeypatch):
        run_all()
    line.held(generation, "collecting")

    line.clock.shift(timedelta(seconds=6))
    line.sweep()

    line.charged(line.now(generation), 451_600)

"""Erasing does not depend on what comes late, or on a storage that is away for a while."""

from datetime import timedelta
from typing import Any

import pytest
from django.core.files.storage import default_storage
from django.utils import timezone

from generations import erasing, stored_files
from generations.models import Attempt, ProviderEvent, StoredFile
from tests.generations.steps import Line, run_all
from tests.generations.test_outputs import ended
from tests.generations.test_uploads import objects
from tests.upstream import clip


def test_a_webhook_that_comes_after_it_leaves_nothing_behind(line: Line) -> None:
    generation = ended(line, clip(4))
    erasing.erase(generation)

    answer = line.webhook()
    assert ProviderEvent.objects.count() == 1
    run_all()

    assert answer.status_code == 200
    assert not ProviderEvent.objects.exists()
    assert Attempt.objects.get().output_url == ""
    line.charged(generation, 451_600)


def test_an_orphan_that_comes_after_it_keeps_its_cost_and_no_address(line: Line) -> None:
    generation = line.running()
    line.upstream.fail(line.upstream.job, "INVALID", "Refused by the content policy.")
    line.reconcile()
    run_all()
    erasing.erase(line.now(generation))
    line.upstream.finish(line.upstream.job)

    line.webhook()
    run_all()

    attempt = Attempt.objects.get()
    assert (attempt.state, attempt.cost_microusd, attempt.output_url) == ("orphan", 451_600, "")
    assert not ProviderEvent.objects.exists()


def test_a_storage_that_is_away_lets_it_be_erased_and_the_sweep_follows(
    line: Line, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    generation = ended(line, clip(4))
    away = generation.poster_file
    delete = default_storage.delete

    def refuse(name: str) -> Any:
        if name == away:
            raise OSError("the bucket is away")
        return delete(name)

    with monkeypatch.context() as broken:
        broken.setattr(default_storage, "delete", refuse)
        response = line.api.client.delete(
            f"/api/v1/generations/{generation.id}", headers=line.api.headers
        )

    assert response.status_code == 204
    assert objects() == [away]
    assert line.now(generation).poster_file == ""
    assert "file.not_deleted" in caplog.text

    StoredFile.objects.update(created_at=timezone.now() - timedelta(hours=3))
    stored_files.sweep()

    assert objects() == []
    assert not StoredFile.objects.exists()

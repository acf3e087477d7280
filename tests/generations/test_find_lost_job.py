"""A job whose answer was lost is found at the provider by what its documents promise to show."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone

from generations import catalog
from generations.providers.base import JobRequest, ProviderOutcomeUnknown, ProviderUnavailable
from generations.providers.eachlabs import EachLabs
from seedance_saas.simulators.config import SimulatorConfig
from seedance_saas.simulators.thread import SimulatorThread


@pytest.fixture(params=[False, True], ids=["generous list", "documented list"])
def provider(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[EachLabs]:
    config = SimulatorConfig(tmp_path, documented_executions=request.param)
    with SimulatorThread(config) as simulator:
        provider = EachLabs(f"{simulator.url}/eachlabs", "key")
        yield provider
        provider.close()


def job(prompt: str) -> JobRequest:
    model = catalog.find("seedance-2.0-fast-text-to-video")
    assert model
    return JobRequest(
        model=model,
        prompt=prompt,
        resolution="480p",
        duration_seconds=4,
        aspect_ratio="16:9",
        generate_audio=True,
        seed=None,
    )


def test_the_job_is_told_from_others_by_its_input(provider: EachLabs) -> None:
    sent_at = timezone.now()
    provider.submit(job("another kite"))
    with pytest.raises(ProviderOutcomeUnknown):
        provider.submit(job("a kite simulate: drop"))

    found = provider.find(job("a kite simulate: drop"), sent_at=sent_at)

    assert len(found) == 1
    assert provider.find(job("a third kite"), sent_at=sent_at) == []


def test_a_job_of_long_before_is_not_it(provider: EachLabs) -> None:
    provider.submit(job("a kite"))

    assert provider.find(job("a kite"), sent_at=timezone.now() + timedelta(minutes=5)) == []


def test_a_provider_that_cannot_be_asked_proves_nothing() -> None:
    nobody = EachLabs("http://127.0.0.1:1", "key")

    with pytest.raises(ProviderUnavailable):
        nobody.find(job("a kite"), sent_at=timezone.now())

    nobody.close()

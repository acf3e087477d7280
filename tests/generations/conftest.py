"""What the tests of this room share: a storage of their own, a clock, and the line in single steps."""

import secrets
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import time_machine
from django.core.files.storage import default_storage

from accounts.models import Organization
from generations import offers, rate_cards
from seedance_saas import scratch
from tests.generations.kept import Kept
from tests.generations.steps import Line
from tests.upstream import Upstream
from tests.world import *  # noqa: F403
from tests.world import Api

BUCKET = {
    "region_name": "us-east-1",
    "access_key": "any",
    "secret_key": "any",
    "signature_version": "s3v4",
    "file_overwrite": True,
    "default_acl": None,
}


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A module that says ON_EVERY_STORAGE runs on a folder and, where time allows, on a bucket."""
    if getattr(metafunc.module, "ON_EVERY_STORAGE", False):
        bucket = pytest.param("bucket", marks=pytest.mark.thorough)
        metafunc.parametrize("storage", ["folder", bucket], indirect=True)


@pytest.fixture(scope="session")
def s3() -> Iterator[str]:
    """A server on loopback that speaks S3."""
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer("127.0.0.1", port=0, verbose=False)
    server.start()
    yield "http://{}:{}".format(*server.get_host_and_port())
    server.stop()


@pytest.fixture(autouse=True)
def storage(request: pytest.FixtureRequest, settings: Any, tmp_path: Path) -> Kept:
    """Where the files of this test are kept. What is left of work on them lies in a folder of its own, too."""
    settings.SCRATCH_DIR = tmp_path / "scratch"
    settings.FILE_UPLOAD_TEMP_DIR = str(scratch.root())
    if getattr(request, "param", "folder") == "folder":
        backend = "seedance_saas.storage.local.LocalStorage"
        options: dict[str, Any] = {"location": str(tmp_path / "media")}
        (tmp_path / "media").mkdir()
    else:
        backend = "seedance_saas.storage.s3.BucketStorage"
        options = {
            **BUCKET,
            "bucket_name": f"bucket-{secrets.token_hex(8)}",
            "endpoint_url": request.getfixturevalue("s3"),
        }
    settings.STORAGES = {
        **settings.STORAGES,
        "default": {"BACKEND": backend, "OPTIONS": options},
    }
    if "bucket_name" in options:
        default_storage.connection.create_bucket(Bucket=options["bucket_name"])  # type: ignore[attr-defined]
    return Kept()


@pytest.fixture(autouse=True)
def prices_of_this_test() -> Iterator[None]:
    """What other tests published is rolled back; a process remembers it for half a minute."""
    rate_cards.forget_cached()
    offers.forget_cached()
    yield
    rate_cards.forget_cached()
    offers.forget_cached()


@pytest.fixture
def clock() -> Iterator[time_machine.Traveller]:
    """Goes on by itself; `clock.shift(seconds)` moves it."""
    with time_machine.travel(datetime.now(UTC)) as clock:
        yield clock


@pytest.fixture
def api(acme: Organization, api_for: Any) -> Api:
    """Acme's program."""
    return api_for(acme)  # type: ignore[no-any-return]


@pytest.fixture
def line(acme: Organization, api: Api, upstream: Upstream, clock: time_machine.Traveller) -> Line:
    """Acme's generations on their way, in steps as small as the test needs."""
    return Line(acme, api, upstream, clock)

"""What the tests of this room share: a storage of their own, a clock, and the line in single steps."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import time_machine

from accounts.models import Organization
from generations import rate_cards
from tests.generations.steps import Line
from tests.upstream import Upstream
from tests.world import *  # noqa: F403
from tests.world import Api


@pytest.fixture(autouse=True)
def storage(settings: Any, tmp_path: Path) -> Path:
    """The folder in which the files of this test are kept."""
    default = {**settings.STORAGES["default"], "OPTIONS": {"location": str(tmp_path)}}
    settings.STORAGES = {**settings.STORAGES, "default": default}
    return tmp_path


@pytest.fixture(autouse=True)
def prices_of_this_test() -> Iterator[None]:
    """What other tests published is rolled back; a process remembers it for half a minute."""
    rate_cards.forget_cached()
    yield
    rate_cards.forget_cached()


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

"""Every page that `tests/who_may.txt` knows, in a real browser at 1280 and 390 pixels, light and dark: nothing for axe
to find, nothing on the console or from another host, nothing too heavy, nothing that sticks out or is cut off.

What was seen is kept in `.data/screens`; `make screens` runs just this. ONLY=/billing looks at what begins so.
"""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.test import Client
from playwright.sync_api import Browser

from accounts.models import User
from tests import who_may
from tests.browser.eyes import LOOKS, TWO_LOOKS, Eyes, name_of
from tests.everything import World, everything, picturesque, sign_in
from tests.upstream import Upstream

SCREENS = Path(django_settings.BASE_DIR) / ".data" / "screens"
ONLY = os.environ.get("ONLY", "/")
READERS = ("anybody", "developer", "owner", "staff")
# States of a page that another object or another wish brings about.
ALSO = (
    "/keys/{personal_key}",
    "/generations/{failed}",
    "/generations/{running}",
    "/generations/{queued}",
    "/create?from={generation}",
    "/create?model=seedance-2.0-reference-to-video",
    "/gallery?state=failed",
    "/budgets/edit?scope=end_user&id={end_user}",
    "/billing?kind=capture",
)


@pytest.fixture
def world(
    chromium: Browser,
    upstream: Upstream,
    transactional_db: None,
    run_queue: Callable[[], int],
    settings: Any,
    tmp_path: Path,
) -> World:
    settings.STORAGES = {
        **settings.STORAGES,
        "default": {
            "BACKEND": "seedance_saas.storage.local.LocalStorage",
            "OPTIONS": {"location": str(tmp_path)},
        },
    }
    return everything(upstream, run_queue, film_of=picturesque)


@pytest.fixture
def eyes_of(
    chromium: Browser, live_server: Any, settings: Any
) -> Iterator[Callable[[User | None], Eyes]]:
    settings.PUBLIC_URL = live_server.url
    made: list[Eyes] = []

    def make(user: User | None) -> Eyes:
        context = chromium.new_context()
        if user:
            cookie = sign_in(Client(), user).cookies["sessionid"].value
            context.add_cookies([{"name": "sessionid", "value": cookie, "url": live_server.url}])
        made.append(Eyes(context, live_server.url, SCREENS))
        return made[-1]

    yield make
    for eyes in made:
        eyes.context.close()


@pytest.mark.parametrize("reader", READERS)
def test_every_page_is_well_in_every_look(
    world: World, eyes_of: Callable[[User | None], Eyes], reader: str
) -> None:
    eyes = eyes_of(world.people.get(reader))
    for line in _chosen():
        assert line.reader in READERS
        if line.reader == reader:
            status = 401 if line.address.endswith("/login/error/") else 200
            eyes.look(line.path(world.names), name_of(line.address), status=status)
    for address in ALSO if reader == "owner" else ():
        if address.startswith(ONLY):
            eyes.look(address.format_map(world.names), name_of(address))
    assert not eyes.complaints, "\n".join(eyes.complaints)


def test_every_page_is_well_where_there_is_nothing_yet(
    world: World, eyes_of: Callable[[User | None], Eyes]
) -> None:
    eyes = eyes_of(world.people["newcomer"])
    of_a_factor = ("/deactivate/", "/recovery-codes/")  # which a newcomer has not
    for line in _chosen():
        is_theirs = line.reader == "owner" and not line.is_about_acme
        if is_theirs and not line.address.endswith(of_a_factor):
            eyes.look(line.path(world.names), f"empty-{name_of(line.address)}", TWO_LOOKS)
    assert not eyes.complaints, "\n".join(eyes.complaints)


def test_what_is_not_there_is_well_in_every_look(
    world: World, eyes_of: Callable[[User | None], Eyes]
) -> None:
    eyes = eyes_of(world.people["owner"])
    eyes.look("/nothing", "nothing", LOOKS, status=404)
    assert not eyes.complaints, "\n".join(eyes.complaints)


def _chosen() -> list[who_may.Line]:
    """Every page; not what is handed out as a file, nor what is asked for by a page of its own, nor old addresses
    that only lead elsewhere, nor the operator's records, a hundred of one kind: `test_operator_console.py` looks at
    one of each sort."""
    parts = ("/live", "/media/", "/healthz", "/readyz", "/operator/records/", "/accounts/social/")
    lines = {line.address: line for line in who_may.pages()}  # each once
    return [
        line
        for line in lines.values()
        if line.address.startswith(ONLY)
        and not line.address.endswith((".csv", "/live", "/download/"))
        and not line.address.startswith(parts)
    ]

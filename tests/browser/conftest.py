"""A person at a real browser, our pages on a real server, Stripe's pages from the simulator beside it, its real
webhooks, and a worker that runs the queue.

Chromium comes from this machine; nothing is downloaded. Without one these tests are skipped, loudly.
"""

import shutil
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from functools import partial
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.utils.module_loading import import_string
from django_q.models import OrmQ
from django_q.signing import SignedPackage
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from accounts import mails
from accounts.models import Organization, User
from seedance_saas.simulators.config import SimulatorConfig
from seedance_saas.simulators.thread import SimulatorThread
from tests.browser.eyes import TWO_LOOKS, Eyes
from tests.browser.shop import SECRET, Shop

CHROMIUM = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)
Look = Callable[..., None]  # Eyes.look
SECONDS = 20  # until something has certainly happened
NO_CHROMIUM = (
    "NO CHROMIUM ON THIS MACHINE: nothing was bought in a browser. apt-get install chromium"
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "/tests/browser/" in str(item.path):
            item.add_marker(pytest.mark.thorough)


@pytest.fixture(scope="session")
def chromium(django_db_setup: None) -> Iterator[Browser]:
    if CHROMIUM is None:
        with warnings.catch_warnings():
            warnings.simplefilter("default")
            warnings.warn(NO_CHROMIUM, stacklevel=1)
        pytest.skip(NO_CHROMIUM)
    with pytest.MonkeyPatch.context() as patch:
        # Playwright keeps a loop in this thread, so Django would refuse to touch the database from it.
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")
        expect.set_options(timeout=SECONDS * 1000)
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(
                executable_path=CHROMIUM, args=["--no-sandbox", "--disable-dev-shm-usage"]
            )
            yield browser
            browser.close()
            # Beside a loop Django has a connection of its own: the database is dropped after this.
            connection.close()


@pytest.fixture(scope="session")
def running_stripe(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimulatorThread]:
    config = SimulatorConfig(
        tmp_path_factory.mktemp("stripe"),
        stripe_webhook_secret=SECRET,
        stripe_webhook_retry_seconds=0.2,
        stripe_async_seconds=3600,
    )
    with SimulatorThread(config) as simulator:
        yield simulator


class Worker(threading.Thread):
    """Runs what is queued, as it comes, until it is told to stop. A task that fails is kept for the test."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.is_over = threading.Event()
        self.may_work = threading.Event()
        self.may_work.set()
        self.errors: list[Exception] = []

    def run(self) -> None:
        while not self.is_over.is_set():
            row = OrmQ.objects.order_by("id").first() if self.may_work.is_set() else None
            if row is None:
                mails.run()
                time.sleep(0.02)
                continue
            task = SignedPackage.loads(row.payload)
            OrmQ.objects.filter(pk=row.pk).delete()
            try:
                import_string(task["func"])(*task["args"])
            except Exception as error:  # noqa: BLE001 (whatever it was, the test shows it)
                self.errors.append(error)
        connection.close()


@pytest.fixture
def shop(
    chromium: Browser,
    running_stripe: SimulatorThread,
    transactional_db: None,
    live_server: Any,
    settings: Any,
) -> Iterator[Shop]:
    running_stripe.reset()
    settings.PUBLIC_URL = settings.WEBHOOK_URL = live_server.url
    settings.STRIPE_URL = f"{running_stripe.url}/stripe"
    settings.STRIPE_SECRET_KEY = "sk_test_browser"
    settings.STRIPE_WEBHOOK_SECRETS = [SECRET]
    policy = settings.CONTENT_SECURITY_POLICY["DIRECTIVES"]
    settings.CONTENT_SECURITY_POLICY = {
        "DIRECTIVES": {**policy, "form-action": ["'self'", settings.STRIPE_URL]}
    }
    call_command("stripe_setup", stdout=StringIO())
    worker = Worker()
    worker.start()
    yield Shop(live_server.url, f"{running_stripe.url}/stripe", worker.may_work)
    worker.is_over.set()
    worker.join()
    assert worker.errors == []


@pytest.fixture
def person(
    chromium: Browser,
    shop: Shop,
    acme: Organization,
    member_of: Callable[..., User],
    page_for: Callable[[User], Client],
) -> Iterator[BrowserContext]:
    """A member of acme, signed in; a page of theirs that complains in its console fails the test."""
    cookie = page_for(member_of(acme)).cookies["sessionid"].value
    context = chromium.new_context(viewport={"width": 1280, "height": 900})
    context.add_cookies([{"name": "sessionid", "value": cookie, "url": shop.url}])
    context.set_default_timeout(SECONDS * 1000)
    complaints: list[str] = []
    context.on("weberror", lambda error: complaints.append(str(error.error)))
    context.on("console", lambda message: _note(message, complaints))
    context.on("response", lambda answer: _note_missing(answer, shop.url, complaints))
    yield context
    context.close()
    assert complaints == []


def _note(message: Any, complaints: list[str]) -> None:
    """What a refusal answers, such as a 409, is noted by the browser as well; it is what the test is about."""
    if message.type in ("error", "warning") and "Failed to load resource" not in message.text:
        complaints.append(message.text)


def _note_missing(answer: Any, url: str, complaints: list[str]) -> None:
    if (answer.status >= 400 and "/static/" in answer.url) or answer.status >= 500:
        complaints.append(f"{answer.status} {answer.url.removeprefix(url)}")


@pytest.fixture
def page(person: BrowserContext) -> Page:
    return person.new_page()


@pytest.fixture
def look(person: BrowserContext, shop: Shop, settings: Any) -> Iterator[Look]:
    yield from looks_of(person, shop.url, settings)


def looks_of(context: BrowserContext, url: str, settings: Any) -> Iterator[Look]:
    """How somebody looks at a state of a page, see `Eyes.look`. What is wrong with one fails the test at its end."""
    eyes = Eyes(context, url, Path(settings.DATA_DIR) / "screens")
    yield partial(eyes.look, looks=TWO_LOOKS)
    assert not eyes.complaints, "\n".join(eyes.complaints)

"""The operator's pages in a real browser: at two sizes and in two themes nothing sticks out, the console is quiet,
no other host is asked, and axe finds nothing.

What they looked like is kept in `.data/test/screens`.
"""

import itertools
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import axe_playwright_python
import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from playwright.sync_api import Browser, BrowserContext

from accounts import api_keys, organizations
from accounts.models import Organization, User
from generations import service_status
from generations.models import Attempt, Generation, RateCard
from tests.browser.eyes import CROWDED, SIZES, STICKING_OUT
from tests.pages.conftest import ann, queued, signed_in  # noqa: F401 (ann and queued are fixtures)
from tests.pages.test_status import made

AXE = (Path(axe_playwright_python.__file__).parent / "axe.min.js").read_text()
ASK_AXE = """async () => (await axe.run()).violations.map(
  (found) => `${found.id}: ${found.nodes.map((node) => node.html.slice(0, 200)).join(" | ")}`
)"""


@pytest.fixture
def desk(
    chromium: Browser,
    transactional_db: None,
    live_server: Any,
    settings: Any,
    ann: User,  # noqa: F811
    page_for: Callable[[User], Client],
) -> Iterator[BrowserContext]:
    """Ann at her desk, signed in; a page that complains fails the test, and so does one that asks another host."""
    settings.PUBLIC_URL = live_server.url
    client = page_for(ann)
    signed_in(client, ann, at=time.time())
    context = chromium.new_context(base_url=live_server.url)
    cookie = client.cookies["sessionid"].value
    context.add_cookies([{"name": "sessionid", "value": cookie, "url": live_server.url}])
    complaints: list[str] = []
    context.on("weberror", lambda error: complaints.append(str(error.error)))
    context.on(
        "console",
        lambda said: complaints.append(said.text) if said.type in ("error", "warning") else None,
    )
    context.on(
        "request",
        lambda asked: (
            None
            if asked.url.startswith((live_server.url, "data:"))
            else complaints.append(asked.url)
        ),
    )
    yield context
    context.close()
    assert complaints == []


@pytest.fixture
def look(desk: BrowserContext, live_server: Any, settings: Any) -> Callable[..., None]:
    folder = Path(settings.DATA_DIR) / "screens"
    folder.mkdir(parents=True, exist_ok=True)
    page = desk.new_page()

    def at(path: str, name: str, *, ours: bool = True) -> None:
        """`ours`: a page in our own frame; unfold's scrolls wide tables in ways of its own."""
        for (size, (width, height)), theme in itertools.product(SIZES.items(), ("light", "dark")):
            page.set_viewport_size({"width": width, "height": height})
            page.emulate_media(color_scheme=theme)  # type: ignore[arg-type]
            desk.add_cookies([{"name": "theme", "value": theme, "url": live_server.url}])
            page.goto(path, wait_until="networkidle")
            page.screenshot(path=folder / f"console-{name}-{size}-{theme}.png", full_page=True)
            if ours:
                assert page.evaluate(STICKING_OUT) == [], (name, size, theme)
                assert page.evaluate(CROWDED) == [], (name, size, theme)
            page.evaluate(AXE)
            assert page.evaluate(ASK_AXE) == [], (name, size, theme)

    return at


def test_the_operators_own_pages(
    acme: Organization,
    queued: Callable[..., Generation],  # noqa: F811
    look: Callable[..., None],
) -> None:
    key, _ = api_keys.issue(acme, "Backend")
    stuck = queued(acme)
    long_ago = timezone.now() - timedelta(hours=1)
    Generation.objects.filter(pk=stuck.pk).update(state_since=long_ago)
    made(acme, 6)
    for done in Generation.objects.filter(state="succeeded"):
        Attempt.objects.create(
            generation=done, number=1, provider="eachlabs", state="succeeded", cost_microusd=400_000
        )
    service_status.forget_cached()
    look("/operator", "today")
    look("/operator/money", "money")
    look(f"/operator/organizations/{acme.pk}", "organization")
    look(f"/operator/organizations/{acme.pk}/give", "give")
    look(f"/operator/organizations/{acme.pk}/suspend", "suspend")
    look(f"/operator/organizations/{acme.pk}/look", "look")
    look(f"/operator/keys/{key.pk}/revoke", "key")
    look(f"/operator/generations/{stuck.pk}", "generation")
    look(f"/operator/generations/{stuck.pk}/unstick", "unstick")
    look("/operator/rates", "rates")
    look("/operator/rates/margin", "margin")
    look(f"/operator/rates/{RateCard.objects.get(is_list=True).pk}", "rate-card")
    look("/status", "status")


def test_the_records(acme: Organization, look: Callable[..., None]) -> None:
    look(reverse("admin:index"), "records", ours=False)
    look(reverse("admin:billing_transfer_changelist"), "transfers", ours=False)
    change = reverse("admin:accounts_organization_change", args=[acme.pk])
    look(change, "organization-record", ours=False)


def test_looking_at_an_organization(
    acme: Organization,
    ann: User,  # noqa: F811
    desk: BrowserContext,
    look: Callable[..., None],
) -> None:
    """Begun and ended by hand; the banner is on every page between."""
    organizations.create("Ann's own", owner=ann)
    page = desk.new_page()
    page.goto(f"/operator/organizations/{acme.pk}/look")
    page.get_by_label("Reason").fill("ticket 12")
    page.get_by_role("button", name="Look at Acme").click()
    page.wait_for_url("**/")
    assert page.get_by_role("complementary", name="You only look").is_visible()

    for path, name in (("/", "home"), ("/billing", "billing"), ("/create", "create")):
        look(path, f"looking-{name}")

    page.get_by_role("button", name="Stop looking").click()
    page.wait_for_url(f"**/operator/organizations/{acme.pk}")
    page.goto("/")
    assert page.get_by_role("complementary", name="You only look").count() == 0

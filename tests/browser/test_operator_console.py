"""The operator's pages with something stuck, something sold and somebody looked at, and one record of each sort, in
every look. `test_every_page.py` looks at all of them on a good day.

What they looked like is kept in `.data/test/screens`.
"""

import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from playwright.sync_api import Browser, BrowserContext, expect

from accounts import organizations
from accounts.models import Organization, User
from generations import service_status
from generations.models import Attempt, Generation
from tests.browser.conftest import Look, looks_of
from tests.pages.conftest import ann, queued, signed_in  # noqa: F401 (ann and queued are fixtures)
from tests.pages.test_status import made


@pytest.fixture
def desk(
    chromium: Browser,
    transactional_db: None,
    live_server: Any,
    settings: Any,
    ann: User,  # noqa: F811
    page_for: Callable[[User], Client],
) -> Iterator[BrowserContext]:
    """Ann at her desk, signed in."""
    settings.PUBLIC_URL = live_server.url
    client = page_for(ann)
    signed_in(client, ann, at=time.time())
    context = chromium.new_context(base_url=live_server.url)
    cookie = client.cookies["sessionid"].value
    context.add_cookies([{"name": "sessionid", "value": cookie, "url": live_server.url}])
    yield context
    context.close()


@pytest.fixture
def look(desk: BrowserContext, live_server: Any, settings: Any) -> Iterator[Look]:
    yield from looks_of(desk, live_server.url, settings)


def test_what_needs_the_operator_today_and_how_the_service_does(
    acme: Organization,
    queued: Callable[..., Generation],  # noqa: F811
    look: Look,
) -> None:
    stuck = queued(acme)
    long_ago = timezone.now() - timedelta(hours=1)
    Generation.objects.filter(pk=stuck.pk).update(state_since=long_ago)
    made(acme, 6)
    for done in Generation.objects.filter(state="succeeded"):
        Attempt.objects.create(
            generation=done, number=1, provider="eachlabs", state="succeeded", cost_microusd=400_000
        )
    service_status.forget_cached()
    look("/operator", "console-today")
    look("/operator/money", "console-money")
    look(f"/operator/generations/{stuck.pk}", "console-generation")
    look(f"/operator/generations/{stuck.pk}/unstick", "console-unstick")
    look("/status", "console-status")


def test_the_records(acme: Organization, look: Look) -> None:
    look(reverse("admin:index"), "console-records", ours=False)
    look(reverse("admin:billing_transfer_changelist"), "console-transfers", ours=False)
    change = reverse("admin:accounts_organization_change", args=[acme.pk])
    look(change, "console-organization", ours=False)


def test_looking_at_an_organization(
    acme: Organization,
    ann: User,  # noqa: F811
    desk: BrowserContext,
    look: Look,
) -> None:
    """Begun and ended by hand; the banner is on every page between."""
    organizations.create("Ann's own", owner=ann)
    page = desk.new_page()
    page.goto(f"/operator/organizations/{acme.pk}/look")
    page.get_by_label("Reason").fill("ticket 12")
    page.get_by_role("button", name="Look at Acme").click()
    page.wait_for_url("**/")
    banner = page.get_by_role("complementary", name="You only look")
    expect(banner).to_be_visible()

    for path, name in (("/", "home"), ("/billing", "billing"), ("/create", "create")):
        look(path, f"console-looking-{name}")

    page.get_by_role("button", name="Stop looking").click()
    page.wait_for_url(f"**/operator/organizations/{acme.pk}")
    page.goto("/")
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    expect(banner).to_have_count(0)

"""A developer makes an endpoint, tests it, and sees it answer, without a reload; the pages hold together."""

from typing import Any

import pytest
from playwright.sync_api import Page, expect

from accounts import courier, webhook_endpoints, webhooks
from accounts.models import Delivery, Organization, WebhookEndpoint
from generations import lifecycle, requests
from seedance_saas.simulators.thread import SimulatorThread
from tests.browser.conftest import Look
from tests.browser.shop import Shop

BODY = {
    "model": "seedance-2.0-fast-text-to-video",
    "prompt": "a red kite over a beach",
    "resolution": "480p",
    "duration": 4,
}
INBOX = "https://inbox.example.com"


@pytest.fixture
def internet(running_stripe: SimulatorThread, settings: Any) -> None:
    settings.SIMULATED_INTERNET_URL = f"{running_stripe.url}/internet"


def send_due() -> None:
    """What the clock does each second. Its threads ask nothing of the database."""
    courier.run()


@pytest.mark.usefixtures("internet")
def test_an_endpoint_is_made_tested_and_seen_to_answer(page: Page, shop: Shop) -> None:
    page.goto(f"{shop.url}/webhooks")
    page.get_by_role("link", name="New endpoint").click()
    page.get_by_label("Address").fill("http://acme.example/")
    page.get_by_role("button", name="Make the endpoint").click()
    expect(page.get_by_text("must be a public URL that begins with")).to_be_visible()
    expect(page.get_by_label("Address")).to_be_focused()
    page.get_by_label("Address").fill(f"{INBOX}/acme")
    page.get_by_label("Balance low").check()
    page.get_by_role("button", name="Make the endpoint").click()
    expect(page.locator("#secret")).to_contain_text("whsec_")
    assert WebhookEndpoint.objects.get().types == ["balance.low"]

    page.get_by_role("button", name="Send a test event").click()
    row = page.locator(".deliveries tbody tr")
    expect(row).to_contain_text("waits")
    expect(page.locator("#secret")).to_have_count(0)
    page.evaluate("window.isTheSame = true")
    send_due()
    expect(row).to_contain_text("delivered")
    expect(row).to_contain_text("200")

    page.get_by_role("link", name="webhook.test").click()
    expect(page.get_by_text('{"received":true}')).to_be_visible()
    page.get_by_role("button", name="Send again").click()
    expect(page.get_by_text("It is on its way again.")).to_be_visible()
    send_due()
    expect(page.locator(".attempt")).to_have_count(2)


@pytest.mark.usefixtures("internet")
def test_its_pages_hold_together_at_each_size_in_each_theme(acme: Organization, look: Look) -> None:
    look("/webhooks", "webhooks-empty")
    well, _ = webhook_endpoints.create(
        acme, url=f"{INBOX}/acme", description="The storefront’s backend"
    )
    webhook_endpoints.create(
        acme,
        url=f"{INBOX}/status/503",
        types=["generation.queued", "generation.failed", "balance.low"],
    )
    off, _ = webhook_endpoints.create(acme, url=f"{INBOX}/{'a-very-long-path/' * 8}gone")
    for _ in range(3):
        webhooks.publish(acme, "balance.low", {"object": "balance", "available_usd": "4.9000"})
    (generation,) = lifecycle.create_generations(acme, requests.read(BODY))
    send_due()
    webhook_endpoints.disable(off, WebhookEndpoint.Reason.FAILING)
    bad = webhook_endpoints.of(acme).get(url__endswith="503")
    failed = Delivery.objects.filter(endpoint=bad).latest("id")
    look("/webhooks", "webhooks")
    look(f"/webhook-endpoints/{well.id}", "webhook")
    look(f"/webhook-endpoints/{bad.id}", "webhook-failing")
    look(f"/webhook-endpoints/{off.id}", "webhook-off")
    look(f"/webhook-endpoints/{well.id}/edit", "webhook-edit")
    look(f"/webhook-endpoints/{off.id}/delete", "webhook-delete")
    look(f"/webhook-endpoints/{well.id}/secret", "webhook-secret")
    look(
        f"/webhook-endpoints/{well.id}/replay?include_succeeded=on&since=2026-11-20T00:00",
        "webhook-replay",
    )
    look("/webhook-deliveries", "deliveries")
    look(f"/webhook-deliveries/{failed.id}", "delivery")
    look(f"/generations/{generation.id}", "generation-webhooks")
    look("/", "home-webhooks")

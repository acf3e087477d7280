"""What a person does on our pages and on Stripe's, and what Stripe has charged."""

import re
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import httpx
from django.core import mail
from playwright.sync_api import Page, expect

from billing.models import Purchase

SECRET = "whsec_of_the_browser"


@dataclass
class Shop:
    url: str
    stripe_url: str
    worker_may_work: threading.Event

    def stripe(self, method: str, path: str, **body: Any) -> Any:
        """One question to the simulator's API, or to its own addresses."""
        with httpx.Client(trust_env=False) as client:
            answer = client.request(
                method,
                f"{self.stripe_url}{path}",
                json=body if path.startswith("/control") else None,
                headers={"Authorization": "Bearer sk_test_browser"},
            )
        assert answer.status_code == 200, answer.text
        return answer.json()

    @property
    def charges(self) -> list[int]:
        """What was charged, in cents."""
        found = self.stripe("GET", "/v1/charges?limit=100")["data"]
        return [one["amount"] for one in found if one["status"] == "succeeded"]

    def buy(self, page: Page, *, pack: str = "$50") -> Purchase:
        """From billing to Stripe's page."""
        page.goto(f"{self.url}/billing")
        page.locator(".packs label", has_text=re.compile(rf"^\s*{re.escape(pack)}\s")).click()
        pay = page.get_by_role("button", name=re.compile(r"^Pay .* with Stripe"))
        expect(pay).to_contain_text(pack)
        pay.click()
        page.wait_for_url(f"{self.stripe_url}/c/pay/**")
        return Purchase.objects.order_by("-id")[0]


def pay(page: Page, number: str) -> None:
    """Fill in Stripe's page with a card, and press its button."""
    page.locator('[name="number"]').fill(number)
    page.locator('[name="expiry"]').fill("12/34")
    page.locator('[name="cvc"]').fill("123")
    if page.locator('[name="email"]').count():
        page.locator('[name="email"]').fill("ann@acme.example")
    page.get_by_role("button", name=re.compile("^Pay")).click()


def wait_until(holds: Callable[[], bool], seconds: float = 15.0) -> None:
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.05)


def subjects() -> list[str]:
    """Of the mails that were sent, each once however many read it."""
    return sorted({str(message.subject) for message in mail.outbox})

"""People who buy on our pages, at the simulated Stripe."""

from typing import Any

from django.test import Client

from billing import purchases
from billing.models import Purchase
from tests.pages.conftest import TOKEN
from tests.stripe_account import VISA, StripeAccount


def form(**said: str) -> dict[str, str]:
    """What the panel sends: the pack of $50."""
    return {"token": TOKEN, "last_paid_id": "", "pack": "5000", "amount_usd": "", **said}


def begun(client: Client, **said: str) -> Purchase:
    """Bought up to Stripe's page."""
    answer: Any = client.post("/billing/buy", form(**said))
    assert answer.status_code == 303, answer.content
    return Purchase.objects.get(session_url=answer.url)


def paid(client: Client, account: StripeAccount, number: str = VISA, **said: str) -> Purchase:
    purchase = begun(client, **said)
    account.press(purchase.session_id, number)
    return purchases.follow(purchase)

"""A shop for pages: an organization at the simulated Stripe, people who buy, and cards that are saved."""

from collections.abc import Callable
from typing import Any

from django.test import Client

from accounts.models import Organization
from billing import auto_top_up_terms, auto_top_ups, customers, purchases
from billing.auto_top_up_terms import Terms
from billing.models import AutoTopUp, Purchase, StripeCustomer
from tests.pages.conftest import TOKEN
from tests.stripe_account import VISA, StripeAccount

TERMS = {
    "threshold_usd": "30.00",
    "charge": "amount",
    "amount_usd": "100.00",
    "target_usd": "",
    "ceiling_usd": "250.00",
}


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


def with_card(organization: Organization, account: StripeAccount, token: str) -> StripeCustomer:
    """A saved card of the simulator's, by the name below `pm_card_`."""
    customer = customers.ensure(organization)
    client = account.client
    method = client.v1.payment_methods.attach(f"pm_card_{token}", {"customer": customer.stripe_id})
    StripeCustomer.objects.filter(pk=customer.pk).update(
        payment_method_id=method.id,
        card_brand="visa",
        card_last4=method.card.last4 if method.card else "",
        card_fingerprint=(method.card.fingerprint or "") if method.card else "",
    )
    return StripeCustomer.objects.get(pk=customer.pk)


def topped_up_with(
    organization: Organization,
    account: StripeAccount,
    token: str,
    run_queue: Callable[[], int],
) -> Purchase:
    """Auto top-up of $100 below $30 tries the card now, and comes to what it comes to."""
    with_card(organization, account, token)
    actor = organization.memberships.order_by("id")[0].user
    auto_top_up_terms.set_terms(
        organization, Terms(True, 30_000_000, 100_00, None, 250_00), actor=actor
    )
    purchase = auto_top_ups.consider(organization)
    assert purchase is not None
    run_queue()
    purchase.refresh_from_db()
    return purchase


def off(organization: Organization) -> bool:
    return not AutoTopUp.objects.filter(organization=organization, is_on=True).exists()

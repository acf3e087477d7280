"""With tax, what is credited is the amount before it; nothing is sold for less; and of what goes back the same part."""

from collections.abc import Callable
from typing import Any

import pytest

from accounts.models import Organization
from billing import comparing, purchase_answers, purchases
from billing.models import Purchase, StripeEvent, Transfer
from tests.billing import bought
from tests.stripe_account import StripeAccount
from tests.world import money

Run = Callable[[], int]
HOME = {"country": "US", "postal_code": "97712", "line1": "1 Main St", "city": "Brothers"}


@pytest.fixture
def taxed(settings: Any) -> None:
    """Ten per cent, as the simulator has it."""
    settings.STRIPE_TAX = True


@pytest.fixture
def purchase(taxed: None, acme: Organization, stripe_account: StripeAccount) -> Purchase:
    """Of $50.00, for which $55.00 were paid, beside the $25.00 that acme had."""
    begun = purchases.open_checkout(bought.begin(acme, 50_00))
    stripe_account.press(begun.session_id, **HOME)
    bought.lose_webhooks(stripe_account)
    return purchases.follow(begun)


def test_tax_is_paid_beside_the_credits(purchase: Purchase, acme: Organization) -> None:
    assert (purchase.state, purchase.total_cents, purchase.tax_cents) == ("paid", 55_00, 5_00)
    assert money(acme) == (75_000_000, 0)


def test_of_a_refund_and_a_dispute_the_tax_is_no_credits(
    purchase: Purchase, acme: Organization, stripe_account: StripeAccount
) -> None:
    client = stripe_account.client.v1
    client.refunds.create({"payment_intent": purchase.intent_id, "amount": 11_00})
    bought.dispute(stripe_account, purchase, amount=22_00)

    purchase = purchases.follow(purchase)

    assert purchase.withdrawn_microusd == 30_000_000
    assert money(acme) == (45_000_000, 0)
    assert (bought.came_in("cash"), bought.came_in("disputes")) == (40_000_000, -20_000_000)
    assert comparing.compare().differences == []


def test_no_page_takes_a_code(acme: Organization, stripe_account: StripeAccount) -> None:
    begun = purchases.open_checkout(bought.begin(acme, 50_00))

    session = stripe_account.client.v1.checkout.sessions.retrieve(begun.session_id)

    assert (session.allow_promotion_codes, session.discounts) == (None, [])


def sell_for_less(account: StripeAccount, purchase: Purchase) -> None:
    """As no page of ours can: four dollars less."""
    session = account.simulator.store.get(purchase.session_id)
    assert session is not None
    (item,) = session["_line_items"]
    item |= {"amount_subtotal": 46_00, "amount_total": 46_00}
    account.simulator.store.put(session | {"amount_total": 46_00})


@pytest.mark.parametrize("with_tax", [True, False])
def test_what_was_sold_for_less_gives_nothing_and_is_shown(
    acme: Organization,
    stripe_account: StripeAccount,
    run_queue: Run,
    settings: Any,
    with_tax: bool,
) -> None:
    """Also when its tax makes up for it: $46.00 and $4.60 of tax are more than $50.00."""
    settings.STRIPE_TAX = with_tax
    begun = purchases.open_checkout(bought.begin(acme, 50_00))
    sell_for_less(stripe_account, begun)
    stripe_account.press(begun.session_id, **HOME)

    with pytest.raises(purchase_answers.WrongPayment, match="asked for 5000 cents"):
        purchases.follow(begun)
    stripe_account.deliver()
    run_queue()

    begun.refresh_from_db()
    assert begun.state != "paid"
    assert money(acme) == (25_000_000, 0)
    assert not Transfer.objects.filter(reference=begun.reference).exists()
    assert StripeEvent.objects.filter(error__startswith="WrongPayment").exists()
    (difference,) = comparing.compare().differences[:1]
    assert begun.id in difference

"""Refunds and disputes of one purchase end in the same place, in whatever order they come and whenever it was spent."""

from collections.abc import Iterator
from itertools import permutations

import pytest
from django.db import transaction

from accounts.models import Organization
from billing import balances, purchase_answers, reversals
from billing.models import Purchase
from billing.stripe_gateway.money_back import MoneyBack
from tests.billing import bought, moves
from tests.stripe_account import StripeAccount

EVENTS = ("refund", "refund fails", "second refund", "dispute", "it ends")
AFTER = (("refund", "refund fails"), ("dispute", "it ends"))  # what cannot come before what
ORDERS = [
    order
    for order in permutations(EVENTS)
    if all(order.index(first) < order.index(second) for first, second in AFTER)
]


def states(order: tuple[str, ...], end: str) -> Iterator[tuple[str, list[MoneyBack]]]:
    """Each event, and how all objects stand at Stripe then."""
    objects: dict[str, MoneyBack] = {}
    for event in order:
        name = {"refund fails": "refund", "it ends": "dispute"}.get(event, event)
        cents = {"refund": 60_00, "second refund": 50_00, "dispute": 120_00}[name]
        state = {"refund fails": "failed", "it ends": end, "dispute": "open"}.get(
            event, "succeeded"
        )
        kind = name.rpartition(" ")[2]
        objects[name] = MoneyBack(f"{kind}_{name}", kind, state, cents, "", "", "", "", 0)
        yield event, list(objects.values())


def tell(purchase: Purchase, found: list[MoneyBack]) -> None:
    with transaction.atomic():
        reversals.follow(purchase_answers.lock(purchase), found)


def spend(organization: Organization, microusd: int) -> None:
    """Unless it is in debt, and then it cannot."""
    if moves.hold_for(organization, "work:1", microusd) == "held":
        moves.settle(organization, "work:1", microusd)


def end_of(purchase: Purchase) -> tuple[int, ...]:
    """What is withdrawn, of the bonus, where it is, and what the organization has less what it owes."""
    purchase.refresh_from_db()
    balance = balances.of(purchase.organization)
    return (
        purchase.withdrawn_microusd,
        purchase.bonus_withdrawn_microusd,
        bought.came_in("cash"),
        bought.came_in("disputes"),
        balance.available_microusd - balance.debt_microusd,
    )


def play(purchase: Purchase, order: tuple[str, ...], end: str, spent_at: int) -> tuple[int, ...]:
    """The last one twice, as webhooks come. Leaves nothing behind."""
    savepoint = transaction.savepoint()
    if spent_at == 0:
        spend(purchase.organization, 24_000_000)
    for number, (_, found) in enumerate(states(order, end), start=1):
        tell(purchase, found)
        if spent_at == number:
            spend(purchase.organization, 24_000_000)
    tell(purchase, found[::-1])
    ended = end_of(purchase)
    transaction.savepoint_rollback(savepoint)
    return ended


# Of $150.00 the second refund of $50.00 is out at the end, and with a lost dispute all of it: $20.00 are our loss.
ENDS = {"won": (50_000_000, 100_000_000, 0), "lost": (150_000_000, 100_000_000, -100_000_000)}


@pytest.mark.thorough
@pytest.mark.parametrize("end", ENDS)
def test_every_order_ends_the_same_whenever_it_was_spent(
    acme: Organization, stripe_account: StripeAccount, end: str
) -> None:
    purchase = bought.paid(acme, stripe_account, 150_00)
    withdrawn, cash, disputes = ENDS[end]
    spent = 24_000_000

    assert len(ORDERS) == 30
    for number, order in enumerate(ORDERS):
        spent_at = number % 6  # before, between, after
        assert play(purchase, order, end, spent_at) == (
            withdrawn, 0, cash, disputes, 175_000_000 - withdrawn - spent,
        ), (order, spent_at)  # fmt: skip


@pytest.mark.thorough
def test_the_bonus_ends_the_same_in_every_order(
    acme: Organization, stripe_account: StripeAccount
) -> None:
    """$1.00 of it was spent, and of the rest a quarter goes with a quarter of the purchase."""
    purchase = bought.paid(acme, stripe_account, 200_00)
    moves.used(acme, "work:0", 1_000_000)

    for order in ORDERS:
        assert play(purchase, order, "won", -1) == (
            50_000_000, 1_000_000, 150_000_000, 0, 177_000_000,
        ), order  # fmt: skip

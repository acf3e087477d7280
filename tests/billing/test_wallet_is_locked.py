"""Whoever changes or decides on a tenant's money waits for whoever holds the wallet."""

from collections.abc import Callable
from threading import Event, Thread

import pytest
from django.db import OperationalError, connection, transaction

from accounts.models import Organization
from billing import auto_top_up_terms, auto_top_ups, ledger
from billing.models import AutoTopUp, Purchase
from tests.billing.moves import hold
from tests.billing.top_ups import agree, save_card
from tests.stripe_account import StripeAccount
from tests.world import deposit, money

pytestmark = pytest.mark.django_db(transaction=True)


def terms(organization: Organization) -> None:
    now = AutoTopUp.objects.get()
    auto_top_up_terms.set_terms(
        organization,
        auto_top_up_terms.of(now, is_on=False),
        actor=organization.memberships.get().user,
    )


@pytest.mark.parametrize(
    "verb",
    [
        auto_top_ups.consider,
        terms,
        lambda organization: hold(organization, "work:1", 1_000_000),
        lambda organization: deposit(organization, "1.00"),
    ],
    ids=["auto_top_ups.consider", "auto_top_up_terms.set_terms", "ledger.hold", "ledger.deposit"],
)
def test_while_another_has_it_nothing_moves(
    acme: Organization, stripe_account: StripeAccount, verb: Callable[[Organization], object]
) -> None:
    save_card(stripe_account, acme)
    agree(acme)
    is_held, may_go = Event(), Event()

    def hold_it() -> None:
        with transaction.atomic():
            ledger.lock(acme)
            is_held.set()
            may_go.wait(30)
        connection.close()

    holder = Thread(target=hold_it)
    holder.start()
    assert is_held.wait(30)
    try:
        with connection.cursor() as cursor:
            cursor.execute("SET lock_timeout = '150ms'")
        with pytest.raises(OperationalError, match="lock timeout"):
            verb(acme)
    finally:
        with connection.cursor() as cursor:
            cursor.execute("RESET lock_timeout")
        may_go.set()
        holder.join()

    assert money(acme) == (25_000_000, 0)
    assert Purchase.objects.count() == 0
    assert AutoTopUp.objects.get().is_on

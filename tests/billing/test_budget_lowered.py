"""A limit that was lowered counts from the moment at which that was answered, however many spend beside it."""

import threading
import time
from collections.abc import Callable
from functools import partial

import pytest
from django.db import transaction
from django.db.models import Sum
from django.utils import timezone

from accounts.models import Organization
from billing import budgets, ledger
from billing.models import Budget, Hold, SpendingDay
from tests.race import SECONDS_MAX, race, wait_until_somebody_waits_for_a_lock

ROUNDS = 200
PRICE = 100_000
BEFORE, FIRST, SECOND = (
    6 * PRICE,
    4 * PRICE,
    2 * PRICE,
)  # the limit, and what two admins lower it to


def admitted(acme: Organization, member: str) -> int:
    """What the member's holds that have committed came to."""
    held = SpendingDay.objects.filter(organization=acme, scope="member", subject_id=member)
    return int(held.aggregate(sum=Sum("held_microusd", default=0))["sum"])


def lower(acme: Organization, member: str, limit: int) -> tuple[int, int]:
    """The limit, and what had been admitted when it was answered."""
    budgets.set_limit(acme, "member", member, limit_microusd=limit, period="lifetime")
    return limit, admitted(acme, member)


def spend(acme: Organization, member: str, number: int) -> None:
    """Twice, each time a moment passes between the hold and its commit."""
    for part in range(2):
        with transaction.atomic():
            wanted = ledger.Wanted(f"work:{member}.{number}.{part}", PRICE, member_id=member)
            ledger.hold(acme, [wanted], now=timezone.now())
            time.sleep(0.001)


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_two_admins_lower_and_spend_two_hundred_times_and_it_is_never_overspent(
    make_organization: Callable[..., Organization],
) -> None:
    acme = make_organization(credits_usd="1000.00")
    for number in range(ROUNDS):
        member = f"mem_{number}"
        budgets.set_limit(acme, "member", member, limit_microusd=BEFORE, period="lifetime")

        one, other, *_ = race(
            [
                partial(lower, acme, member, FIRST),
                partial(lower, acme, member, SECOND),
                *(partial(spend, acme, member, who) for who in range(4)),
            ]
        )

        in_all = admitted(acme, member)
        in_force = Budget.objects.get(organization=acme, subject_id=member).limit_microusd
        assert in_force in (FIRST, SECOND)
        assert in_all % PRICE == 0
        assert in_all <= BEFORE
        for answer in (one, other):
            assert isinstance(answer, tuple), answer
            limit, at_the_answer = answer
            if limit == in_force:  # the other was first: from here on nothing else was in force
                assert in_all <= max(limit, at_the_answer), (number, answer, in_all)

    assert Hold.objects.count() * PRICE == sum(
        admitted(acme, f"mem_{number}") for number in range(ROUNDS)
    )


@pytest.mark.django_db(transaction=True)
def test_a_hold_that_read_the_old_limit_has_committed_when_a_lowering_is_answered(
    make_organization: Callable[..., Organization],
) -> None:
    acme = make_organization()
    budgets.set_limit(acme, "member", "mem_1", limit_microusd=PRICE, period="lifetime")

    is_held = threading.Event()

    def hold_and_wait() -> None:
        with transaction.atomic():
            wanted = ledger.Wanted("work:1", PRICE, member_id="mem_1")
            ledger.hold(acme, [wanted], now=timezone.now())
            is_held.set()
            wait_until_somebody_waits_for_a_lock()

    def lower_meanwhile() -> tuple[int, int]:
        assert is_held.wait(SECONDS_MAX)
        return lower(acme, "mem_1", 0)

    assert race([hold_and_wait, lower_meanwhile]) == [None, (0, PRICE)]

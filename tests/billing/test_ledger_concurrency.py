"""Many at once: exactly what the credits allow is held, nobody is refused by chance or waits for a stranger."""

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest
from django.db import OperationalError, connection, transaction

from accounts.models import Organization
from billing import ledger
from billing.errors import InsufficientCredits
from billing.models import Grant, Hold, Transfer, Wallet
from tests.billing.moves import hold, lines
from tests.race import race, wait_until_somebody_waits_for_a_lock
from tests.world import deposit, money

pytestmark = pytest.mark.django_db(transaction=True)
MakeOrganization = Callable[..., Organization]


def test_credit_for_ten_admits_exactly_ten_of_two_hundred(
    make_organization: MakeOrganization,
) -> None:
    acme = make_organization(credits_usd="3.00")
    deposit(acme, "1.516", kind=Grant.Kind.PROMOTIONAL)

    outcomes = race(
        [partial(hold, acme, f"work:{number}", 451_600) for number in range(200)], threads=64
    )

    assert Counter(type(outcome) for outcome in outcomes) == {
        type(None): 10,
        InsufficientCredits: 190,
    }
    assert money(acme) == (0, 4_516_000)
    assert Hold.objects.count() == 10
    assert Transfer.objects.filter(kind=Transfer.Kind.HOLD).count() == 11  # one took from both


def test_holds_several_at_a_time_are_all_or_none_under_pressure(
    make_organization: MakeOrganization,
) -> None:
    acme = make_organization(credits_usd="10.00")

    def hold_three(number: int) -> None:
        with transaction.atomic():
            ledger.hold(
                acme,
                [ledger.Wanted(f"work:{number}.{part}", 1_000_000) for part in range(3)],
                now=acme.created_at,
            )

    outcomes = race([partial(hold_three, number) for number in range(16)])

    assert Counter(type(outcome) for outcome in outcomes) == {
        type(None): 3,
        InsufficientCredits: 13,
    }
    assert money(acme) == (1_000_000, 9_000_000)


def test_nobody_is_refused_or_deadlocked_while_there_is_enough(
    make_organization: MakeOrganization,
) -> None:
    acme = make_organization(credits_usd="4.00")
    deposit(acme, "4.00", kind=Grant.Kind.PROMOTIONAL)
    deposit(acme, "4.00", kind=Grant.Kind.INVOICE)

    def come_and_go(thread: int) -> None:
        """At most $12.00 is held by the twelve at any time, and what is charged was paid in before."""
        for number in range(6):
            reference = f"work:{thread}.{number}"
            if number % 2:
                ledger.deposit(
                    acme,
                    amount_microusd=400_000,
                    kind=Grant.Kind.PURCHASED,
                    reference=f"purchase:{thread}.{number}",
                )
            hold(acme, reference, 1_000_000)
            if number % 2:
                ledger.capture(acme, reference, amount_microusd=400_000)
            else:
                ledger.release(acme, reference)

    outcomes = race([partial(come_and_go, thread) for thread in range(12)])

    assert outcomes == [None] * 12
    assert money(acme) == (12_000_000, 0)
    assert Hold.objects.exclude(resolved_at=None).count() == 72
    transfers = Transfer.objects.filter(organization=acme)
    assert Wallet.objects.get().transfers_count == transfers.count()


def test_one_reference_from_sixteen_threads_is_held_once(acme: Organization) -> None:
    outcomes = race([partial(hold, acme, "work:1", 1_000_000)] * 16)

    assert outcomes == [None] * 16
    assert money(acme) == (24_000_000, 1_000_000)
    assert lines("work:1") == [("hold", "grant", "held", 1_000_000)]


def test_one_purchase_from_sixteen_threads_comes_in_once_into_a_wallet_made_once(
    make_organization: MakeOrganization,
) -> None:
    acme = make_organization(credits_usd="0")

    def pay() -> str:
        return ledger.deposit(
            acme, amount_microusd=7, kind=Grant.Kind.PURCHASED, reference="purchase:1"
        ).id

    outcomes = race([pay] * 16)

    assert set(outcomes) == {Grant.objects.get().id}
    assert money(acme) == (7, 0)


def test_capture_and_release_of_one_hold_have_one_winner(acme: Organization) -> None:
    for number in range(10):
        hold(acme, f"work:{number}", 1_000_000)

    outcomes = race(
        [
            resolve
            for number in range(10)
            for resolve in (
                partial(ledger.capture, acme, f"work:{number}", amount_microusd=1_000_000),
                partial(ledger.release, acme, f"work:{number}"),
            )
        ]
    )

    resolved = [outcome for outcome in outcomes if isinstance(outcome, Hold)]
    assert len(resolved) == 20
    for first, second in zip(resolved[::2], resolved[1::2], strict=True):
        assert first.captured_microusd == second.captured_microusd
        assert len(lines(first.reference)) == 2
    captured = sum(1 for hold in resolved[::2] if hold.captured_microusd)
    assert money(acme) == (25_000_000 - captured * 1_000_000, 0)


def _refuse_to_wait() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET lock_timeout = '300ms'")


def test_organizations_do_not_wait_for_one_another(acme: Organization, rival: Organization) -> None:
    def move(organization: Organization) -> None:
        _refuse_to_wait()
        hold(organization, f"work:{organization.pk}", 1_000_000)
        ledger.capture(organization, f"work:{organization.pk}", amount_microusd=600_000)
        deposit(organization, "2.00")

    with transaction.atomic():
        hold(acme, "work:slow", 1_000_000)
        blocked, free = race([partial(move, acme), partial(move, rival)])

    assert isinstance(blocked, OperationalError)
    assert free is None
    assert money(rival) == (6_400_000, 0)
    assert money(acme) == (24_000_000, 1_000_000)


def test_a_hold_that_waited_sees_the_credits_that_came_meanwhile(
    make_organization: MakeOrganization,
) -> None:
    acme = make_organization(credits_usd="1.00")

    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            deposit(acme, "5.00")
            waiting = pool.submit(race, [partial(hold, acme, "work:1", 6_000_000)])
            wait_until_somebody_waits_for_a_lock()
        assert waiting.result(timeout=10) == [None]

    assert money(acme) == (0, 6_000_000)


def test_a_hold_that_waited_sees_the_credits_that_went_meanwhile(
    make_organization: MakeOrganization,
) -> None:
    acme = make_organization(credits_usd="1.00")

    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            hold(acme, "work:first", 600_000)
            waiting = pool.submit(race, [partial(hold, acme, "work:second", 600_000)])
            wait_until_somebody_waits_for_a_lock()
        (refused,) = waiting.result(timeout=10)

    assert isinstance(refused, InsufficientCredits)
    assert refused.available_microusd == 400_000
    assert money(acme) == (400_000, 600_000)

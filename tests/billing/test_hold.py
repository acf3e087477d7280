"""Credits are held from grants in burn order, or not at all."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from accounts.models import Organization
from billing import ledger
from billing.errors import InsufficientCredits
from billing.models import Grant, Hold, Transfer
from tests.billing.moves import hold, left
from tests.world import deposit, money


def test_a_hold_moves_credits_from_available_to_held(acme: Organization) -> None:
    hold(acme, "work:1", 4_536_000)

    assert money(acme) == (20_464_000, 4_536_000)
    transfer = Transfer.objects.get(reference="work:1")
    assert transfer.kind == Transfer.Kind.HOLD
    assert transfer.amount_microusd == 4_536_000
    assert transfer.number == 2
    assert transfer.available_after_microusd == 20_464_000


def test_a_repeated_hold_holds_once(acme: Organization) -> None:
    hold(acme, "work:1", 4_536_000)
    hold(acme, "work:1", 4_536_000)

    assert money(acme) == (20_464_000, 4_536_000)
    assert Hold.objects.count() == 1


def test_too_few_credits_leaves_nothing_behind(
    make_organization: Callable[..., Organization],
) -> None:
    acme = make_organization(credits_usd="4.50")

    with pytest.raises(InsufficientCredits) as refusal:
        hold(acme, "work:1", 4_500_001)

    assert refusal.value.details == {"needed_usd": "4.500001", "available_usd": "4.5000"}
    assert money(acme) == (4_500_000, 0)
    assert not Hold.objects.exists()
    assert Transfer.objects.count() == 1


def test_an_organization_without_a_wallet_has_nothing(
    make_organization: Callable[..., Organization],
) -> None:
    acme = make_organization(credits_usd="0")

    with pytest.raises(InsufficientCredits) as refusal:
        hold(acme, "work:1", 1)

    assert refusal.value.available_microusd == 0


def test_several_holds_are_all_made_or_none(make_organization: Callable[..., Organization]) -> None:
    acme = make_organization(credits_usd="3.00")
    wanted = [ledger.Wanted(f"work:{number}", 1_000_001) for number in range(3)]

    with pytest.raises(InsufficientCredits) as refusal, transaction.atomic():
        ledger.hold(acme, wanted, now=timezone.now())

    assert refusal.value.needed_microusd == 3_000_003
    assert money(acme) == (3_000_000, 0)
    assert not Hold.objects.exists()


def test_several_holds_are_made_in_the_order_asked(acme: Organization) -> None:
    wanted = [ledger.Wanted(f"work:{number}", number) for number in (7, 10, 1, 9, 2, 8, 3)]

    with transaction.atomic():
        ledger.hold(acme, wanted, now=timezone.now())

    made = Transfer.objects.filter(kind=Transfer.Kind.HOLD).order_by("number")
    assert list(made.values_list("amount_microusd", flat=True)) == [7, 10, 1, 9, 2, 8, 3]


def test_burn_order_is_priority_then_expiry_then_age(
    make_organization: Callable[..., Organization],
) -> None:
    acme = make_organization(credits_usd="0")
    soon, later = timezone.now() + timedelta(days=1), timezone.now() + timedelta(days=9)
    oldest = deposit(acme, "1.00")
    deposit(acme, "1.00")
    expires_later = deposit(acme, "1.00", expires_at=later)
    expires_first = deposit(acme, "1.00", expires_at=soon)
    gift = deposit(acme, "1.00", kind=Grant.Kind.PROMOTIONAL)

    hold(acme, "work:1", 3_500_000)

    slices = Transfer.objects.filter(reference="work:1").order_by("number")
    assert [(slice.grant_id, slice.amount_microusd) for slice in slices] == [
        (gift.id, 1_000_000),
        (expires_first.id, 1_000_000),
        (expires_later.id, 1_000_000),
        (oldest.id, 500_000),
    ]


def test_expired_credits_are_not_held(make_organization: Callable[..., Organization]) -> None:
    acme = make_organization(credits_usd="1.00")
    deposit(acme, "5.00", expires_at=timezone.now() - timedelta(seconds=1))

    with pytest.raises(InsufficientCredits) as refusal:
        hold(acme, "work:1", 1_000_001)

    assert refusal.value.available_microusd == 1_000_000
    assert money(acme) == (1_000_000, 0)


def test_credits_that_expire_before_the_hold_are_passed_over(
    make_organization: Callable[..., Organization],
) -> None:
    acme = make_organization(credits_usd="1.00")
    expiring = deposit(acme, "1.00", expires_at=timezone.now() + timedelta(days=1))

    hold(acme, "work:1", 1_000_000, now=timezone.now() + timedelta(days=2))

    assert left(expiring) == 1_000_000


def test_a_strangers_credits_are_not_held(acme: Organization, rival: Organization) -> None:
    with pytest.raises(InsufficientCredits) as refusal:
        hold(rival, "work:1", 5_000_001)

    assert refusal.value.available_microusd == 5_000_000
    assert money(acme) == (25_000_000, 0)
    assert money(rival) == (5_000_000, 0)


def test_a_reference_that_another_organization_holds_is_a_bug_and_not_a_hold(
    acme: Organization, rival: Organization
) -> None:
    hold(acme, "work:1", 1_000_000)

    with pytest.raises(IntegrityError):
        hold(rival, "work:1", 1_000_000)

    assert money(acme) == (24_000_000, 1_000_000)
    assert money(rival) == (5_000_000, 0)


def test_a_hold_of_nothing_is_a_bug(acme: Organization) -> None:
    with pytest.raises(AssertionError):
        hold(acme, "work:1", 0)

    assert not Hold.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_a_hold_outside_a_transaction_is_a_bug(acme: Organization) -> None:
    with pytest.raises(AssertionError, match="commits with the work"):
        ledger.hold(acme, [ledger.Wanted("work:1", 1)], now=timezone.now())

    assert not Hold.objects.exists()


def test_a_hold_remembers_on_whose_account_it_counts(acme: Organization) -> None:
    wanted = ledger.Wanted(
        "work:1", 1_000_000, end_user_id="u_9f2c", member_id="mem_1", api_key_id="key_1"
    )

    with transaction.atomic():
        ledger.hold(acme, [wanted], now=timezone.now())

    hold = Hold.objects.get()
    assert (hold.end_user_id, hold.member_id, hold.api_key_id) == ("u_9f2c", "mem_1", "key_1")

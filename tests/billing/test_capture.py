"""A hold is resolved once: what was taken first is charged first, and the rest goes back where it came from."""

from collections.abc import Callable

import pytest

from accounts.models import Organization
from billing import ledger
from billing.models import Grant, Hold, Transfer
from tests.billing.moves import hold, left, lines
from tests.world import deposit, money


@pytest.fixture
def gift(acme: Organization) -> Grant:
    """$1.00 that burns before acme's purchased $25.00."""
    return deposit(acme, "1.00", kind=Grant.Kind.PROMOTIONAL)


@pytest.fixture
def bought(acme: Organization) -> Grant:
    return Grant.objects.get(organization=acme, kind=Grant.Kind.PURCHASED)


@pytest.mark.parametrize(
    ("captured", "gift_left", "bought_left", "moved"),
    [
        (
            0,
            1_000_000,
            25_000_000,
            [("release", "grant", 1_000_000), ("release", "grant", 2_000_000)],
        ),
        (
            400_000,
            600_000,
            25_000_000,
            [
                ("capture", "revenue", 400_000),
                ("release", "grant", 600_000),
                ("release", "grant", 2_000_000),
            ],
        ),
        (
            1_000_000,
            0,
            25_000_000,
            [("capture", "revenue", 1_000_000), ("release", "grant", 2_000_000)],
        ),
        (
            1_000_001,
            0,
            24_999_999,
            [
                ("capture", "revenue", 1_000_000),
                ("capture", "revenue", 1),
                ("release", "grant", 1_999_999),
            ],
        ),
        (
            3_000_000,
            0,
            23_000_000,
            [("capture", "revenue", 1_000_000), ("capture", "revenue", 2_000_000)],
        ),
    ],
)
def test_a_capture_burns_the_slices_in_the_order_taken(
    acme: Organization,
    gift: Grant,
    bought: Grant,
    captured: int,
    gift_left: int,
    bought_left: int,
    moved: list[tuple[str, str, int]],
) -> None:
    hold(acme, "work:1", 3_000_000)

    resolved = ledger.capture(acme, "work:1", amount_microusd=captured)

    assert (resolved.captured_microusd, resolved.released_microusd) == (
        captured,
        3_000_000 - captured,
    )
    assert (left(gift), left(bought)) == (gift_left, bought_left)
    assert money(acme) == (26_000_000 - captured, 0)
    assert lines("work:1") == [
        ("hold", "grant", "held", 1_000_000),
        ("hold", "grant", "held", 2_000_000),
        *[(kind, "held", to, amount) for kind, to, amount in moved],
    ]


def test_a_release_gives_everything_back_to_the_very_grants(
    acme: Organization, gift: Grant, bought: Grant
) -> None:
    hold(acme, "work:1", 3_000_000)

    released = ledger.release(acme, "work:1")

    assert released.captured_microusd == 0
    assert (left(gift), left(bought)) == (1_000_000, 25_000_000)
    back = Transfer.objects.filter(kind=Transfer.Kind.RELEASE).order_by("number")
    assert [(line.to_account_id, line.grant_id) for line in back] == [
        (gift.account_id, gift.id),
        (bought.account_id, bought.id),
    ]


def test_what_comes_back_is_not_given_to_grants_that_came_meanwhile(
    acme: Organization, bought: Grant
) -> None:
    hold(acme, "work:1", 3_000_000)
    late_gift = deposit(acme, "1.00", kind=Grant.Kind.PROMOTIONAL)

    ledger.capture(acme, "work:1", amount_microusd=2_000_000)

    assert (left(late_gift), left(bought)) == (1_000_000, 23_000_000)


def _capture_other(organization: Organization) -> Hold:
    return ledger.capture(organization, "work:1", amount_microusd=3_000_000)


def _capture_too_much(organization: Organization) -> Hold:
    return ledger.capture(organization, "work:1", amount_microusd=4_000_000)


def _release(organization: Organization) -> Hold:
    return ledger.release(organization, "work:1")


@pytest.mark.parametrize("again", [_capture_other, _capture_too_much, _release])
def test_a_second_resolution_returns_the_first(
    acme: Organization, again: Callable[[Organization], Hold]
) -> None:
    hold(acme, "work:1", 3_000_000)
    first = ledger.capture(acme, "work:1", amount_microusd=1_000_000)
    transfers = Transfer.objects.count()

    second = again(acme)

    assert (second.captured_microusd, second.resolved_at) == (1_000_000, first.resolved_at)
    assert money(acme) == (24_000_000, 0)
    assert Transfer.objects.count() == transfers


def test_a_released_hold_is_not_captured_afterwards(acme: Organization) -> None:
    hold(acme, "work:1", 3_000_000)
    ledger.release(acme, "work:1")

    late = ledger.capture(acme, "work:1", amount_microusd=3_000_000)

    assert late.captured_microusd == 0
    assert money(acme) == (25_000_000, 0)


@pytest.mark.parametrize("amount", [3_000_001, -1])
def test_more_than_the_hold_or_less_than_nothing_is_a_bug(acme: Organization, amount: int) -> None:
    hold(acme, "work:1", 3_000_000)

    with pytest.raises(AssertionError, match="work:1"):
        ledger.capture(acme, "work:1", amount_microusd=amount)

    assert money(acme) == (22_000_000, 3_000_000)
    assert Hold.objects.get().resolved_at is None
    assert lines("work:1") == [("hold", "grant", "held", 3_000_000)]


def test_an_unknown_hold_and_a_strangers_hold_are_not_there(
    acme: Organization, rival: Organization
) -> None:
    hold(rival, "work:1", 3_000_000)

    for reference in ("work:1", "work:2"):
        with pytest.raises(Hold.DoesNotExist):
            ledger.capture(acme, reference, amount_microusd=1)

    assert money(acme) == (25_000_000, 0)
    assert money(rival) == (2_000_000, 3_000_000)


def test_a_resolved_reference_holds_nothing_again(acme: Organization) -> None:
    hold(acme, "work:1", 3_000_000)
    ledger.capture(acme, "work:1", amount_microusd=1_000_000)

    hold(acme, "work:1", 3_000_000)

    assert money(acme) == (24_000_000, 0)
    assert Hold.objects.count() == 1

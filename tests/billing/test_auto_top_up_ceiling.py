"""The ceiling of a month: what the card is charged in a month of UTC never passes it, by a cent."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.core.mail import EmailMultiAlternatives

from accounts.models import Organization
from billing import auto_top_up_outlook, auto_top_ups, balances, purchases, sweeps
from billing.models import AutoTopUp, Purchase
from tests.billing.moves import hold, used
from tests.billing.top_ups import VISA, agree, charges, choose_card, save_card, told, top_ups
from tests.stripe_account import StripeAccount
from tests.world import money

RunQueue = Callable[[], int]
EVE = datetime(2026, 5, 31, 23, 59, tzinfo=UTC)  # the last minute of a month
DOWN = [{"status": 503, "path": "/v1/payment_intents", "times": 1000}]


def outlook(organization: Organization) -> auto_top_up_outlook.Outlook:
    """What the page says now."""
    top_up = AutoTopUp.objects.get(organization=organization)
    return auto_top_up_outlook.of(organization, top_up, balances.of(organization))


@pytest.fixture
def clock() -> Iterator[time_machine.Traveller]:
    with time_machine.travel(datetime(2026, 5, 11, 12, tzinfo=UTC)) as clock:
        yield clock


@pytest.fixture
def sweep(run_queue: RunQueue) -> Callable[[], None]:
    def run() -> None:
        sweeps.unstick()
        run_queue()

    return run


Sweep = Callable[[], None]


def spend_all(organization: Organization, reference: str) -> None:
    if available := money(organization)[0]:
        used(organization, reference, available)


def charged_cents(account: StripeAccount, month: int) -> int:
    """By Stripe's own clock, what was paid in this month."""
    listed = account.client.v1.charges.list({"limit": 100}).auto_paging_iter()
    return sum(
        charge.amount
        for charge in listed
        if charge.paid and datetime.fromtimestamp(charge.created, UTC).month == month
    )


@pytest.mark.parametrize(
    ("ceiling_cents", "count"), [(149_99, 2), (150_00, 3), (150_01, 3), (199_99, 3), (50_00, 1)]
)
def test_as_many_are_charged_as_fit_to_the_cent(
    acme: Organization,
    stripe_account: StripeAccount,
    clock: time_machine.Traveller,
    sweep: Sweep,
    ceiling_cents: int,
    count: int,
) -> None:
    save_card(stripe_account, acme)
    agree(acme, amount_cents=50_00, ceiling_cents=ceiling_cents)

    for number in range(6):
        spend_all(acme, f"work:{number}")
        sweep()

    assert charges(stripe_account) == [("succeeded", 50_00)] * count
    assert charged_cents(stripe_account, 5) == count * 50_00 <= ceiling_cents
    preview = outlook(acme)
    assert (preview.left_cents, preview.charges_left) == (ceiling_cents - count * 50_00, 0)


def test_a_target_that_would_pass_it_is_not_charged_in_part(
    acme: Organization, stripe_account: StripeAccount, clock: time_machine.Traveller, sweep: Sweep
) -> None:
    """Each charge fills up to the target from wherever the credits are; the last one does not fit by a cent."""
    save_card(stripe_account, acme)
    agree(acme, threshold_usd=30, target_usd=75, ceiling_cents=180_00)

    spent = (0, 70_000_001, 74_989_999, 0, 60_000_000)
    for number, microusd in enumerate(spent):
        if microusd and money(acme)[0] >= microusd:
            used(acme, f"work:{number}", microusd)
        sweep()

    # 25 → 75 → 4.999999 → 75.009999 → 0.02, and the 74.98 that are missing then would make 194.99.
    assert charges(stripe_account) == [("succeeded", 50_00), ("succeeded", 70_01)]
    assert charged_cents(stripe_account, 5) == 120_01
    assert [event["amount_usd"] for event in told("auto_top_up.failed")] == ["74.9800"]


@pytest.mark.parametrize(("ceiling_cents", "is_charged"), [(75_00, True), (74_99, False)])
def test_the_target_fits_to_the_cent(
    acme: Organization,
    stripe_account: StripeAccount,
    clock: time_machine.Traveller,
    sweep: Sweep,
    ceiling_cents: int,
    is_charged: bool,
) -> None:
    save_card(stripe_account, acme)
    agree(acme, target_usd=100, ceiling_cents=ceiling_cents)

    sweep()

    assert charges(stripe_account) == [("succeeded", 75_00)] * is_charged


def test_it_is_said_once_a_month_and_again_after_other_terms(
    acme: Organization,
    stripe_account: StripeAccount,
    clock: time_machine.Traveller,
    sweep: Sweep,
    mailoutbox: list[EmailMultiAlternatives],
) -> None:
    save_card(stripe_account, acme)
    agree(acme, amount_cents=50_00, ceiling_cents=50_00)
    sweep()
    mailoutbox.clear()

    for number in range(3):
        spend_all(acme, f"work:{number}")
        sweep()
        clock.shift(timedelta(days=1))
    [event] = told("auto_top_up.failed")
    assert (event["code"], event["amount_usd"], event["ceiling_usd"]) == (
        "ceiling_reached",
        "50.0000",
        "50.0000",
    )
    [mail] = mailoutbox
    assert mail.subject == "Auto top-up has reached its ceiling (Acme)"
    assert "Another charge would pass the ceiling of this month." in mail.body

    agree(acme, amount_cents=60_00, ceiling_cents=60_00)
    sweep()
    sweep()
    assert [event["amount_usd"] for event in told("auto_top_up.failed")] == ["50.0000", "60.0000"]

    clock.move_to(datetime(2026, 6, 1, 0, 0, 1, tzinfo=UTC))
    sweep()
    spend_all(acme, "work:june")
    sweep()
    sweep()
    assert charged_cents(stripe_account, 6) == 60_00
    assert len(told("auto_top_up.failed")) == 3


def test_what_was_declined_is_not_counted(
    acme: Organization, stripe_account: StripeAccount, clock: time_machine.Traveller, sweep: Sweep
) -> None:
    dead = save_card(stripe_account, acme, "pm_card_chargeCustomerFail")
    alive = save_card(stripe_account, acme, VISA)
    choose_card(stripe_account, acme, dead)
    agree(acme, amount_cents=50_00, ceiling_cents=50_00)
    sweep()
    choose_card(stripe_account, acme, alive)

    clock.shift(timedelta(hours=1))
    sweep()

    assert charges(stripe_account) == [("failed", 50_00), ("succeeded", 50_00)]


def test_what_a_person_buys_is_not_counted(
    acme: Organization,
    member_of: Callable[..., object],
    stripe_account: StripeAccount,
    clock: time_machine.Traveller,
    sweep: Sweep,
) -> None:
    bought = purchases.open_checkout(
        purchases.begin(
            acme,
            amount_cents=100_00,
            made_by=acme.memberships.get().user,
            token="form",
            last_paid_id="",
        )
    )
    stripe_account.press(bought.session_id)
    purchases.follow(bought)
    sweep()
    agree(acme, amount_cents=50_00, ceiling_cents=50_00)

    spend_all(acme, "work:1")
    sweep()

    assert top_ups(acme) == [("paid", 50_00)]


# -- A month's end ------------------------------------------------------------------------------------


def test_a_new_month_has_a_ceiling_of_its_own(
    acme: Organization, stripe_account: StripeAccount, clock: time_machine.Traveller, sweep: Sweep
) -> None:
    clock.move_to(EVE)
    save_card(stripe_account, acme)
    agree(acme, amount_cents=50_00, ceiling_cents=100_00)

    for number in range(8):
        spend_all(acme, f"work:{number}")
        sweep()
        if number == 3:
            clock.move_to(datetime(2026, 6, 1, tzinfo=UTC))

    assert charged_cents(stripe_account, 5) == 100_00
    assert charged_cents(stripe_account, 6) == 100_00


def test_what_is_decided_in_one_month_and_charged_in_the_next_counts_in_both(
    acme: Organization, stripe_account: StripeAccount, clock: time_machine.Traveller, sweep: Sweep
) -> None:
    clock.move_to(EVE)
    save_card(stripe_account, acme)
    agree(acme, amount_cents=50_00, ceiling_cents=100_00)
    sweep()
    spend_all(acme, "work:0")
    stripe_account.control("faults", calls=DOWN)
    sweep()  # decided, and Stripe is away
    assert top_ups(acme) == [("paid", 50_00), ("created", 50_00)]

    clock.shift(timedelta(minutes=5))
    stripe_account.web("DELETE", "/control/faults")
    for number in range(1, 5):
        sweep()
        spend_all(acme, f"work:{number}")

    assert charged_cents(stripe_account, 5) == 50_00
    assert charged_cents(stripe_account, 6) == 100_00


def test_one_that_is_still_under_way_counts_in_the_month_that_looks(
    acme: Organization, stripe_account: StripeAccount, clock: time_machine.Traveller, sweep: Sweep
) -> None:
    clock.move_to(EVE)
    save_card(stripe_account, acme)
    agree(acme, amount_cents=50_00, ceiling_cents=100_00)
    assert auto_top_ups.consider(acme) is not None
    Purchase.objects.update(due_at=EVE + timedelta(days=2))

    clock.shift(timedelta(minutes=5))
    hold(acme, "work:1", 1)

    preview = outlook(acme)
    assert (preview.left_cents, preview.charges_left) == (50_00, 1)


def test_one_that_failed_in_the_next_month_takes_nothing_of_it(
    acme: Organization, stripe_account: StripeAccount, clock: time_machine.Traveller, sweep: Sweep
) -> None:
    clock.move_to(EVE)
    save_card(stripe_account, acme, "pm_card_chargeCustomerFail")
    agree(acme, amount_cents=50_00, ceiling_cents=50_00)
    stripe_account.control("faults", calls=DOWN)
    sweep()
    clock.shift(timedelta(minutes=5))
    stripe_account.web("DELETE", "/control/faults")
    sweep()
    assert top_ups(acme) == [("failed", 50_00)]

    save_card(stripe_account, acme, VISA)
    clock.shift(timedelta(hours=1))
    sweep()

    assert charged_cents(stripe_account, 6) == 50_00

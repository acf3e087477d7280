"""Auto top-up on its terms: when the saved card is charged, with how much, and when it is not."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.models import AuditEntry, Organization
from billing import auto_top_up_outlook, auto_top_ups, balances, customers, sweeps
from billing.auto_top_up_terms import Terms, set_terms
from billing.errors import SandboxPaysNothing
from billing.models import AutoTopUp, Purchase
from seedance_saas.errors import InvalidRequest
from tests.billing.moves import hold, owe
from tests.billing.top_ups import VISA, agree, charges, save_card, told, top_ups
from tests.stripe_account import StripeAccount
from tests.world import deposit, money

RunQueue = Callable[[], int]


def outlook(organization: Organization) -> auto_top_up_outlook.Outlook:
    """What the page says of the next charge."""
    top_up = AutoTopUp.objects.get(organization=organization)
    return auto_top_up_outlook.of(organization, top_up, balances.of(organization))


def test_below_the_threshold_the_saved_card_is_charged_once(
    acme: Organization, stripe_account: StripeAccount, run_queue: RunQueue
) -> None:
    save_card(stripe_account, acme)
    agree(acme, amount_cents=200_00)

    sweeps.charge_saved_cards()
    sweeps.charge_saved_cards()
    run_queue()
    sweeps.charge_saved_cards()
    run_queue()

    assert charges(stripe_account) == [("succeeded", 200_00)]
    assert money(acme) == (229_000_000, 0)  # with the bonus of its pack
    purchase = Purchase.objects.get()
    assert (purchase.origin, purchase.state, purchase.total_cents) == ("auto_top_up", "paid", 20000)
    assert (purchase.card_brand, purchase.card_last4) == ("visa", "4242")
    event = told("auto_top_up.succeeded")[0]
    assert (event["id"], event["amount_usd"]) == (purchase.id, "200.0000")


def test_the_threshold_itself_is_enough(acme: Organization, stripe_account: StripeAccount) -> None:
    save_card(stripe_account, acme)
    agree(acme, threshold_usd=25)

    assert auto_top_ups.due() == []
    assert auto_top_ups.consider(acme) is None

    hold(acme, "work:1", 1)
    assert auto_top_ups.due() == [acme.pk]
    assert auto_top_ups.consider(acme) is not None


def test_credits_that_have_expired_are_not_counted(
    acme: Organization, stripe_account: StripeAccount
) -> None:
    deposit(acme, "100.00", expires_at=timezone.now() - timedelta(seconds=1))
    save_card(stripe_account, acme)
    agree(acme)

    assert auto_top_ups.due() == [acme.pk]
    assert auto_top_ups.consider(acme) is not None


@pytest.mark.parametrize(
    ("held_microusd", "target_usd", "cents"),
    [
        (0, 75, 50_00),
        (123_456, 75, 50_13),  # a part of a cent is a cent: the target is reached
        (5_000_000, 10_000, 9_980_00),
    ],
)
def test_a_target_is_filled_up_to_in_whole_cents(
    acme: Organization,
    stripe_account: StripeAccount,
    run_queue: RunQueue,
    held_microusd: int,
    target_usd: int,
    cents: int,
) -> None:
    save_card(stripe_account, acme)
    agree(acme, target_usd=target_usd, ceiling_cents=10_000_00)
    if held_microusd:
        hold(acme, "work:1", held_microusd)

    auto_top_ups.consider(acme)
    run_queue()

    assert charges(stripe_account) == [("succeeded", cents)]
    assert money(acme)[0] == 25_000_000 - held_microusd + cents * 10_000
    assert 0 <= money(acme)[0] - target_usd * 1_000_000 < 10_000


def test_in_debt_nothing_is_charged(acme: Organization, stripe_account: StripeAccount) -> None:
    save_card(stripe_account, acme)
    agree(acme)
    owe(acme, "dispute:1", 1)

    assert auto_top_ups.consider(acme) is None
    assert outlook(acme).obstacle == "debt"
    assert (top_ups(acme), charges(stripe_account)) == ([], [])


def test_switched_off_nothing_is_charged(acme: Organization, stripe_account: StripeAccount) -> None:
    save_card(stripe_account, acme)
    agree(acme, is_on=False)

    assert auto_top_ups.due() == []
    assert auto_top_ups.consider(acme) is None
    assert top_ups(acme) == []


def test_without_a_card_it_waits_for_one_and_says_so_once(
    acme: Organization, stripe_account: StripeAccount, run_queue: RunQueue, mailoutbox: list[object]
) -> None:
    agree(acme)

    sweeps.charge_saved_cards()
    sweeps.charge_saved_cards()
    run_queue()

    assert (top_ups(acme), charges(stripe_account)) == ([], [])
    assert [event["code"] for event in told("auto_top_up.suspended")] == ["no_card"]
    assert len(mailoutbox) == 1

    save_card(stripe_account, acme)
    sweeps.charge_saved_cards()
    run_queue()
    assert charges(stripe_account) == [("succeeded", 50_00)]


def test_a_card_that_stripe_tells_of_is_charged(
    acme: Organization, stripe_account: StripeAccount, run_queue: RunQueue
) -> None:
    agree(acme)
    auto_top_ups.consider(acme)
    customer_id = customers.ensure(acme).stripe_id

    stripe_account.client.v1.payment_methods.attach(VISA, {"customer": customer_id})
    stripe_account.deliver()
    run_queue()

    assert AutoTopUp.objects.get().suspension == ""
    sweeps.charge_saved_cards()
    run_queue()
    assert charges(stripe_account) == [("succeeded", 50_00)]
    charge = stripe_account.client.v1.charges.list().data[0]
    assert charge.customer == customer_id


def test_a_sandbox_agrees_to_nothing(acme: Organization) -> None:
    acme.is_sandbox = True

    with pytest.raises(SandboxPaysNothing):
        agree(acme)

    assert not AutoTopUp.objects.exists()
    assert not AuditEntry.objects.filter(action="auto_top_up.set").exists()


GOOD = {
    "is_on": True,
    "threshold_microusd": 30_000_000,
    "amount_cents": 50_00,
    "target_microusd": None,
    "ceiling_cents": 1_000_00,
}


@pytest.mark.parametrize(
    ("wrong", "param", "limit"),
    [
        ({"threshold_microusd": 0}, "threshold_usd", r"more than \$0\.00 and at most \$10,000\.00"),
        ({"threshold_microusd": 10_000_000_001}, "threshold_usd", r"at most \$10,000\.00"),
        ({"amount_cents": 24_99}, "amount_usd", r"from \$25\.00 to \$10,000\.00"),
        ({"amount_cents": 10_000_01, "ceiling_cents": 20_000_00}, "amount_usd", r"to \$10,000\.00"),
        (
            {"amount_cents": None, "target_microusd": 54_990_000},
            "target_usd",
            r"at least \$25\.00 above the threshold, and at most \$10,000\.00",
        ),
        ({"amount_cents": None, "target_microusd": 10_000_010_000}, "target_usd", r"\$10,000\.00"),
        ({"ceiling_cents": 49_99}, "ceiling_usd", r"from \$50\.00, which is one charge"),
        ({"ceiling_cents": 1_000_000_01}, "ceiling_usd", r"to \$1,000,000\.00"),
    ],
)
def test_terms_out_of_limits_are_refused_by_field_and_change_nothing(
    acme: Organization, wrong: dict[str, int | None], param: str, limit: str
) -> None:
    before = agree(acme)
    owner = acme.memberships.get().user

    with pytest.raises(InvalidRequest, match=limit) as refused:
        set_terms(acme, Terms(**(GOOD | wrong)), actor=owner)  # type: ignore[arg-type]  # by name

    assert refused.value.param == param
    kept = AutoTopUp.objects.get()
    assert (kept.threshold_microusd, kept.amount_cents, kept.target_microusd) == (
        before.threshold_microusd,
        before.amount_cents,
        before.target_microusd,
    )
    assert kept.ceiling_cents == before.ceiling_cents
    assert AuditEntry.objects.filter(action="auto_top_up.set").count() == 1


@pytest.mark.parametrize(
    "fits",
    [
        {"threshold_microusd": 1},
        {"threshold_microusd": 10_000_000_000},
        {"amount_cents": 25_00, "ceiling_cents": 25_00},
        {"amount_cents": None, "target_microusd": 55_000_000},
        {"amount_cents": 10_000_00, "ceiling_cents": 1_000_000_00},
    ],
)
def test_terms_at_their_limits_are_kept_with_what_was_before(
    acme: Organization, fits: dict[str, int | None]
) -> None:
    agree(acme)
    owner = acme.memberships.get().user

    set_terms(acme, Terms(**(GOOD | fits)), actor=owner)  # type: ignore[arg-type]  # by name

    kept = AutoTopUp.objects.get()
    assert {name: getattr(kept, name) for name in GOOD} == GOOD | fits
    entry = AuditEntry.objects.filter(action="auto_top_up.set").latest("id")
    assert (entry.actor, entry.before["amount_usd"]) == (owner, "50.0000")
    assert entry.before["ceiling_usd"] == "1000.0000"


def test_what_the_page_says_of_the_next_charge(
    acme: Organization, stripe_account: StripeAccount, run_queue: RunQueue
) -> None:
    agree(acme, threshold_usd=20, amount_cents=200_00)
    assert outlook(acme).obstacle == "no_card"
    save_card(stripe_account, acme)

    before = outlook(acme)
    assert before.card is not None
    assert (before.card.card_brand, before.card.card_last4) == ("visa", "4242")
    assert (before.obstacle, before.amount_cents, before.until_microusd) == (
        None,
        200_00,
        5_000_000,
    )
    assert (before.left_cents, before.charges_left) == (1_000_00, 5)

    hold(acme, "work:1", 5_000_001)
    now = outlook(acme)
    assert (now.until_microusd, now.left_cents) == (0, 1_000_00)

    auto_top_ups.consider(acme)
    charging = outlook(acme)
    run_queue()
    charged = outlook(acme)
    assert (charging.obstacle, charged.obstacle) == ("in_flight", None)
    assert (charging.left_cents, charging.charges_left) == (800_00, 4)
    assert (charged.left_cents, charged.charges_left) == (800_00, 4)
    assert charged.until_microusd == balances.of(acme).available_microusd - 20_000_000


def test_what_the_page_says_of_a_target_is_what_will_be_charged(
    acme: Organization, stripe_account: StripeAccount, run_queue: RunQueue
) -> None:
    save_card(stripe_account, acme)
    agree(acme, threshold_usd=20, target_usd=100, ceiling_cents=250_00)

    before = outlook(acme)
    hold(acme, "work:1", 15_000_000)
    now = outlook(acme)
    auto_top_ups.consider(acme)
    run_queue()

    assert (before.amount_cents, before.until_microusd, before.charges_left) == (
        80_00,
        5_000_000,
        3,
    )
    assert (now.amount_cents, now.charges_left) == (90_00, 2)
    assert charges(stripe_account) == [("succeeded", 90_00)]

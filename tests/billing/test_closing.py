"""An organization that closes: cards get back what is unspent, the rest is forfeited, and what is owed comes first."""

from collections.abc import Callable
from datetime import timedelta
from functools import partial

import pytest
import time_machine
from django.utils import timezone

from accounts import api_keys, invitations
from accounts.invitation_checks import Wanted
from accounts.models import AuditEntry, Invitation, Organization, User
from billing import auto_top_up_terms, closing, ledger, purchases, tasks
from billing.auto_top_up_terms import Terms
from billing.errors import InDebt
from billing.models import AutoTopUp, CreditLine, Grant, Reversal, Transfer
from tests.billing import bought, moves
from tests.billing.on_account import OnAccount
from tests.race import race
from tests.stripe_account import StripeAccount
from tests.world import deposit, money

Run = Callable[[], int]


@pytest.fixture
def shop(make_organization: Callable[..., Organization]) -> Organization:
    """Without credits, and with one owner."""
    return make_organization("Shop", credits_usd="0")


@pytest.fixture
def ann(shop: Organization) -> User:
    return shop.memberships.get().user


def to(account: str) -> int:
    """What went there, in micro-dollars."""
    return sum(
        Transfer.objects.filter(to_account=account).values_list("amount_microusd", flat=True)
    )


def test_what_is_unspent_goes_back_to_its_card_and_gifts_are_forfeited(
    shop: Organization, ann: User, stripe_account: StripeAccount, run_queue: Run
) -> None:
    bought.paid(shop, stripe_account, 200_00)  # with a bonus of $4.00, which is burned first
    moves.used(shop, "work:1", 54_123_456)
    deposit(shop, "7.00", kind=Grant.Kind.PROMOTIONAL)

    before = closing.preview(shop)
    assert (before.back_cents, before.back_microusd) == (149_87, 149_870_000)
    assert before.forfeited_microusd == 200_000_000 - 50_123_456 - 149_870_000
    assert (before.promotional_microusd, before.owed) == (7_000_000, [])
    closing.close(shop, by=ann, address="198.51.100.7")
    run_queue()

    assert money(shop) == (0, 0)
    (made,) = stripe_account.simulator.store.select("refund")
    assert made["amount"] == 149_87
    assert to("breakage") == 7_000_000 + before.forfeited_microusd
    entry = AuditEntry.objects.get(action="organization.closed")
    assert (entry.actor, entry.address) == (ann, "198.51.100.7")
    assert entry.after["back_usd"] == "149.8700"
    assert AuditEntry.objects.get(action="credits.forfeited").after == {"amount_usd": "7.006544"}


def test_closing_twice_and_at_once_gives_back_once(
    transactional_db: None,
    shop: Organization,
    ann: User,
    stripe_account: StripeAccount,
    run_queue: Run,
) -> None:
    bought.paid(shop, stripe_account, 50_00)

    race([partial(closing.close, shop, by=ann) for _ in range(4)])
    closing.close(shop, by=ann)
    tasks.settle_closed()
    run_queue()

    assert money(shop) == (0, 0)
    assert Reversal.objects.get().amount_cents == 50_00
    assert len(stripe_account.simulator.store.select("refund")) == 1
    assert AuditEntry.objects.filter(action="organization.closed").count() == 1


def test_what_a_hold_gives_back_later_goes_back_too(
    shop: Organization, ann: User, stripe_account: StripeAccount, run_queue: Run
) -> None:
    bought.paid(shop, stripe_account, 50_00)
    deposit(shop, "1.00", kind=Grant.Kind.PROMOTIONAL)
    moves.hold(shop, "work:1", 11_000_000)  # the gift, and $10.00 of what was paid
    closing.close(shop, by=ann)
    assert money(shop) == (0, 11_000_000)

    ledger.capture(shop, "work:1", amount_microusd=4_000_000)  # the gift, and $3.00
    assert money(shop) == (7_000_000, 0)
    tasks.settle_closed()
    tasks.settle_closed()
    run_queue()

    assert money(shop) == (0, 0)
    assert [one.amount_cents for one in Reversal.objects.order_by("id")] == [40_00, 7_00]
    assert to("breakage") == 0


def test_a_gift_that_a_hold_gives_back_is_forfeited_at_once(shop: Organization, ann: User) -> None:
    deposit(shop, "3.00", kind=Grant.Kind.PROMOTIONAL)
    moves.hold(shop, "work:1", 2_000_000)
    closing.close(shop, by=ann)

    ledger.release(shop, "work:1")

    assert money(shop) == (0, 0)
    assert to("breakage") == 3_000_000


def test_a_refund_that_comes_back_is_forfeited(
    shop: Organization, ann: User, stripe_account: StripeAccount, run_queue: Run
) -> None:
    bought.paid(shop, stripe_account, 50_00, bought.FAILS_LATER)
    closing.close(shop, by=ann)
    run_queue()
    assert money(shop) == (0, 0)

    stripe_account.control("advance", seconds=60)
    bought.settle(stripe_account, run_queue)
    assert money(shop) == (50_000_000, 0)
    assert Reversal.objects.get().state == "failed"
    tasks.settle_closed()

    assert money(shop) == (0, 0)
    assert to("breakage") == 50_000_000
    assert AuditEntry.objects.get(action="credits.forfeited").after == {"amount_usd": "50.0000"}


def test_a_page_of_stripes_that_is_paid_all_the_same_is_refunded(
    shop: Organization, ann: User, stripe_account: StripeAccount, run_queue: Run
) -> None:
    purchase = purchases.open_checkout(bought.begin(shop, 50_00))
    stripe_account.press(purchase.session_id)
    closing.close(shop, by=ann)
    bought.settle(stripe_account, run_queue)
    assert money(shop) == (50_000_000, 0)

    tasks.settle_closed()
    bought.settle(stripe_account, run_queue)

    assert money(shop) == (0, 0)
    assert Reversal.objects.get().state == "succeeded"


def test_nothing_opens_it_or_charges_for_it_any_more(
    shop: Organization, ann: User, stripe_account: StripeAccount, run_queue: Run
) -> None:
    terms = Terms(
        is_on=True, threshold_microusd=5_000_000, amount_cents=50_00,
        target_microusd=None, ceiling_cents=100_00,
    )  # fmt: skip
    auto_top_up_terms.set_terms(shop, terms, actor=ann)
    _, secret = api_keys.issue(shop, "backend")
    by = shop.memberships.get()
    invitations.invite(shop, [Wanted("bo@example.com", "viewer")], by=by)
    open_page = purchases.open_checkout(bought.begin(shop, 50_00))

    closing.close(shop, by=ann)
    bought.settle(stripe_account, run_queue)

    assert api_keys.find(secret) is None
    assert Invitation.objects.get().revoked_at
    assert not AutoTopUp.objects.get().is_on
    open_page.refresh_from_db()
    assert open_page.state == "expired"


def test_a_debt_is_paid_first(shop: Organization, ann: User) -> None:
    grant = deposit(shop, "5.00")
    moves.used(shop, "work:1", 4_000_000)
    ledger.claw_back(shop, amount_microusd=3_000_000, grants=[grant], reference="refund:1")

    with pytest.raises(closing.StillOwed, match=r"a debt of \$2.0000"):
        closing.close(shop, by=ann)

    shop.refresh_from_db()
    assert shop.closed_at is None
    with pytest.raises(InDebt):
        moves.hold(shop, "work:2", 1)
    assert not AuditEntry.objects.filter(action="organization.closed").exists()


def test_an_invoice_is_paid_first_and_the_line_closes(on_account: OnAccount) -> None:
    shop = on_account.organization
    ann = shop.memberships.order_by("id")[0].user
    on_account.approve(limit_usd=100)
    on_account.use(1_230_000)
    on_account.work()
    invoice = on_account.end_month()

    with pytest.raises(closing.StillOwed, match=f"invoice {invoice.number} of \\$1.2300"):
        closing.close(shop, by=ann)
    assert CreditLine.objects.get().state == "open"
    on_account.pay(invoice)
    on_account.work()
    on_account.use(2_000_000)
    closing.close(shop, by=ann)

    assert (CreditLine.objects.get().state, CreditLine.objects.get().closure) == (
        "closed",
        "operator",
    )
    assert money(shop) == (0, 0)


def test_it_may_be_reopened_until_the_names_are_erased(shop: Organization, ann: User) -> None:
    deposit(shop, "5.00", kind=Grant.Kind.PROMOTIONAL)
    _, secret = api_keys.issue(shop, "backend")
    closed = closing.close(shop, by=ann)
    assert closed.erase_at
    assert closed.closed_at
    assert closed.erase_at - closed.closed_at == timedelta(days=30)

    opened = closing.reopen(shop, by=ann)

    assert (opened.closed_at, opened.erase_at) == (None, None)
    assert money(shop) == (0, 0)
    assert api_keys.find(secret) is None
    with pytest.raises(closing.NotClosed):
        closing.reopen(shop, by=ann)
    assert AuditEntry.objects.filter(action="organization.reopened").count() == 1


def test_it_is_too_late_once_the_time_has_come(shop: Organization, ann: User) -> None:
    closing.close(shop, by=ann)
    late = timezone.now() + timedelta(days=30, seconds=1)
    with time_machine.travel(late), pytest.raises(closing.NotClosed):
        closing.reopen(shop, by=ann)
    shop.refresh_from_db()
    assert shop.closed_at


def test_one_that_was_reopened_keeps_what_comes_in(shop: Organization, ann: User) -> None:
    closing.close(shop, by=ann)
    closing.reopen(shop, by=ann)
    deposit(shop, "5.00")
    closing.settle(shop)
    tasks.settle_closed()
    assert money(shop) == (5_000_000, 0)

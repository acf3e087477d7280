"""What an operator does at a command line: the same verbs, with the same refusals."""

from collections.abc import Callable
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.utils import timezone
from django_q.models import OrmQ

from accounts.models import AuditEntry, Organization, User
from billing import balances, purchases
from billing.models import CreditLine, Purchase, Reversal, StripeCheck, StripeEvent
from tests.billing.bought import bought, settle
from tests.billing.moves import used
from tests.stripe_account import StripeAccount
from tests.world import make_user, money

BY = "ann@operator.example"


@pytest.fixture
def ann(db: None) -> User:
    user = make_user(BY)
    user.is_staff = True
    user.save(update_fields=["is_staff"])
    return user


@pytest.fixture
def customer(make_organization: Callable[..., Organization]) -> Organization:
    return make_organization("Kitefilm", credits_usd="0")


@pytest.fixture
def purchase(
    customer: Organization,
    member_of: Callable[..., User],
    stripe_account: StripeAccount,
    run_queue: Callable[[], int],
) -> Purchase:
    """$50.00, of which $20.00 are spent."""
    made = bought(customer, member_of(customer), stripe_account, run_queue, cents=50_00)
    used(customer, "work:1", 20_000_000)
    return made


def run(*words: str) -> str:
    said = StringIO()
    call_command(*words, stdout=said)
    return said.getvalue()


# -- refund -------------------------------------------------------------------------------------------


def test_refund_gives_back_what_is_unspent(
    purchase: Purchase,
    ann: User,
    stripe_account: StripeAccount,
    run_queue: Callable[[], int],
) -> None:
    said = run(
        "refund", purchase.id, "--amount-usd", "$25.50", "--reason", "Bought twice", "--by", BY
    )
    settle(stripe_account, run_queue)

    row = Reversal.objects.get()
    assert (row.state, row.amount_cents, row.reason) == ("succeeded", 25_50, "Bought twice")
    assert said == (
        f"{row.id}: $25.5000 goes back to Kitefilm. Of {purchase.id} $4.5000 is unspent now, and"
        " $25.5000 went back in all.\n"
    )
    assert AuditEntry.objects.get(action="purchase.refund_requested").actor == ann
    assert money(purchase.organization) == (4_500_000, 0)


def test_refund_of_what_was_spent_too_leaves_the_debt(purchase: Purchase, ann: User) -> None:
    words = ("refund", purchase.id, "--amount-usd", "50", "--reason", "Lost", "--by", BY)
    with pytest.raises(CommandError, match=r"^Only \$30\.0000 is unspent\.$"):
        run(*words)
    assert not Reversal.objects.exists()

    run(*words, "--spent-too")

    assert balances.of(purchase.organization).debt_microusd == 20_000_000


@pytest.mark.parametrize(
    ("changed", "error"),
    [
        ({"--amount-usd": "1.005"}, "--amount-usd must be dollars with at most two places"),
        ({"--amount-usd": "0"}, "The amount must be at least $0.01."),
        ({"--amount-usd": "51"}, "Only $30.0000 is unspent."),
        ({"--reason": " "}, "--reason must have 1 to 200 characters."),
        ({"--reason": "x" * 201}, "--reason must have 1 to 200 characters."),
        ({"--by": "nobody@example.com"}, "--by: nobody of our staff has the address"),
        ({"purchase": "pur_1"}, "There is no purchase pur_1."),
    ],
)
def test_a_refund_that_is_refused_moves_nothing(
    purchase: Purchase, ann: User, changed: dict[str, str], error: str
) -> None:
    said = {"--amount-usd": "10", "--reason": "why", "--by": BY} | changed
    id = said.pop("purchase", purchase.id)

    with pytest.raises(CommandError) as refused:
        run("refund", id, *(word for pair in said.items() for word in pair))

    assert error in str(refused.value)
    assert not Reversal.objects.exists()
    assert money(purchase.organization) == (30_000_000, 0)


def test_a_member_is_no_operator(
    purchase: Purchase, ann: User, member_of: Callable[..., User]
) -> None:
    owner = member_of(purchase.organization)

    with pytest.raises(CommandError, match="nobody of our staff"):
        run("refund", purchase.id, "--amount-usd", "1", "--reason", "x", "--by", owner.email)
    assert not Reversal.objects.exists()


# -- credit_line --------------------------------------------------------------------------------------


def test_credit_line_approves_changes_and_closes(
    customer: Organization,
    ann: User,
    stripe_account: StripeAccount,
    run_queue: Callable[[], int],
) -> None:
    terms = ("credit_line", customer.id, "--limit-usd", "100", "--net-days", "30", "--by", BY)
    said = run(*terms)
    assert said == (
        "Kitefilm: opening, limit $100.0000, available $0.0000, held $0.0000, used and not paid $0.0000.\n"
    )
    run_queue()
    assert "Kitefilm: open, limit $100.0000, available $100.0000" in run(*terms)
    assert AuditEntry.objects.filter(action="credit_line.approved").count() == 1
    assert money(customer) == (100_000_000, 0)

    close = ("credit_line", "Kitefilm", "--close", "--reason", "Left", "--by", BY)
    assert "Kitefilm: closed, limit $100.0000, available $0.0000" in run(*close)
    run(*close)

    entry = AuditEntry.objects.get(action="credit_line.closed")
    assert (entry.actor, entry.after) == (ann, {"why": "operator", "reason": "Left"})
    assert money(customer) == (0, 0)


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (("--limit-usd", "100"), "--limit-usd needs --net-days."),
        (("--limit-usd", "1e5", "--net-days", "30"), "--limit-usd must be dollars"),
        (("--limit-usd", "0", "--net-days", "30"), "more than $0.00 and at most $1,000,000.00"),
        (("--limit-usd", "1", "--net-days", "91"), "The days to pay must be 0 to 90."),
        (("--close", "--reason", "Left"), "Kitefilm has no credit line."),
        ((), "one of the arguments --limit-usd --close is required"),
        (("--limit-usd", "1", "--close"), "not allowed with argument"),
    ],
)
def test_a_line_that_is_refused_is_not_there(
    customer: Organization, ann: User, words: tuple[str, ...], error: str
) -> None:
    with pytest.raises(CommandError) as refused:
        run("credit_line", customer.id, *words, "--by", BY)

    assert error in str(refused.value)
    assert not CreditLine.objects.exists()
    assert not OrmQ.objects.exists()


def test_a_line_is_not_closed_without_a_reason(
    customer: Organization, ann: User, stripe_account: StripeAccount, run_queue: Callable[[], int]
) -> None:
    run("credit_line", customer.id, "--limit-usd", "100", "--net-days", "0", "--by", BY)
    run_queue()

    with pytest.raises(CommandError, match="--reason must have 1 to 200 characters"):
        run("credit_line", customer.id, "--close", "--by", BY)
    with pytest.raises(CommandError, match="No organization is called 'org_1'"):
        run("credit_line", "org_1", "--close", "--reason", "Left", "--by", BY)

    assert CreditLine.objects.get().state == "open"


# -- run_stripe_event ---------------------------------------------------------------------------------


def event(id: str, state: str) -> None:
    StripeEvent.objects.create(
        id=id, type="invoice.paid", state=state, due_at=timezone.now(), error="ValueError: odd"
    )


def test_run_stripe_event_queues_a_dead_one_once(db: None) -> None:
    event("evt_1", "dead")
    event("evt_2", "dead")

    assert run("run_stripe_event", "evt_1") == (
        "evt_1 runs again: invoice.paid, after ValueError: odd\n1 queued.\n"
    )
    assert run("run_stripe_event", "evt_1") == "0 queued.\n"
    assert OrmQ.objects.count() == 1
    assert StripeEvent.objects.get(pk="evt_2").state == "dead"


def test_run_stripe_event_queues_all_dead_ones(ann: User) -> None:
    for id, state in (("evt_1", "dead"), ("evt_2", "handled"), ("evt_3", "dead")):
        event(id, state)

    assert run("run_stripe_event", "--all-dead", "--by", BY).endswith("2 queued.\n")
    assert run("run_stripe_event", "--all-dead") == "0 queued.\n"
    assert OrmQ.objects.count() == 2


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (("evt_1",), "There is no event evt_1."),
        ((), "one of the arguments ID --all-dead is required"),
        (("--all-dead", "--by", "x@y"), "--by: nobody of our staff"),
    ],
)
def test_an_event_that_is_not_there_queues_nothing(
    db: None, words: tuple[str, ...], error: str
) -> None:
    with pytest.raises(CommandError) as refused:
        run("run_stripe_event", *words)

    assert error in str(refused.value)
    assert not OrmQ.objects.exists()


# -- compare_with_stripe ------------------------------------------------------------------------------


def test_compare_heals_what_no_webhook_told(
    customer: Organization, member_of: Callable[..., User], stripe_account: StripeAccount
) -> None:
    made = purchases.open_checkout(
        purchases.begin(
            customer,
            amount_cents=50_00,
            made_by=member_of(customer),
            token="form1",
            last_paid_id="",
        )
    )
    stripe_account.press(made.session_id)

    said = run("compare_with_stripe")

    assert f"healed: {made.id} is paid\n" in said
    assert "Stripe's books are ours: " in said
    assert money(customer) == (50_000_000, 0)
    assert "0 healed." in run("compare_with_stripe")


@pytest.mark.tampers
def test_compare_ends_with_1_and_says_each_difference(purchase: Purchase) -> None:
    Purchase.objects.filter(pk=purchase.pk).update(total_cents=49_00)

    with pytest.raises(CommandError, match=r"Stripe's books are not ours: \d+ objects") as ended:
        run("compare_with_stripe", "--since", f"{timezone.now():%Y-%m-%d}")

    assert ended.value.returncode == 1
    assert any(purchase.intent_id in one for one in StripeCheck.objects.get().differences)


@pytest.mark.parametrize("since", ["yesterday", "2026-13-01", "2126-01-01"])
def test_a_day_that_cannot_be_compared_from_compares_nothing(db: None, since: str) -> None:
    with pytest.raises(CommandError, match="--since must"):
        run("compare_with_stripe", "--since", since)
    assert not StripeCheck.objects.exists()


def test_with_stripe_away_it_says_so_and_the_next_one_looks_as_far_back(
    stripe_account: StripeAccount,
) -> None:
    faults: list[dict[str, Any]] = [{"times": 5, "status": 503}]
    stripe_account.control("faults", calls=faults)

    with pytest.raises(CommandError, match="The next comparison looks as far back"):
        run("compare_with_stripe")

    assert StripeCheck.objects.get().finished_at is None

"""What an invoice was paid with goes back: a refund is written off, a dispute is owed again, and the books know where
the money is."""

from typing import Any

import pytest
from django.db.models import Sum

from accounts.models import AuditEntry
from billing import closing, comparing, credit_lines
from billing.checking import differences
from billing.errors import InsufficientCredits
from billing.models import Invoice, Reversal, StripeCheck, Transfer
from tests.billing.on_account import DAY, MARCH, OnAccount

pytestmark = pytest.mark.thorough

USED, LIMIT = 40_000_000, 100_000_000


@pytest.fixture
def paid(on_account: OnAccount) -> OnAccount:
    """$40.00 of $100.00 were used in January, asked for and paid."""
    on_account.approve(limit_usd=100, net_days=30)
    on_account.use(USED, held=USED)
    on_account.work()
    on_account.end_month()
    on_account.pay()
    assert books(on_account) == (USED, 0, 0)
    return on_account


def came_in(on_account: OnAccount, account: str) -> int:
    """What an account of ours has from acme's invoices, money that came in counting up, in micro-dollars."""
    of_acme = Transfer.objects.filter(organization=on_account.organization)
    given, got = (
        of_acme.filter(**{side: account}).aggregate(total=Sum("amount_microusd", default=0))[
            "total"
        ]
        for side in ("from_account", "to_account")
    )
    return int(given - got)


def books(on_account: OnAccount) -> tuple[int, int, int]:
    """(cash, what banks hold, what was written off), and all of it is proved."""
    on_account.agrees()
    assert differences() == []
    return (
        came_in(on_account, "cash"),
        -came_in(on_account, "disputes"),
        came_in(on_account, "write_off"),
    )


def january(on_account: OnAccount) -> Invoice:
    return on_account.organization.invoices.earliest("created_at")


def charge_of(on_account: OnAccount) -> str:
    charges = on_account.client.v1.charges.list({"customer": on_account.customer_id}).data
    return charges[-1].id


def refund(on_account: OnAccount, cents: int) -> str:
    """The operator gives money back in Stripe's dashboard; the refund's id."""
    made = on_account.client.v1.refunds.create({"charge": charge_of(on_account), "amount": cents})
    return made.id


def dispute(on_account: OnAccount, **values: Any) -> str:
    made = on_account.account.control("disputes", charge=charge_of(on_account), **values)
    return str(made["id"])


def decide(on_account: OnAccount, id: str, status: str) -> None:
    kind = "refunds" if id.startswith(("re_", "pyr_")) else "disputes"
    on_account.account.control(f"{kind}/{id}", status=status)


# -- refunds ------------------------------------------------------------------------------------------


def test_a_refund_leaves_the_cash_and_nothing_is_owed_for_it(paid: OnAccount) -> None:
    id = refund(paid, 10_00)
    paid.work()

    assert books(paid) == (30_000_000, 0, 10_000_000)
    assert (january(paid).state, paid.line.state, paid.left) == ("paid", "open", LIMIT)
    assert paid.standing.open_microusd == 0
    row = Reversal.objects.get()
    assert (row.stripe_id, row.kind, row.state) == (id, "refund", "succeeded")
    entry = AuditEntry.objects.get(action="invoice.reversed")
    assert entry.after["refunded_usd"] == "10.0000"
    paid.use(5_000_000)
    paid.work()
    assert paid.end_month(MARCH).asked_cents == 500  # and no later invoice asks for it again


def test_all_of_it_in_parts_is_all_of_it(paid: OnAccount) -> None:
    for cents in (13_33, 13_33, 13_34):
        refund(paid, cents)
        paid.work()

    assert books(paid) == (0, 0, USED)


def test_a_refund_that_fails_is_in_the_cash_again(paid: OnAccount) -> None:
    id = refund(paid, 10_00)
    paid.work()

    decide(paid, id, "failed")
    paid.work()
    paid.work()

    assert books(paid) == (USED, 0, 0)
    assert january(paid).refunded_microusd == 0


def test_a_credit_note_with_a_refund_is_one_refund(paid: OnAccount) -> None:
    paid.client.v1.credit_notes.create(
        {"invoice": january(paid).stripe_id, "amount": 15_00, "refund_amount": 15_00}
    )
    paid.work()

    assert books(paid) == (25_000_000, 0, 15_000_000)
    assert Reversal.objects.count() == 1


def test_a_credit_note_for_what_was_given_back_beside_stripe_is_a_refund(paid: OnAccount) -> None:
    note = paid.client.v1.credit_notes.create(
        {
            "invoice": january(paid).stripe_id,
            "amount": 15_00,
            "out_of_band_amount": 15_00,
            "memo": "by wire, " * 40,
        }
    )
    paid.work()

    assert books(paid) == (25_000_000, 0, 15_000_000)
    assert Reversal.objects.get().stripe_id == note.id


def test_what_a_credit_note_puts_on_the_balance_pays_for_the_next_one(paid: OnAccount) -> None:
    """No money moves until then; what it pays is written off there."""
    paid.client.v1.credit_notes.create(
        {"invoice": january(paid).stripe_id, "amount": 15_00, "credit_amount": 15_00}
    )
    paid.work()
    assert books(paid) == (USED, 0, 0)
    paid.use(20_000_000, held=20_000_000)
    paid.work()
    paid.end_month(MARCH)

    paid.pay()

    assert books(paid) == (USED + 5_000_000, 0, 15_000_000)
    assert paid.left == LIMIT


# -- disputes -----------------------------------------------------------------------------------------


def test_what_a_bank_takes_is_with_the_bank_and_owed_again(paid: OnAccount) -> None:
    dispute(paid)
    paid.work()

    assert books(paid) == (USED, USED, 0)
    assert paid.standing.open_microusd == USED
    assert (paid.line.closure, paid.left) == ("disputed", 0)
    with pytest.raises(InsufficientCredits):
        paid.hold(1)
    row = Reversal.objects.get()
    assert (row.kind, row.state, row.evidence_due_at is None) == ("dispute", "open", False)


def test_won_it_is_as_before(paid: OnAccount) -> None:
    id = dispute(paid)
    paid.work()

    decide(paid, id, "won")
    paid.work()

    assert books(paid) == (USED, 0, 0)
    assert (paid.standing.open_microusd, paid.line.state, paid.left) == (0, "open", LIMIT)


def test_lost_it_stays_owed_until_the_operator_opens_the_line_anew(paid: OnAccount) -> None:
    id = dispute(paid)
    decide(paid, id, "lost")
    paid.work()
    assert books(paid) == (USED, USED, 0)
    assert paid.standing.open_microusd == USED

    paid.close()
    paid.approve(limit_usd=50)

    assert books(paid) == (USED, USED, USED)
    assert (paid.standing.open_microusd, paid.left) == (0, 50_000_000)
    entry = AuditEntry.objects.filter(action="credit_line.approved").latest("id")
    assert entry.after["forgiven_usd"] == "40.0000"


def test_what_was_forgiven_does_not_close_the_line_again(paid: OnAccount) -> None:
    """Whoever opened it has made up his mind; the same dispute is told and compared for days."""
    dispute(paid)
    paid.work()
    paid.close()
    paid.approve(limit_usd=50)

    paid.follow(january(paid))
    comparing.compare()

    assert (paid.line.state, paid.left) == ("open", 50_000_000)
    assert books(paid) == (USED, USED, USED)


def test_what_was_forgiven_and_comes_again_is_no_loss_any_more(paid: OnAccount) -> None:
    id = dispute(paid)
    paid.work()
    paid.close()
    paid.approve(limit_usd=50)

    decide(paid, id, "won")
    paid.work()

    assert books(paid) == (USED, 0, 0)
    assert (january(paid).forgiven_microusd, paid.left) == (0, 50_000_000)


def test_an_inquiry_moves_nothing_until_it_is_a_dispute(paid: OnAccount) -> None:
    id = dispute(paid, status="warning_needs_response")
    paid.work()
    assert books(paid) == (USED, 0, 0)
    assert Reversal.objects.get().evidence_due_at is not None

    decide(paid, id, "needs_response")
    paid.work()

    assert books(paid) == (USED, USED, 0)


def test_more_than_came_in_is_never_taken_back(paid: OnAccount) -> None:
    """Refunded in part, and the bank takes all of it: what is twice away is our loss, and no debt of theirs."""
    refund(paid, 10_00)
    dispute(paid, amount=40_00)
    paid.work()

    assert books(paid) == (30_000_000, 30_000_000, 10_000_000)


def test_who_closes_the_organization_is_told_what_is_owed(paid: OnAccount) -> None:
    dispute(paid)
    paid.work()

    with pytest.raises(closing.StillOwed, match=r"\$40\.0000 of invoice .*your bank took back"):
        closing.close(paid.organization, by=paid.operator)

    paid.organization.refresh_from_db()
    assert paid.organization.closed_at is None


# -- without webhooks ---------------------------------------------------------------------------------


def test_the_daily_comparison_finds_what_no_webhook_told(paid: OnAccount) -> None:
    paid.account.control("faults", webhooks={"off": True})
    refunded, disputed = refund(paid, 10_00), dispute(paid, amount=20_00)

    check = comparing.compare()

    assert books(paid) == (30_000_000, 20_000_000, 10_000_000)
    # Followed for the one, it had the other as well.
    assert check.healed == [f"refund {refunded} is succeeded"]
    assert check.differences == []
    again = comparing.compare()
    assert (again.healed, again.differences) == ([], [])
    decide(paid, disputed, "won")
    assert comparing.compare().healed == [f"dispute {disputed} is won"]
    assert books(paid) == (30_000_000, 0, 10_000_000)


def test_a_refund_that_fails_long_after_it_was_made_is_found_in_stripes_balance(
    paid: OnAccount,
) -> None:
    id = refund(paid, 10_00)
    paid.work()
    comparing.compare()
    paid.go_on(20 * DAY)
    comparing.compare()
    paid.account.control("faults", webhooks={"off": True})
    paid.go_on(DAY)
    decide(paid, id, "failed")

    check = comparing.compare()

    assert check.healed == [f"the refund of {id} is in {january(paid).id}"]
    assert books(paid) == (USED, 0, 0)
    assert StripeCheck.objects.latest("id").differences == []


def test_a_dispute_is_looked_at_once_a_day_by_its_owner(paid: OnAccount) -> None:
    id = dispute(paid)
    paid.work()
    paid.account.control("faults", webhooks={"off": True})
    decide(paid, id, "won")
    paid.work()
    assert books(paid) == (USED, USED, 0)

    paid.go_on(DAY)

    assert books(paid) == (USED, 0, 0)
    assert credit_lines.standing(paid.line).available_microusd == LIMIT
    assert Reversal.objects.get().due_at is None

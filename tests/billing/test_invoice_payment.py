"""An invoice is paid, or not: the line follows, and what runs ends as usual."""

from datetime import timedelta

import pytest

from accounts.models import AuditEntry
from billing import comparing
from billing.errors import InsufficientCredits
from billing.models import Invoice, Transfer
from tests.billing.on_account import DAY, FEBRUARY, HOUR, MARCH, OnAccount
from tests.stripe_account import ASKS, DECLINED
from tests.world import deposit, money

pytestmark = pytest.mark.thorough

USED, LIMIT = 40_000_000, 100_000_000
DUE = FEBRUARY + timedelta(days=30, minutes=2)


@pytest.fixture
def sent(on_account: OnAccount) -> OnAccount:
    """$40.00 of $100.00 were used in January, and the invoice may be paid within 30 days."""
    return asked(on_account, net_days=30)


@pytest.fixture
def charged(on_account: OnAccount) -> OnAccount:
    """The same, to be charged to a card, which it has not been yet."""
    return asked(on_account, net_days=0)


def asked(on_account: OnAccount, *, net_days: int) -> OnAccount:
    on_account.approve(limit_usd=100, net_days=net_days)
    on_account.use(USED, held=USED)
    on_account.work()
    invoice = on_account.end_month()
    assert (invoice.state, invoice.amount_cents) == ("open", 4000)
    assert on_account.left == LIMIT - USED
    return on_account


def january(on_account: OnAccount) -> Invoice:
    return on_account.organization.invoices.earliest("created_at")


def states(on_account: OnAccount) -> tuple[str, str, str]:
    """Of January's invoice, and of the line."""
    line = on_account.line
    return january(on_account).state, line.state, line.closure


def paid_microusd(on_account: OnAccount) -> int:
    rows = Transfer.objects.filter(organization=on_account.organization, kind="payment")
    return sum(rows.values_list("amount_microusd", flat=True))


def is_restored(on_account: OnAccount) -> None:
    assert states(on_account) == ("paid", "open", "")
    assert on_account.left == LIMIT
    assert paid_microusd(on_account) == USED
    assert on_account.receivable() == LIMIT
    on_account.agrees()


def is_stopped(on_account: OnAccount) -> None:
    """Nothing is left of the line; a prepaid grant is used up first, and then nothing is held."""
    assert on_account.left == 0
    assert on_account.receivable() == USED + on_account.standing.held_microusd
    deposit(on_account.organization, "1.00")
    on_account.use(1_000_000, held=1_000_000)
    with pytest.raises(InsufficientCredits):
        on_account.hold(1)
    assert money(on_account.organization) == (0, on_account.standing.held_microusd)
    on_account.agrees()


def test_a_saved_card_is_charged_and_the_line_restored(charged: OnAccount) -> None:
    charged.save_card()
    charged.go_to(FEBRUARY + 3 * HOUR)

    is_restored(charged)
    assert charged.told("invoice.") == ["invoice.issued", "invoice.paid"]


def test_the_card_that_was_saved_by_buying_is_charged(on_account: OnAccount) -> None:
    """Stripe would charge nothing but the default one, which nobody chose."""
    on_account.save_card(is_default=False)
    asked(on_account, net_days=0)

    on_account.go_to(FEBRUARY + 3 * HOUR)

    is_restored(on_account)


def test_who_pays_on_stripes_page_has_the_line_again(sent: OnAccount) -> None:
    sent.go_on(10 * DAY)
    sent.pay()

    is_restored(sent)
    assert sent.told("invoice.") == ["invoice.issued", "invoice.paid"]


def test_paid_without_any_webhook_is_found(sent: OnAccount) -> None:
    sent.account.control("faults", webhooks={"off": True})
    sent.pay()
    assert states(sent)[0] == "open"

    sent.go_on(13 * HOUR)

    is_restored(sent)


def test_paid_another_way_is_paid(sent: OnAccount) -> None:
    sent.client.v1.invoices.pay(sent.invoice().stripe_id, {"paid_out_of_band": True})
    sent.work()

    is_restored(sent)


def test_what_is_used_while_it_waits_is_on_the_next_and_stays_open(sent: OnAccount) -> None:
    sent.use(5_000_000)
    running = sent.hold(7_000_000)
    assert sent.left == LIMIT - USED - 12_000_000

    sent.pay()

    assert sent.left == LIMIT - 12_000_000
    sent.settle(running, 6_000_000)
    assert sent.left == LIMIT - 11_000_000
    sent.agrees()
    assert sent.end_month(MARCH).asked_cents == 1100


def test_a_card_that_fails_closes_the_line_until_it_is_paid(charged: OnAccount) -> None:
    charged.save_card("pm_card_chargeCustomerFail")
    running = charged.hold(8_000_000)

    charged.go_to(FEBRUARY + 3 * HOUR)

    assert states(charged) == ("overdue", "closed", "unpaid")
    is_stopped(charged)
    charged.settle(running, 3_000_000)
    assert money(charged.organization) == (0, 0)  # what it gave back is not used again
    assert charged.standing.open_microusd == USED + 3_000_000
    charged.agrees()

    charged.pay()

    assert states(charged) == ("paid", "open", "")
    assert charged.left == LIMIT - 3_000_000
    charged.agrees()
    assert charged.told("invoice.") == ["invoice.issued", "invoice.overdue", "invoice.paid"]
    audit = AuditEntry.objects.filter(action__startswith="credit_line.").order_by("id")
    assert list(audit.values_list("action", flat=True)) == [
        "credit_line.approved",
        "credit_line.closed",
        "credit_line.reopened",
    ]


def test_no_card_at_all_is_a_payment_that_failed(charged: OnAccount) -> None:
    charged.go_to(FEBRUARY + 3 * HOUR)

    assert states(charged) == ("overdue", "closed", "unpaid")
    charged.save_card()
    charged.go_to(FEBRUARY + timedelta(days=3, hours=4))
    is_restored(charged)


def test_a_debit_under_way_has_not_failed(charged: OnAccount) -> None:
    charged.save_card("pm_usBankAccount")
    charged.account.config.stripe_async_seconds = 3 * 86_400.0
    charged.go_to(FEBRUARY + 3 * HOUR)
    assert states(charged) == ("open", "open", "")

    charged.go_on(4 * DAY)

    is_restored(charged)


@pytest.mark.parametrize("number", [DECLINED, ASKS])
def test_who_tries_a_card_in_vain_before_the_day_is_not_late(sent: OnAccount, number: str) -> None:
    sent.pay(number=number)

    assert states(sent) == ("open", "open", "")
    assert sent.left == LIMIT - USED


def test_the_day_goes_by_and_the_line_is_closed_until_it_is_paid(sent: OnAccount) -> None:
    sent.go_to(DUE - 2 * HOUR)
    assert states(sent) == ("open", "open", "")

    sent.go_to(DUE)

    assert states(sent) == ("overdue", "closed", "unpaid")
    is_stopped(sent)
    sent.pay(january(sent))
    is_restored(sent)


def test_without_any_webhook_the_day_goes_by_all_the_same(sent: OnAccount) -> None:
    sent.account.control("faults", webhooks={"off": True})

    sent.go_to(DUE + 12 * HOUR)

    assert states(sent) == ("overdue", "closed", "unpaid")


def test_given_up_by_stripe_it_can_still_be_paid(charged: OnAccount) -> None:
    charged.save_card("pm_card_chargeCustomerFail")
    for day in (0, 3, 5, 7):
        charged.go_to(FEBRUARY + timedelta(days=day, hours=4))
    assert states(charged) == ("uncollectible", "closed", "unpaid")
    is_stopped(charged)

    charged.pay()

    is_restored(charged)


def test_while_it_is_unpaid_the_months_go_on(charged: OnAccount) -> None:
    charged.save_card("pm_card_chargeCustomerFail")
    running = charged.hold(8_000_000)
    for day in (0, 3, 5, 7):
        charged.go_to(FEBRUARY + timedelta(days=day, hours=4))
    charged.settle(running, 8_000_000)
    charged.work()

    february = charged.end_month(MARCH)

    assert (february.state, february.asked_cents) == ("open", 800)
    charged.pay(january(charged))
    assert states(charged) == ("paid", "open", "")
    assert charged.left == LIMIT - 8_000_000
    charged.agrees()


def test_a_voided_one_is_forgiven(sent: OnAccount) -> None:
    sent.go_to(DUE)
    sent.client.v1.invoices.void_invoice(january(sent).stripe_id)
    sent.work()

    assert states(sent) == ("void", "open", "")
    assert paid_microusd(sent) == 0
    assert sent.left == LIMIT
    assert sent.receivable() == LIMIT
    sent.agrees()


def test_a_credit_note_of_the_operator_is_no_money_that_came_in(sent: OnAccount) -> None:
    sent.client.v1.credit_notes.create({"invoice": sent.invoice().stripe_id, "amount": 1500})
    sent.pay()

    assert states(sent) == ("paid", "open", "")
    assert paid_microusd(sent) == 25_000_000
    assert sent.left == LIMIT
    sent.agrees()


# -- disputed -----------------------------------------------------------------------------------------


@pytest.fixture
def paid(sent: OnAccount) -> OnAccount:
    sent.pay()
    is_restored(sent)
    return sent


def dispute(on_account: OnAccount) -> str:
    """The payer's bank takes back what the newest invoice was paid with; the dispute's id."""
    (charge,) = on_account.client.v1.charges.list({"customer": on_account.customer_id}).data
    made = on_account.account.control("disputes", charge=charge.id)
    on_account.work()
    return str(made["id"])


def test_a_disputed_payment_closes_the_line(paid: OnAccount) -> None:
    dispute(paid)

    assert states(paid) == ("paid", "closed", "disputed")
    assert paid.left == 0
    with pytest.raises(InsufficientCredits):
        paid.hold(1)
    paid.agrees()


def test_a_dispute_that_is_won_opens_the_line_again(paid: OnAccount) -> None:
    id = dispute(paid)

    paid.account.control(f"disputes/{id}", status="won")
    paid.work()

    is_restored(paid)


def test_a_dispute_that_is_lost_leaves_it_closed(paid: OnAccount) -> None:
    id = dispute(paid)
    paid.account.control(f"disputes/{id}", status="lost")
    paid.work()
    assert states(paid) == ("paid", "closed", "disputed")

    paid.approve(limit_usd=200)
    assert states(paid) == ("paid", "closed", "disputed")

    paid.close()  # the operator makes up his mind
    paid.approve(limit_usd=50)
    assert states(paid) == ("paid", "open", "")
    assert paid.left == 50_000_000


def test_an_inquiry_takes_nothing_and_closes_nothing(paid: OnAccount) -> None:
    (charge,) = paid.client.v1.charges.list({"customer": paid.customer_id}).data
    paid.account.control("disputes", charge=charge.id, status="warning_needs_response")
    paid.work()

    is_restored(paid)


def test_a_dispute_nobody_told_us_of_is_found_within_a_day(paid: OnAccount) -> None:
    paid.account.control("faults", webhooks={"off": True})
    dispute(paid)
    assert states(paid) == ("paid", "open", "")

    comparing.compare()

    assert states(paid) == ("paid", "closed", "disputed")


def test_unpaid_and_disputed_each_close_the_line_for_itself(paid: OnAccount) -> None:
    paid.use(5_000_000)
    paid.work()
    february = paid.end_month(MARCH)
    id = dispute(paid)
    paid.go_to(MARCH + timedelta(days=31))
    february.refresh_from_db()
    assert february.state == "overdue"
    assert states(paid) == ("paid", "closed", "disputed")

    paid.account.control(f"disputes/{id}", status="won")
    paid.work()
    assert states(paid) == ("paid", "closed", "unpaid")

    paid.account.control(f"disputes/{id}", status="lost")
    paid.work()
    paid.pay(february)
    assert states(paid) == ("paid", "closed", "disputed")
    assert paid.left == 0

    paid.account.control(f"disputes/{id}", status="won")
    paid.work()
    assert states(paid) == ("paid", "open", "")
    assert paid.left == LIMIT

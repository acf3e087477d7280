"""An invoice asks for what our ledger says was used, to the cent, whatever Stripe's meter has."""

from datetime import datetime, timedelta

import pytest
import time_machine
from django.db.models import Sum

from billing import comparing, invoices
from billing.models import Invoice, Transfer
from billing.stripe_gateway.connection import StripeUnavailable
from tests.billing.on_account import DAY, FEBRUARY, HOUR, INVOICED, MARCH, OnAccount

APRIL = datetime.fromisoformat("2027-04-01T00:00:00Z")


@pytest.fixture(autouse=True)
def line(on_account: OnAccount) -> None:
    on_account.approve(limit_usd=100)


def use_and_tell(on_account: OnAccount, microusd: int) -> str:
    """In time: within minutes."""
    reference = on_account.use(microusd)
    on_account.work()
    return reference


def moved(on_account: OnAccount, invoice: Invoice, kind: str) -> int:
    """What was posted for an invoice from outside to receivable, less what went the other way."""
    rows = Transfer.objects.filter(
        organization=on_account.organization, reference=f"invoice:{invoice.id}", kind=kind
    )
    sums = [
        rows.filter(**{way: "receivable"}).aggregate(total=Sum("amount_microusd", default=0))
        for way in ("to_account", "from_account")
    ]
    return int(sums[0]["total"] - sums[1]["total"])


def test_what_was_told_in_time_is_the_metered_line_alone(on_account: OnAccount) -> None:
    use_and_tell(on_account, 1_230_000)
    use_and_tell(on_account, 4_560_000)

    invoice = on_account.end_month()

    assert on_account.lines_there() == [579]
    assert (invoice.state, invoice.usage_microusd, invoice.asked_cents) == ("open", 5_790_000, 579)
    assert (invoice.amount_cents, invoice.correction_cents) == (579, 0)
    assert invoice.period_started_at.replace(second=0).isoformat() == "2027-01-04T09:30:00+00:00"
    assert invoice.period_ended_at == FEBRUARY
    assert on_account.invoice_there().due_date == invoice.pay_until.timestamp()  # type: ignore[union-attr]
    on_account.agrees()


@pytest.mark.thorough
def test_what_stripe_hears_of_while_the_draft_waits_is_asked_for_once(
    on_account: OnAccount,
) -> None:
    """The draft shows what was there when it was made; Stripe counts again when it is final."""
    on_account.go_to(FEBRUARY - HOUR)
    on_account.use(2_000_000)
    on_account.go_to(FEBRUARY + timedelta(minutes=1), quietly=True)
    assert on_account.client.v1.invoices.list().data[0].total == 0

    on_account.work()
    on_account.go_to(FEBRUARY + 3 * HOUR)

    assert on_account.lines_there() == [200]
    assert on_account.invoice().asked_cents == 200


@pytest.mark.thorough
def test_a_draft_waits_until_an_hour_after_the_last_of_its_events(on_account: OnAccount) -> None:
    on_account.go_to(FEBRUARY - HOUR)
    on_account.use(2_000_000)
    on_account.account.control(
        "faults", calls=[{"path": "/v1/billing/meter_events", "times": 1000, "status": 503}]
    )
    on_account.go_to(FEBRUARY + timedelta(minutes=1))
    on_account.go_to(FEBRUARY + 5 * HOUR)
    assert on_account.invoice().state == "draft"
    assert on_account.invoice_there().status == "draft"

    on_account.account.web("DELETE", "/control/faults")
    on_account.go_on(HOUR)
    assert [event.state for event in on_account.events(meter="invoiced")] == ["sent"]
    assert on_account.invoice().state == "draft"

    on_account.go_on(HOUR + timedelta(minutes=6))

    assert on_account.invoice().state == "open"
    assert on_account.lines_there() == [200]


@pytest.mark.thorough
def test_what_stripe_refused_is_a_line_of_its_own(on_account: OnAccount) -> None:
    use_and_tell(on_account, 1_000_000)
    on_account.account.control("meter_events", refuse=2)
    use_and_tell(on_account, 500_000)

    invoice = on_account.end_month()

    assert on_account.lines_there() == [100, 50]
    assert (invoice.asked_cents, invoice.correction_cents) == (150, 50)


@pytest.mark.thorough
def test_what_arrived_though_nobody_knew_is_not_asked_for_twice(on_account: OnAccount) -> None:
    """Every answer is lost for a day: we give up, and the meter has it."""
    on_account.use(1_000_000)
    on_account.account.control(
        "faults",
        calls=[{"path": "/v1/billing/meter_events", "times": 1000, "drop": True, "after": True}],
    )
    on_account.work()
    on_account.go_on(25 * HOUR)
    on_account.account.web("DELETE", "/control/faults")
    assert {event.state for event in on_account.events()} == {"too_late"}

    invoice = on_account.end_month()

    assert on_account.lines_there() == [100]
    assert (invoice.asked_cents, invoice.correction_cents) == (100, 0)


@pytest.mark.thorough
def test_a_second_belongs_to_the_month_in_which_it_was_settled(on_account: OnAccount) -> None:
    first, second = on_account.hold(3_000_000), on_account.hold(4_000_000)
    for moment, reference, microusd in (
        (FEBRUARY - timedelta(microseconds=1), first, 3_000_000),
        (FEBRUARY, second, 4_000_000),
    ):
        with time_machine.travel(moment, tick=False):
            on_account.settle(reference, microusd)

    january = on_account.end_month()
    february = on_account.end_month(MARCH)

    assert (january.asked_cents, february.asked_cents) == (300, 400)
    assert (on_account.lines_there(january), on_account.lines_there(february)) == ([300], [400])


@pytest.mark.parametrize(
    ("microusd", "cents"), [(999_999, 100), (994_999, 99), (995_000, 100), (1_004_999, 100)]
)
def test_half_a_cent_goes_up_and_what_was_rounded_is_written_off(
    on_account: OnAccount, microusd: int, cents: int
) -> None:
    use_and_tell(on_account, microusd)

    invoice = on_account.end_month()
    on_account.client.v1.invoices.pay(invoice.stripe_id, {"paid_out_of_band": True})
    on_account.work()

    invoice.refresh_from_db()
    assert (invoice.state, invoice.asked_cents, invoice.correction_cents) == ("paid", cents, 0)
    assert moved(on_account, invoice, "payment") == cents * 10_000
    assert moved(on_account, invoice, "write_off") == microusd - cents * 10_000
    assert on_account.left == 100_000_000
    on_account.agrees()


@pytest.mark.thorough
def test_less_than_stripe_charges_waits_for_the_next_invoice(on_account: OnAccount) -> None:
    use_and_tell(on_account, 300_000)
    january = on_account.end_month()
    assert (january.state, january.asked_cents) == ("paid", 30)
    assert moved(on_account, january, "payment") == 0
    assert on_account.left == 100_000_000

    use_and_tell(on_account, 2_000_000)
    february = on_account.end_month(MARCH)
    assert on_account.invoice_there().amount_due == 230
    on_account.client.v1.invoices.pay(february.stripe_id, {"paid_out_of_band": True})
    on_account.work()

    february.refresh_from_db()
    assert february.state == "paid"
    assert moved(on_account, february, "payment") == 2_300_000
    on_account.agrees()


@pytest.mark.thorough
def test_what_stripe_made_final_without_us_is_made_good_by_the_next(on_account: OnAccount) -> None:
    """All webhooks are lost, and our clock stands still, while the draft's hour goes by."""
    use_and_tell(on_account, 1_000_000)
    on_account.account.control("meter_events", refuse=2)
    use_and_tell(on_account, 700_000)
    on_account.account.control("faults", webhooks={"off": True})
    on_account.go_to(FEBRUARY + 2 * HOUR, quietly=True)
    assert on_account.client.v1.invoices.list().data[0].status == "open"

    comparing.compare()

    january = on_account.invoice()
    assert (january.usage_microusd, january.asked_cents) == (1_700_000, 100)
    on_account.account.control("faults", webhooks={"off": False})
    use_and_tell(on_account, 2_000_000)
    february = on_account.end_month(MARCH)
    assert (february.usage_microusd, february.asked_cents) == (2_000_000, 270)
    assert on_account.lines_there() == [200, 70]
    use_and_tell(on_account, 3_000_000)
    assert on_account.end_month(APRIL).asked_cents == 300


def test_twice_and_backwards_ends_in_the_same_place(on_account: OnAccount) -> None:
    use_and_tell(on_account, 1_000_000)
    invoice = on_account.end_month()
    on_account.client.v1.invoices.pay(invoice.stripe_id, {"paid_out_of_band": True})
    deliveries = on_account.account.waiting()
    assert len(deliveries) > 1

    on_account.account.deliver([*reversed(deliveries), *deliveries])
    on_account.run_queue()
    for _ in range(3):
        on_account.follow(invoice)

    assert on_account.invoice().state == "paid"
    assert moved(on_account, invoice, "payment") == 1_000_000
    assert on_account.left == 100_000_000


def test_the_older_of_two_answers_never_wins(on_account: OnAccount) -> None:
    use_and_tell(on_account, 1_000_000)
    invoice = on_account.end_month()
    asked = 0

    def overtake(method: str, url: str) -> None:
        nonlocal asked
        if method == "get" and f"{invoice.stripe_id}/lines" in url:
            asked += 1
            if asked == 1:  # somebody else hears of it first
                on_account.client.v1.invoices.mark_uncollectible(invoice.stripe_id)
                on_account.follow(invoice)

    on_account.account.after_call = overtake
    on_account.follow(invoice)

    assert asked == 3
    assert on_account.invoice().state == "uncollectible"
    assert on_account.line.state == "closed"


def test_a_correction_whose_answer_was_lost_is_made_once(on_account: OnAccount) -> None:
    on_account.account.control("meter_events", refuse=2)
    use_and_tell(on_account, 1_000_000)
    on_account.go_to(FEBRUARY + timedelta(minutes=1))
    on_account.go_to(FEBRUARY + 2 * HOUR, quietly=True)
    on_account.account.control(
        "faults", calls=[{"path": "/v1/invoiceitems", "times": 1, "drop": True, "after": True}]
    )

    with pytest.raises(StripeUnavailable):
        invoices.follow(on_account.invoice().stripe_id)
    on_account.work()

    invoice = on_account.invoice()
    assert (invoice.state, invoice.asked_cents, invoice.correction_cents) == ("open", 100, 100)
    assert sorted(on_account.lines_there()) == [0, 100]


def test_what_is_taken_back_within_the_day_leaves_the_meter(on_account: OnAccount) -> None:
    use_and_tell(on_account, 1_000_000)
    reference = use_and_tell(on_account, 2_000_000)
    on_account.take_back(reference)
    on_account.take_back(reference)
    on_account.work()
    assert on_account.metered(INVOICED, FEBRUARY - 31 * DAY, FEBRUARY) == 1_000_000
    assert on_account.standing.open_microusd == 1_000_000
    assert on_account.left == 99_000_000
    on_account.agrees()

    invoice = on_account.end_month()

    assert on_account.lines_there() == [100]
    assert (invoice.usage_microusd, invoice.correction_cents) == (1_000_000, 0)


def test_what_is_taken_back_later_is_taken_off_the_draft(on_account: OnAccount) -> None:
    use_and_tell(on_account, 1_000_000)
    reference = use_and_tell(on_account, 2_000_000)
    on_account.go_on(2 * DAY)
    on_account.take_back(reference)
    on_account.work()
    assert on_account.left == 99_000_000

    invoice = on_account.end_month()

    assert on_account.lines_there() == [300, -200]
    assert (invoice.usage_microusd, invoice.asked_cents) == (1_000_000, 100)


@pytest.mark.thorough
def test_what_is_taken_back_when_it_was_asked_for_is_given_back_by_the_next(
    on_account: OnAccount,
) -> None:
    reference = use_and_tell(on_account, 2_000_000)
    january = on_account.end_month()
    on_account.take_back(reference)
    on_account.work()
    assert on_account.left == 100_000_000
    on_account.client.v1.invoices.pay(january.stripe_id, {"paid_out_of_band": True})
    on_account.work()
    assert on_account.left == 102_000_000  # they have paid for what they did not get
    on_account.agrees()

    use_and_tell(on_account, 5_000_000)
    february = on_account.end_month(MARCH)

    assert on_account.lines_there() == [500, -200]
    assert (february.usage_microusd, february.asked_cents) == (3_000_000, 300)
    on_account.client.v1.invoices.pay(february.stripe_id, {"paid_out_of_band": True})
    on_account.work()
    assert on_account.left == 100_000_000
    on_account.agrees()


@pytest.mark.thorough
def test_an_invoice_below_zero_is_money_for_the_ones_after_it(on_account: OnAccount) -> None:
    reference = use_and_tell(on_account, 5_000_000)
    january = on_account.end_month()
    on_account.client.v1.invoices.pay(january.stripe_id, {"paid_out_of_band": True})
    on_account.work()
    on_account.take_back(reference)
    use_and_tell(on_account, 1_000_000)

    february = on_account.end_month(MARCH)

    assert (february.state, february.usage_microusd) == ("paid", -4_000_000)
    assert (february.asked_cents, february.total_cents) == (-400, -400)
    assert moved(on_account, february, "payment") == 0
    assert moved(on_account, february, "write_off") == -4_000_000
    assert on_account.left == 100_000_000
    on_account.agrees()

    use_and_tell(on_account, 10_000_000)
    march = on_account.end_month(APRIL)
    assert (march.asked_cents, on_account.invoice_there().amount_due) == (1000, 600)
    on_account.client.v1.invoices.pay(march.stripe_id, {"paid_out_of_band": True})
    on_account.work()
    assert moved(on_account, march, "payment") == 6_000_000
    assert moved(on_account, march, "write_off") == 4_000_000
    on_account.agrees()


@pytest.mark.thorough
def test_what_an_operator_adds_at_stripe_is_asked_for_beside_the_usage(
    on_account: OnAccount,
) -> None:
    use_and_tell(on_account, 1_000_000)
    on_account.client.v1.invoice_items.create(
        {
            "customer": on_account.customer_id,
            "amount": 2500,
            "currency": "usd",
            "description": "Support",
        }
    )

    invoice = on_account.end_month()
    assert sorted(on_account.lines_there()) == [100, 2500]
    assert (invoice.asked_cents, invoice.amount_cents) == (100, 2600)
    on_account.client.v1.invoices.pay(invoice.stripe_id, {"paid_out_of_band": True})
    on_account.work()

    assert moved(on_account, invoice, "payment") == 26_000_000
    assert moved(on_account, invoice, "write_off") == -25_000_000
    assert on_account.left == 100_000_000
    on_account.agrees()


def test_an_invoice_of_another_kind_is_not_ours(on_account: OnAccount) -> None:
    other = on_account.client.v1.invoices.create({"customer": on_account.customer_id})

    assert invoices.follow(other.id) is None
    on_account.work()

    assert not Invoice.objects.exists()


def test_a_month_without_use_asks_for_nothing_and_tells_nobody(on_account: OnAccount) -> None:
    invoice = on_account.end_month()

    assert (invoice.state, invoice.asked_cents, invoice.is_settled) == ("paid", 0, True)
    assert not on_account.told("invoice.")

"""What was used reaches Stripe's meters once, within minutes, and says nobody's name."""

import logging
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db import transaction
from django.utils import timezone

from accounts import pseudonyms
from accounts.models import Organization
from billing import ledger, usage, usage_reports
from billing.ledger import Wanted
from billing.models import MeterEvent, UsageRecord
from seedance_saas import queue
from tests.billing.on_account import BEGIN, DAY, HOUR, INVOICED, LABELS, USAGE, OnAccount

EVENTS = "/v1/billing/meter_events"


def send_due() -> int:
    return usage_reports.send_due(seconds_max=60)


@pytest.fixture
def open_line(on_account: OnAccount) -> OnAccount:
    on_account.approve(limit_usd=100)
    return on_account


# -- what is told -------------------------------------------------------------------------------------


def test_a_use_of_the_line_is_told_to_both_meters(open_line: OnAccount) -> None:
    reference = open_line.use(1_234_567, end_user="bob@acme.example")
    settled_at = UsageRecord.objects.get(reference=reference).settled_at

    assert send_due() == 2

    pseudonym = pseudonyms.of(open_line.organization, "bob@acme.example")
    said = {
        "stripe_customer_id": open_line.customer_id,
        "value": "1234567",
        "model": LABELS["model"],
        "resolution": LABELS["resolution"],
        "seconds": "4",
        "end_user_id": pseudonym,
    }
    found = open_line.received()
    assert sorted(one["event_name"] for one in found) == [USAGE, INVOICED]
    for one in found:
        assert one["payload"] == said
        assert one["timestamp"] == int(settled_at.timestamp())
        assert one["refusal"] is None
    identifiers = {one["identifier"] for one in found}
    assert identifiers == {f"usage:{event.id}" for event in open_line.events()}
    assert "bob" not in str(found)
    assert open_line.event_states() == ["sent", "sent"]


def test_nobodys_use_has_no_end_user(open_line: OnAccount) -> None:
    open_line.use(1_000_000)
    send_due()

    assert all("end_user_id" not in one["payload"] for one in open_line.received())


def test_prepaid_use_is_told_to_the_meter_without_a_price_alone(
    on_account: OnAccount, acme: Organization
) -> None:
    """Of an organization that has no line, and no customer at Stripe before."""
    with transaction.atomic():
        ledger.hold(acme, [Wanted("work:1", 500_000, end_user_id="bob")], now=timezone.now())
    with transaction.atomic():
        hold = ledger.capture(acme, "work:1", amount_microusd=400_000)
        usage.record(acme, hold, seconds=4, labels=LABELS)

    assert send_due() == 1

    (found,) = on_account.received()
    assert (found["event_name"], found["value"]) == (USAGE, "400000")
    assert found["payload"]["end_user_id"] == pseudonyms.of(acme, "bob")
    meters = on_account.client.v1.billing.meters.list().data
    priced = {
        price.recurring.meter
        for price in on_account.client.v1.prices.list().data
        if price.recurring
    }
    assert {meter.event_name for meter in meters if meter.id in priced} == {INVOICED}


def test_a_sandbox_tells_nothing(on_account: OnAccount, acme: Organization) -> None:
    acme.is_sandbox = True
    acme.save()
    with transaction.atomic():
        ledger.hold(acme, [Wanted("work:1", 500_000)], now=timezone.now())
    with transaction.atomic():
        hold = ledger.capture(acme, "work:1", amount_microusd=400_000)
        usage.record(acme, hold, seconds=4, labels=LABELS)

    assert UsageRecord.objects.count() == 1
    assert not MeterEvent.objects.exists()
    assert send_due() == 0


def test_a_settlement_that_is_repeated_tells_nothing_more(open_line: OnAccount) -> None:
    reference = open_line.use(1_000_000)

    open_line.settle(reference, 1_000_000)

    assert len(open_line.events()) == 2


# -- how it is sent -----------------------------------------------------------------------------------


def test_hundreds_wait_and_all_are_sent_the_oldest_first(
    open_line: OnAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(usage_reports, "BATCH", 7)
    for _ in range(20):
        open_line.use(10_000)

    assert send_due() == 40

    found = open_line.received()
    assert [one["timestamp"] for one in found] == sorted(one["timestamp"] for one in found)
    assert len({one["identifier"] for one in found}) == 40
    assert send_due() == 0


def test_what_one_sender_has_no_other_sends_until_its_lease_is_over(open_line: OnAccount) -> None:
    """The first one dies with its batch in hand."""
    open_line.use(1_000_000)
    assert len(usage_reports._take()) == 2

    assert send_due() == 0
    open_line.clock.shift(usage_reports.LEASE)
    assert send_due() == 2


def test_one_whose_answer_was_lost_is_sent_again_and_counted_once(open_line: OnAccount) -> None:
    """Stripe answers the repeat with a 400, which says that it was delivered."""
    open_line.use(1_000_000)
    open_line.account.control(
        "faults", calls=[{"path": EVENTS, "times": 2, "drop": True, "after": True}]
    )
    assert send_due() == 0
    assert open_line.event_states() == ["pending", "pending"]

    open_line.clock.shift(timedelta(seconds=16))
    assert send_due() == 2

    assert open_line.event_states() == ["sent", "sent"]
    assert open_line.metered(INVOICED, BEGIN, BEGIN + DAY) == 1_000_000
    assert len(open_line.received()) == 2


def test_while_stripe_is_away_the_pauses_grow_up_to_an_hour(open_line: OnAccount) -> None:
    open_line.use(1_000_000)
    open_line.account.control("faults", calls=[{"path": EVENTS, "times": 10_000, "status": 503}])
    pauses = []
    for _ in range(12):
        send_due()
        event = open_line.events(meter="invoiced")[0]
        assert event.state == "pending"
        assert event.error
        pauses.append(round((event.due_at - timezone.now()).total_seconds()))
        open_line.clock.move_to(event.due_at)

    assert pauses == [15, 30, 60, 120, 240, 480, 960, 1920, 3600, 3600, 3600, 3600]


def test_after_a_day_it_is_too_late_and_somebody_is_told(
    open_line: OnAccount, caplog: pytest.LogCaptureFixture
) -> None:
    open_line.use(1_000_000)
    open_line.account.control("faults", calls=[{"path": EVENTS, "times": 10_000, "status": 503}])
    open_line.clock.shift(timedelta(hours=23, minutes=59))
    send_due()
    assert open_line.event_states() == ["pending", "pending"]

    open_line.clock.shift(2 * HOUR)
    caplog.clear()
    assert send_due() == 0

    assert open_line.event_states() == ["too_late", "too_late"]
    assert all("not delivered within a day: " in event.error for event in open_line.events())
    errors = [one.message for one in caplog.records if one.levelno == logging.ERROR]
    assert sorted(one.split()[0] for one in errors) == ["meter_event.too_late"] * 2
    open_line.account.web("DELETE", "/control/faults")
    assert send_due() == 0
    assert open_line.received() == []


def test_a_busy_stripe_refuses_nothing_for_good(open_line: OnAccount) -> None:
    open_line.use(1_000_000)
    open_line.account.control("faults", calls=[{"path": EVENTS, "times": 2, "status": 429}])
    send_due()
    assert open_line.event_states() == ["pending", "pending"]

    open_line.clock.shift(timedelta(seconds=16))
    assert send_due() == 2


def test_one_that_is_due_is_not_held_up_by_one_that_fails(
    open_line: OnAccount,
) -> None:
    open_line.use(1_000_000)
    open_line.account.control("faults", calls=[{"path": EVENTS, "times": 1, "status": 503}])

    assert send_due() == 1

    assert open_line.event_states() == ["pending", "sent"]


def test_the_lag_is_the_age_of_the_oldest_that_waits(open_line: OnAccount) -> None:
    assert usage_reports.lag_seconds() == 0
    open_line.use(1_000_000)
    open_line.account.control("faults", calls=[{"path": EVENTS, "times": 10_000, "status": 503}])
    open_line.clock.shift(600)
    send_due()
    assert usage_reports.lag_seconds() == pytest.approx(600, abs=5)
    open_line.clock.shift(3600)
    open_line.use(1_000_000)
    assert usage_reports.lag_seconds() == pytest.approx(4200, abs=5)


def test_the_outbox_is_emptied_by_a_task(
    open_line: OnAccount, run_queue: Callable[[], int]
) -> None:
    open_line.use(1_000_000)
    queue.enqueue("billing.tasks.send_meter_events")

    run_queue()

    assert open_line.event_states() == ["sent", "sent"]

"""What was used reaches Stripe's meters once, within minutes, and says nobody's name."""

import logging
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.db import transaction
from django.utils import timezone

from accounts import pseudonyms
from accounts.models import Organization
from billing import comparing, ledger, usage, usage_reports
from billing.ledger import Wanted
from billing.models import MeterEvent, StripeCheck, StripeEvent, UsageRecord
from seedance_saas import queue
from tests.billing.on_account import BEGIN, DAY, HOUR, INVOICED, LABELS, USAGE, OnAccount
from tests.stripe_account import StripeAccount, send

EVENTS = "/v1/billing/meter_events"


def received(account: StripeAccount) -> list[dict[str, Any]]:
    """What the meters received, the oldest first."""
    found = account.web("GET", "/control/meter_events").json()["data"]
    return list(reversed(found))


def states(on_account: OnAccount) -> list[str]:
    return sorted(event.state for event in on_account.events())


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
    found = received(open_line.account)
    assert sorted(one["event_name"] for one in found) == [USAGE, INVOICED]
    for one in found:
        assert one["payload"] == said
        assert one["timestamp"] == int(settled_at.timestamp())
        assert one["refusal"] is None
    identifiers = {one["identifier"] for one in found}
    assert identifiers == {f"usage:{event.id}" for event in open_line.events()}
    assert "bob" not in str(found)
    assert states(open_line) == ["sent", "sent"]


def test_nobodys_use_has_no_end_user(open_line: OnAccount) -> None:
    open_line.use(1_000_000)
    send_due()

    assert all("end_user_id" not in one["payload"] for one in received(open_line.account))


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

    (found,) = received(on_account.account)
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

    found = received(open_line.account)
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
    assert states(open_line) == ["pending", "pending"]

    open_line.clock.shift(timedelta(seconds=16))
    assert send_due() == 2

    assert states(open_line) == ["sent", "sent"]
    assert open_line.metered(INVOICED, BEGIN, BEGIN + DAY) == 1_000_000
    assert len(received(open_line.account)) == 2


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
    assert states(open_line) == ["pending", "pending"]

    open_line.clock.shift(2 * HOUR)
    caplog.clear()
    assert send_due() == 0

    assert states(open_line) == ["too_late", "too_late"]
    assert all("not delivered within a day: " in event.error for event in open_line.events())
    errors = [one.message for one in caplog.records if one.levelno == logging.ERROR]
    assert sorted(one.split()[0] for one in errors) == ["meter_event.too_late"] * 2
    open_line.account.web("DELETE", "/control/faults")
    assert send_due() == 0
    assert received(open_line.account) == []


def test_a_busy_stripe_refuses_nothing_for_good(open_line: OnAccount) -> None:
    open_line.use(1_000_000)
    open_line.account.control("faults", calls=[{"path": EVENTS, "times": 2, "status": 429}])
    send_due()
    assert states(open_line) == ["pending", "pending"]

    open_line.clock.shift(timedelta(seconds=16))
    assert send_due() == 2


def test_one_that_is_due_is_not_held_up_by_one_that_fails(
    open_line: OnAccount,
) -> None:
    open_line.use(1_000_000)
    open_line.account.control("faults", calls=[{"path": EVENTS, "times": 1, "status": 503}])

    assert send_due() == 1

    assert states(open_line) == ["pending", "sent"]


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


# -- what Stripe does not take ------------------------------------------------------------------------


def test_refused_at_once_it_is_listed_with_the_reason(
    open_line: OnAccount, caplog: pytest.LogCaptureFixture
) -> None:
    """Our clock was ahead by an hour when it was settled."""
    with time_machine.travel(timezone.now() + HOUR):
        open_line.use(1_000_000)
        MeterEvent.objects.update(due_at=BEGIN)

    assert send_due() == 0

    assert states(open_line) == ["refused", "refused"]
    assert "cannot be more than 5 minutes in future" in open_line.events()[0].error
    assert sum("meter_event.refused" in one.message for one in caplog.records) == 2


def test_refused_afterwards_it_is_listed_with_the_reason(
    open_line: OnAccount, caplog: pytest.LogCaptureFixture
) -> None:
    open_line.use(1_000_000)
    open_line.account.control("meter_events", refuse=2, code="meter_event_customer_not_found")
    assert send_due() == 2
    assert states(open_line) == ["sent", "sent"]

    open_line.go_on(timedelta(seconds=15))

    assert states(open_line) == ["refused", "refused"]
    assert all(
        event.error.startswith("meter_event_customer_not_found: ") for event in open_line.events()
    )
    reports = StripeEvent.objects.filter(type="v1.billing.meter.error_report_triggered")
    assert [report.state for report in reports] == ["handled", "handled"]
    assert reports[0].error == "There is 1 invalid event"
    errors = [one for one in caplog.records if one.levelno == logging.ERROR]
    assert sum("meter_event.report" in one.message for one in errors) == 2


def test_a_meter_that_is_not_there_is_heard_of(open_line: OnAccount) -> None:
    """A report that is about no object, because there is none."""
    open_line.use(1_000_000)
    event = open_line.events(meter="invoiced")[0]
    open_line.client.v1.billing.meter_events.create(
        {
            "event_name": "unknown",
            "identifier": event.identifier,
            "payload": {"stripe_customer_id": open_line.customer_id, "value": "1"},
        }
    )
    open_line.clock.shift(15)
    reports = [
        one for one in open_line.account.waiting() if one.event_type.endswith("no_meter_found")
    ]

    assert open_line.account.deliver(reports) == 1
    open_line.run_queue()

    event.refresh_from_db()
    assert (event.state, event.error.partition(":")[0]) == ("refused", "no_meter")


def test_a_report_of_anothers_events_is_kept_and_touches_nothing(open_line: OnAccount) -> None:
    open_line.use(1_000_000)
    send_due()
    open_line.client.v1.billing.meter_events.create(
        {"event_name": USAGE, "identifier": "other:1", "payload": {"value": "1"}}
    )
    open_line.go_on(timedelta(seconds=15))

    assert states(open_line) == ["sent", "sent"]
    assert StripeEvent.objects.get(type__startswith="v1.billing.meter").state == "handled"


def test_a_report_that_comes_twice_says_it_once(open_line: OnAccount) -> None:
    open_line.use(1_000_000)
    open_line.account.control("meter_events", refuse=2)
    send_due()
    open_line.clock.shift(15)
    reports = open_line.account.waiting()
    assert reports

    for delivery in [*reports, *reports]:
        assert send(delivery).status_code == 200
    open_line.run_queue()

    assert states(open_line) == ["refused", "refused"]
    assert StripeEvent.objects.filter(type__startswith="v1.billing.meter").count() == 2


# -- compared -----------------------------------------------------------------------------------------


def compare(on_account: OnAccount) -> list[str]:
    comparing.compare()
    on_account.run_queue()
    on_account.work()
    found = StripeCheck.objects.filter(subject="usage").order_by("id")
    return [difference for check in found for difference in check.differences]


def test_what_agrees_is_not_spoken_of(open_line: OnAccount) -> None:
    open_line.use(1_000_000)
    open_line.work()
    open_line.go_on(2 * HOUR)

    assert compare(open_line) == []


def test_what_stripe_lost_is_sent_again_and_counted_once(
    open_line: OnAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    open_line.use(1_000_000)
    open_line.work()
    with monkeypatch.context() as patch:  # it said yes, and kept nothing
        patch.setattr(usage_reports.usage, "send_meter_event", lambda *args, **fields: None)
        open_line.use(2_000_000)
        send_due()
    open_line.go_on(2 * HOUR)

    found = compare(open_line)

    organization = open_line.organization.pk
    assert found == [
        f"meter {name} of {organization} counts 1000000 and was told 3000000; 2 are sent again"
        for name in (USAGE, INVOICED)
    ]
    assert states(open_line) == ["sent"] * 4
    assert open_line.metered(INVOICED, BEGIN, BEGIN + HOUR) == 3_000_000
    assert len(compare(open_line)) == len(found)


def test_what_is_too_old_to_be_sent_again_is_shown_only(
    open_line: OnAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(usage_reports.usage, "send_meter_event", lambda *args, **fields: None)
        open_line.use(2_000_000)
        send_due()
    open_line.go_on(21 * HOUR)

    assert [one.rpartition("; ")[2] for one in compare(open_line)] == ["0 are sent again"] * 2
    assert states(open_line) == ["sent", "sent"]


def test_what_was_used_within_the_hour_is_not_compared_yet(
    open_line: OnAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(usage_reports.usage, "send_meter_event", lambda *args, **fields: None)
        open_line.use(2_000_000)
        send_due()

    assert compare(open_line) == []


# -- taken back ---------------------------------------------------------------------------------------


def test_what_is_taken_back_before_it_is_sent_is_never_sent(open_line: OnAccount) -> None:
    reference = open_line.use(1_000_000)
    open_line.take_back(reference)

    open_line.work()

    assert [one["event_name"] for one in received(open_line.account)] == [USAGE]
    assert open_line.left == 100_000_000


def test_what_is_taken_back_is_uncounted_by_the_priced_meter_alone(open_line: OnAccount) -> None:
    reference = open_line.use(1_000_000)
    open_line.work()

    open_line.take_back(reference)
    open_line.work()

    assert {one["event_name"]: one["canceled"] for one in received(open_line.account)} == {
        USAGE: False,
        INVOICED: True,
    }


def test_taking_back_what_no_line_paid_for_takes_nothing_back(open_line: OnAccount) -> None:
    count = len(open_line.events())

    open_line.take_back("generation:unknown")

    assert len(open_line.events()) == count
    assert open_line.left == 100_000_000


def test_the_outbox_is_emptied_by_a_task(
    open_line: OnAccount, run_queue: Callable[[], int]
) -> None:
    open_line.use(1_000_000)
    queue.enqueue("billing.tasks.send_meter_events")

    run_queue()

    assert states(open_line) == ["sent", "sent"]

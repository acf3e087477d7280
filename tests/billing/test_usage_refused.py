"""What Stripe's meters do not take, or lose, is listed; what is taken back they forget."""

import logging
from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone

from billing import comparing, usage_reports
from billing.models import MeterEvent, StripeCheck, StripeEvent
from tests.billing.on_account import BEGIN, HOUR, INVOICED, USAGE, OnAccount
from tests.stripe_account import send

SEND = "billing.usage_reports.usage.send_meter_event"


def send_due() -> int:
    return usage_reports.send_due(seconds_max=60)


@pytest.fixture
def open_line(on_account: OnAccount) -> OnAccount:
    on_account.approve(limit_usd=100)
    return on_account


# -- what Stripe does not take ------------------------------------------------------------------------


def test_refused_at_once_it_is_listed_with_the_reason(
    open_line: OnAccount, caplog: pytest.LogCaptureFixture
) -> None:
    """Our clock was ahead by an hour when it was settled."""
    with time_machine.travel(timezone.now() + HOUR):
        open_line.use(1_000_000)
        MeterEvent.objects.update(due_at=BEGIN)

    assert send_due() == 0

    assert open_line.event_states() == ["refused", "refused"]
    assert "cannot be more than 5 minutes in future" in open_line.events()[0].error
    assert sum("meter_event.refused" in one.message for one in caplog.records) == 2


def test_refused_afterwards_it_is_listed_with_the_reason(
    open_line: OnAccount, caplog: pytest.LogCaptureFixture
) -> None:
    open_line.use(1_000_000)
    open_line.account.control("meter_events", refuse=2, code="meter_event_customer_not_found")
    assert send_due() == 2
    assert open_line.event_states() == ["sent", "sent"]

    open_line.go_on(timedelta(seconds=15))

    assert open_line.event_states() == ["refused", "refused"]
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

    assert open_line.event_states() == ["sent", "sent"]
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

    assert open_line.event_states() == ["refused", "refused"]
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
        patch.setattr(SEND, lambda *args, **fields: None)
        open_line.use(2_000_000)
        send_due()
    open_line.go_on(2 * HOUR)

    found = compare(open_line)

    organization = open_line.organization.pk
    assert found == [
        f"meter {name} of {organization} counts 1000000 and was told 3000000; 2 are sent again"
        for name in (USAGE, INVOICED)
    ]
    assert open_line.event_states() == ["sent"] * 4
    assert open_line.metered(INVOICED, BEGIN, BEGIN + HOUR) == 3_000_000
    assert len(compare(open_line)) == len(found)


def test_what_is_too_old_to_be_sent_again_is_shown_only(
    open_line: OnAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(SEND, lambda *args, **fields: None)
        open_line.use(2_000_000)
        send_due()
    open_line.go_on(21 * HOUR)

    assert [one.rpartition("; ")[2] for one in compare(open_line)] == ["0 are sent again"] * 2
    assert open_line.event_states() == ["sent", "sent"]


def test_what_was_used_within_the_hour_is_not_compared_yet(
    open_line: OnAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(SEND, lambda *args, **fields: None)
        open_line.use(2_000_000)
        send_due()

    assert compare(open_line) == []


# -- taken back ---------------------------------------------------------------------------------------


def test_what_is_taken_back_before_it_is_sent_is_never_sent(open_line: OnAccount) -> None:
    reference = open_line.use(1_000_000)
    open_line.take_back(reference)

    open_line.work()

    assert [one["event_name"] for one in open_line.received()] == [USAGE]
    assert open_line.left == 100_000_000


def test_what_is_taken_back_is_uncounted_by_the_priced_meter_alone(open_line: OnAccount) -> None:
    reference = open_line.use(1_000_000)
    open_line.work()

    open_line.take_back(reference)
    open_line.work()

    assert {one["event_name"]: one["canceled"] for one in open_line.received()} == {
        USAGE: False,
        INVOICED: True,
    }


def test_taking_back_what_no_line_paid_for_takes_nothing_back(open_line: OnAccount) -> None:
    count = len(open_line.events())

    open_line.take_back("generation:unknown")

    assert len(open_line.events()) == count
    assert open_line.left == 100_000_000

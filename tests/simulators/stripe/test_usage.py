"""Meter events: what is refused at once, what later, and what a summary counts."""

import pytest
import stripe

from tests.simulators.stripe.conftest import NOON, Control

DAY = 86_400


@pytest.fixture
def meter(client: stripe.StripeClient, noon: int) -> stripe.billing.Meter:
    return client.v1.billing.meters.create(
        {
            "display_name": "Seconds",
            "event_name": "seconds",
            "default_aggregation": {"formula": "sum"},
        }
    )


@pytest.fixture
def customer(client: stripe.StripeClient, noon: int) -> str:
    return client.v1.customers.create({"name": "Acme"}).id


def send(
    client: stripe.StripeClient,
    customer: str,
    value: str = "5",
    *,
    at: int | None = None,
    identifier: str | None = None,
    event_name: str = "seconds",
    **payload: str,
) -> stripe.billing.MeterEvent:
    given: stripe.params.billing.MeterEventCreateParams = {
        "event_name": event_name,
        "payload": {"stripe_customer_id": customer, "value": value, **payload},
    }
    if at is not None:
        given["timestamp"] = at
    if identifier is not None:
        given["identifier"] = identifier
    return client.v1.billing.meter_events.create(given)


def total(client: stripe.StripeClient, meter: stripe.billing.Meter, customer: str) -> list[float]:
    summaries = client.v1.billing.meters.event_summaries.list(
        meter.id,
        {"customer": customer, "start_time": NOON - 35 * DAY, "end_time": NOON + 2 * DAY},
    )
    return [summary.aggregated_value for summary in summaries.data]


def test_an_event_is_answered_as_it_was_sent(
    client: stripe.StripeClient, meter: stripe.billing.Meter, customer: str, noon: int
) -> None:
    sent = send(client, customer, identifier="usage:1", end_user_id="u1")

    assert sent.to_dict() == {
        "object": "billing.meter_event",
        "created": noon,
        "event_name": "seconds",
        "identifier": "usage:1",
        "livemode": False,
        "payload": {"stripe_customer_id": customer, "value": "5", "end_user_id": "u1"},
        "timestamp": noon,
    }
    assert total(client, meter, customer) == [5]


def test_the_same_identifier_is_refused_for_a_day(
    client: stripe.StripeClient, meter: stripe.billing.Meter, customer: str, control: Control
) -> None:
    send(client, customer, identifier="usage:1")

    for _ in range(2):
        with pytest.raises(stripe.InvalidRequestError) as refusal:
            send(client, customer, "7", identifier="usage:1")
        assert refusal.value.http_status == 400
        assert refusal.value.user_message == "An event already exists with identifier usage:1."
        assert refusal.value.code is None
        assert (refusal.value.headers or {})["stripe-should-retry"] == "false"
        control("advance", seconds=12 * 3600 - 1)
    assert total(client, meter, customer) == [5]

    control("advance", seconds=2)
    send(client, customer, "7", identifier="usage:1")
    assert total(client, meter, customer) == [12]


@pytest.mark.parametrize("offset", [-35 * DAY - 1, 301])
def test_a_time_out_of_range_is_refused_at_once(
    client: stripe.StripeClient, meter: stripe.billing.Meter, customer: str, offset: int
) -> None:
    with pytest.raises(stripe.InvalidRequestError, match="timestamp cannot be more than"):
        send(client, customer, at=NOON + offset)

    assert total(client, meter, customer) == []


@pytest.mark.parametrize("offset", [-35 * DAY, 300])
def test_a_time_just_in_range_counts(
    client: stripe.StripeClient, meter: stripe.billing.Meter, customer: str, offset: int
) -> None:
    send(client, customer, at=NOON + offset)

    assert total(client, meter, customer) == [5]


def test_an_identifier_has_at_most_100_characters(
    client: stripe.StripeClient, meter: stripe.billing.Meter, customer: str
) -> None:
    send(client, customer, identifier="x" * 100)

    with pytest.raises(stripe.InvalidRequestError, match="at most 100 characters") as refusal:
        send(client, customer, identifier="x" * 101)
    assert refusal.value.param == "identifier"
    assert total(client, meter, customer) == [5]


def test_decimals_and_negative_values_count(
    client: stripe.StripeClient, meter: stripe.billing.Meter, customer: str
) -> None:
    send(client, customer, "10.25")
    send(client, customer, "-3")

    assert total(client, meter, customer) == [7.25]


def test_a_value_of_more_than_15_digits_is_refused_at_once(
    client: stripe.StripeClient, meter: stripe.billing.Meter, customer: str
) -> None:
    send(client, customer, "123456789012345")

    with pytest.raises(stripe.InvalidRequestError, match="at most 15 digits"):
        send(client, customer, "1234567890123456")
    assert total(client, meter, customer) == [123456789012345]


@pytest.mark.parametrize(
    ("payload", "code", "message"),
    [
        ({"stripe_customer_id": "cus_none"}, "meter_event_customer_not_found", "No such customer: 'cus_none'"),
        ({"stripe_customer_id": ""}, "meter_event_no_customer_defined",
         "Customer mapping key stripe_customer_id not found in payload."),
        ({"value": "many"}, "meter_event_invalid_value",
         "The value in the event payload must be a number. Received many."),
    ],
)  # fmt: skip
def test_what_is_wrong_with_an_event_is_said_later(
    client: stripe.StripeClient,
    meter: stripe.billing.Meter,
    customer: str,
    control: Control,
    payload: dict[str, str],
    code: str,
    message: str,
) -> None:
    sent = client.v1.billing.meter_events.create(
        {
            "event_name": "seconds",
            "identifier": "usage:1",
            "payload": {"stripe_customer_id": customer, "value": "5"} | payload,
        }
    )
    assert sent.identifier == "usage:1"
    assert client.v2.core.events.list().data == []

    control("advance", seconds=12)

    (event,) = client.v2.core.events.list({"object_id": meter.id}).data
    assert event.to_dict() == {
        "id": event.id,
        "object": "v2.core.event",
        "type": "v1.billing.meter.error_report_triggered",
        "context": None,
        "created": "2026-11-01T12:00:12.000Z",
        "livemode": False,
        "reason": None,
        "related_object": {
            "id": meter.id,
            "type": "billing.meter",
            "url": f"/v1/billing/meters/{meter.id}",
        },
        "data": {
            "developer_message_summary": "There is 1 invalid event",
            "reason": {
                "error_count": 1,
                "error_types": [
                    {
                        "code": code,
                        "error_count": 1,
                        "sample_errors": [
                            {"error_message": message, "request": {"identifier": "usage:1"}}
                        ],
                    }
                ],
            },
            "validation_start": "2026-11-01T12:00:00.000Z",
            "validation_end": "2026-11-01T12:00:10.000Z",
        },
    }
    assert total(client, meter, customer) == []


def test_events_that_no_meter_wants_are_reported_together(
    client: stripe.StripeClient, meter: stripe.billing.Meter, customer: str, control: Control
) -> None:
    for number in range(7):
        send(client, customer, event_name="other", identifier=f"usage:{number}")
    send(client, customer)

    control("advance", seconds=12)

    (event,) = client.v2.core.events.list().data
    assert event.type == "v1.billing.meter.no_meter_found"
    data = event.to_dict()["data"]
    assert data["developer_message_summary"] == "There are 7 invalid events"
    (errors,) = data["reason"]["error_types"]
    assert (errors["code"], errors["error_count"]) == ("no_meter", 7)
    assert len(errors["sample_errors"]) == 5
    assert total(client, meter, customer) == [5]


def test_events_for_a_deactivated_meter_are_reported(
    client: stripe.StripeClient, meter: stripe.billing.Meter, customer: str, control: Control
) -> None:
    client.v1.billing.meters.deactivate(meter.id)
    send(client, customer)

    control("advance", seconds=12)

    (event,) = client.v2.core.events.list().data
    assert event.to_dict()["data"]["reason"]["error_types"][0]["code"] == "archived_meter"


def test_an_order_refuses_the_next_events(
    client: stripe.StripeClient, meter: stripe.billing.Meter, customer: str, control: Control
) -> None:
    control("meter_events", refuse=1, code="meter_event_customer_not_found")
    send(client, customer, identifier="usage:1")
    send(client, customer, "7", identifier="usage:2")

    assert total(client, meter, customer) == [7]
    received = control("meter_events")["data"]
    assert [(row["identifier"], row["refusal"]) for row in received] == [
        ("usage:2", None),
        ("usage:1", "meter_event_customer_not_found"),
    ]


def test_every_key_of_a_payload_is_kept(
    client: stripe.StripeClient, meter: stripe.billing.Meter, customer: str, control: Control
) -> None:
    send(client, customer, end_user_id="u1")

    (row,) = control("meter_events")["data"]
    assert row["payload"] == {"stripe_customer_id": customer, "value": "5", "end_user_id": "u1"}


def test_a_cancelled_event_does_not_count(
    client: stripe.StripeClient, meter: stripe.billing.Meter, customer: str, control: Control
) -> None:
    send(client, customer, identifier="usage:1")
    send(client, customer, "7", identifier="usage:2")
    cancel: stripe.params.billing.MeterEventAdjustmentCreateParams = {
        "type": "cancel",
        "event_name": "seconds",
        "cancel": {"identifier": "usage:1"},
    }

    made = client.v1.billing.meter_event_adjustments.create(cancel)

    assert (made.status, made.cancel and made.cancel.identifier) == ("pending", "usage:1")
    assert total(client, meter, customer) == [7]
    with pytest.raises(stripe.InvalidRequestError, match="already canceled"):
        client.v1.billing.meter_event_adjustments.create(cancel)


def test_an_event_can_be_cancelled_for_a_day(
    client: stripe.StripeClient, meter: stripe.billing.Meter, customer: str, control: Control
) -> None:
    send(client, customer, identifier="usage:1")
    control("advance", seconds=DAY)

    with pytest.raises(stripe.InvalidRequestError, match="last 24 hours") as refusal:
        client.v1.billing.meter_event_adjustments.create(
            {"type": "cancel", "event_name": "seconds", "cancel": {"identifier": "usage:1"}}
        )
    assert refusal.value.http_status == 400
    assert total(client, meter, customer) == [5]


def test_summaries_are_grouped_by_hours_the_newest_first(
    client: stripe.StripeClient, meter: stripe.billing.Meter, customer: str
) -> None:
    for hours_ago, value in ((3, "1"), (3, "2"), (1, "4")):
        send(client, customer, value, at=NOON - hours_ago * 3600)

    summaries = client.v1.billing.meters.event_summaries.list(
        meter.id,
        {
            "customer": customer,
            "start_time": NOON - 4 * 3600,
            "end_time": NOON,
            "value_grouping_window": "hour",
        },
    ).data

    assert [(row.start_time, row.end_time, row.aggregated_value) for row in summaries] == [
        (NOON - 3600, NOON, 4),
        (NOON - 3 * 3600, NOON - 2 * 3600, 3),
    ]


@pytest.mark.parametrize(
    ("start", "end", "window", "param"),
    [
        (NOON - 1, NOON, None, "start_time"),
        (NOON - 60, NOON + 30, None, "end_time"),
        (NOON - 60, NOON, "hour", "start_time"),
        (NOON - 3600, NOON, "day", "start_time"),
        (NOON, NOON, None, "end_time"),
    ],
)
def test_summaries_of_times_that_are_not_aligned_are_refused(
    client: stripe.StripeClient,
    meter: stripe.billing.Meter,
    customer: str,
    start: int,
    end: int,
    window: str | None,
    param: str,
) -> None:
    given: stripe.params.billing.MeterListEventSummariesParams = {
        "customer": customer,
        "start_time": start,
        "end_time": end,
    }
    if window:
        given["value_grouping_window"] = window

    with pytest.raises(stripe.InvalidRequestError) as refusal:
        client.v1.billing.meters.event_summaries.list(meter.id, given)
    assert refusal.value.param == param


def test_usage_of_another_customer_is_not_counted(
    client: stripe.StripeClient, meter: stripe.billing.Meter, customer: str
) -> None:
    other = client.v1.customers.create({}).id
    send(client, other, "7")

    assert (total(client, meter, customer), total(client, meter, other)) == ([], [7])


@pytest.mark.parametrize(("formula", "expected"), [("sum", 12), ("count", 2), ("last", 5)])
def test_a_meter_aggregates_by_its_formula(
    client: stripe.StripeClient, customer: str, formula: str, expected: int
) -> None:
    made = client.v1.billing.meters.create(
        {
            "display_name": "Seconds",
            "event_name": "seconds",
            "default_aggregation": {"formula": formula},
        }
    )
    send(client, customer, "5", at=NOON)
    send(client, customer, "7", at=NOON - 60)

    assert total(client, made, customer) == [expected]


def test_of_usage_that_was_summed_by_its_sender_the_last_of_an_hour_counts(
    client: stripe.StripeClient, customer: str
) -> None:
    made = client.v1.billing.meters.create(
        {
            "display_name": "Seconds",
            "event_name": "seconds",
            "default_aggregation": {"formula": "sum"},
            "event_time_window": "hour",
        }
    )
    for minutes_ago, value in ((70, "1"), (30, "2"), (20, "4")):
        send(client, customer, value, at=NOON - minutes_ago * 60)

    assert total(client, made, customer) == [5]


def test_a_meter_reads_its_own_keys(
    client: stripe.StripeClient, customer: str, control: Control
) -> None:
    made = client.v1.billing.meters.create(
        {
            "display_name": "Seconds",
            "event_name": "seconds",
            "default_aggregation": {"formula": "sum"},
            "customer_mapping": {"type": "by_id", "event_payload_key": "who"},
            "value_settings": {"event_payload_key": "seconds"},
        }
    )
    client.v1.billing.meter_events.create(
        {"event_name": "seconds", "payload": {"who": customer, "seconds": "3"}}
    )

    assert total(client, made, customer) == [3]


def test_the_second_version_refuses_at_once(
    client: stripe.StripeClient, meter: stripe.billing.Meter, customer: str
) -> None:
    made = client.v2.billing.meter_events.create(
        {
            "event_name": "seconds",
            "payload": {"stripe_customer_id": customer, "value": "5"},
            "timestamp": "2026-11-01T11:00:00.000Z",
        }
    )
    assert made.timestamp == "2026-11-01T11:00:00.000Z"
    assert total(client, meter, customer) == [5]

    with pytest.raises(stripe.InvalidRequestError, match="No meter was found"):
        client.v2.billing.meter_events.create(
            {"event_name": "other", "payload": {"stripe_customer_id": customer, "value": "5"}}
        )
    assert total(client, meter, customer) == [5]

"""Summaries: what a meter counted, for a whole time or for each hour and day of it."""

import pytest
import stripe

from tests.simulators.stripe.conftest import NOON
from tests.simulators.stripe.metering import send, total


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

"""Meter events: how they are answered, and what is refused at once."""

import pytest
import stripe

from tests.simulators.stripe.conftest import NOON, Control
from tests.simulators.stripe.metering import DAY, send, total


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


def test_every_key_of_a_payload_is_kept(
    client: stripe.StripeClient, meter: stripe.billing.Meter, customer: str, control: Control
) -> None:
    send(client, customer, end_user_id="u1")

    (row,) = control("meter_events")["data"]
    assert row["payload"] == {"stripe_customer_id": customer, "value": "5", "end_user_id": "u1"}


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

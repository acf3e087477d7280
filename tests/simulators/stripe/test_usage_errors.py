"""What is wrong with a meter event is said later, in a thin event."""

import pytest
import stripe

from tests.simulators.stripe.conftest import Control
from tests.simulators.stripe.metering import send, total


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

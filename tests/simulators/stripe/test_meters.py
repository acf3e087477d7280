"""Meters: one active one for each event name."""

import pytest
import stripe


def meter(client: stripe.StripeClient, event_name: str = "seconds") -> stripe.billing.Meter:
    return client.v1.billing.meters.create(
        {
            "display_name": "Seconds",
            "event_name": event_name,
            "default_aggregation": {"formula": "sum"},
        }
    )


def test_a_meter_has_stripes_defaults(client: stripe.StripeClient, noon: int) -> None:
    made = meter(client)

    assert made.id.startswith("mtr_")
    assert made.to_dict() == {
        "id": made.id,
        "object": "billing.meter",
        "created": noon,
        "customer_mapping": {"event_payload_key": "stripe_customer_id", "type": "by_id"},
        "default_aggregation": {"formula": "sum"},
        "display_name": "Seconds",
        "event_name": "seconds",
        "event_time_window": None,
        "livemode": False,
        "status": "active",
        "status_transitions": {"deactivated_at": None},
        "updated": noon,
        "value_settings": {"event_payload_key": "value"},
    }
    assert client.v1.billing.meters.retrieve(made.id) == made


def test_two_active_meters_cannot_have_one_event_name(client: stripe.StripeClient) -> None:
    first = meter(client)

    with pytest.raises(stripe.InvalidRequestError) as refusal:
        meter(client)
    assert refusal.value.param == "event_name"
    assert [found.id for found in client.v1.billing.meters.list().data] == [first.id]

    client.v1.billing.meters.deactivate(first.id)
    second = meter(client)
    with pytest.raises(stripe.InvalidRequestError):
        client.v1.billing.meters.reactivate(first.id)
    active = client.v1.billing.meters.list({"status": "active"}).data
    assert [found.id for found in active] == [second.id]


def test_only_the_display_name_can_be_changed(client: stripe.StripeClient) -> None:
    made = meter(client)

    changed = client.v1.billing.meters.update(made.id, {"display_name": "Seconds of video"})

    assert changed.display_name == "Seconds of video"
    with pytest.raises(stripe.InvalidRequestError, match="Received unknown parameter: event_name"):
        client.v1.billing.meters.update(made.id, {"event_name": "other"})  # type: ignore[arg-type]  # the wrong key is meant


def test_a_deactivated_meter_says_when(client: stripe.StripeClient, noon: int) -> None:
    made = meter(client)

    stopped = client.v1.billing.meters.deactivate(made.id)
    assert (stopped.status, stopped.status_transitions.deactivated_at) == ("inactive", noon)

    again = client.v1.billing.meters.reactivate(made.id)
    assert (again.status, again.status_transitions.deactivated_at) == ("active", None)
    kinds = [event.type for event in client.v1.events.list().data]
    assert kinds == [
        "billing.meter.reactivated",
        "billing.meter.deactivated",
        "billing.meter.created",
    ]

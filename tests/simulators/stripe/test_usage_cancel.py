"""A meter event can be cancelled for a day."""

import pytest
import stripe

from tests.simulators.stripe.conftest import Control
from tests.simulators.stripe.metering import DAY, send, total


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

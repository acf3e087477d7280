"""Usage of the meter `seconds`: how the tests send it and how they read its sum."""

import stripe
from stripe.params.billing import MeterEventCreateParams

from tests.simulators.stripe.conftest import NOON

DAY = 86_400


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
    given: MeterEventCreateParams = {
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

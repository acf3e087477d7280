"""Thin events go to the destinations that want them, signed; the whole event is fetched."""

import time

import pytest
import stripe
from stripe.params.v2.core import EventListParams

from tests.simulators.conftest import Receiver
from tests.simulators.stripe.conftest import Control

WANTED = ["v1.billing.meter.error_report_triggered", "v1.billing.meter.no_meter_found"]


def destination(
    client: stripe.StripeClient, receiver: Receiver, enabled_events: list[str] = WANTED
) -> stripe.v2.core.EventDestination:
    return client.v2.core.event_destinations.create(
        {
            "name": "Usage errors",
            "type": "webhook_endpoint",
            "event_payload": "thin",
            "enabled_events": enabled_events,
            "webhook_endpoint": {"url": receiver.url},
            "include": ["webhook_endpoint.signing_secret", "webhook_endpoint.url"],
        }
    )


def secret_of(made: stripe.v2.core.EventDestination) -> str:
    assert made.webhook_endpoint
    assert made.webhook_endpoint.signing_secret
    return made.webhook_endpoint.signing_secret


def test_a_thin_event_arrives_signed_and_is_fetched_whole(
    client: stripe.StripeClient, receiver: Receiver, control: Control
) -> None:
    made = destination(client, receiver)
    client.v1.billing.meter_events.create(
        {"event_name": "none", "identifier": "usage:1", "payload": {"value": "1"}}
    )
    control("advance", seconds=12)

    (post,) = receiver.wait_for(1)
    notification = client.parse_event_notification(
        post.body, post.headers["Stripe-Signature"], secret_of(made)
    )

    assert isinstance(notification, stripe.events.V1BillingMeterNoMeterFoundEventNotification)
    assert b"usage:1" not in post.body
    event = notification.fetch_event()
    sample = event.data.reason.error_types[0].sample_errors[0]
    assert sample.request.identifier == "usage:1"
    assert sample.error_message == "No meter was found matching event_name none."


def test_the_related_object_is_fetched(
    client: stripe.StripeClient, receiver: Receiver, control: Control
) -> None:
    made = destination(client, receiver)
    meter = client.v1.billing.meters.create(
        {
            "display_name": "Seconds",
            "event_name": "seconds",
            "default_aggregation": {"formula": "sum"},
        }
    )
    client.v1.billing.meter_events.create({"event_name": "seconds", "payload": {"value": "1"}})
    control("advance", seconds=12)

    (post,) = receiver.wait_for(1)
    notification = client.parse_event_notification(
        post.body, post.headers["Stripe-Signature"], secret_of(made)
    )
    assert isinstance(
        notification, stripe.events.V1BillingMeterErrorReportTriggeredEventNotification
    )
    assert notification.fetch_related_object().id == meter.id


def test_the_secret_and_the_url_are_shown_only_when_asked_for(
    client: stripe.StripeClient, receiver: Receiver
) -> None:
    made = destination(client, receiver)
    assert secret_of(made).startswith("whsec_")

    plain = client.v2.core.event_destinations.retrieve(made.id)
    asked = client.v2.core.event_destinations.retrieve(
        made.id, {"include": ["webhook_endpoint.url"]}
    )

    assert plain.webhook_endpoint
    assert (plain.webhook_endpoint.url, plain.webhook_endpoint.signing_secret) == (None, None)
    assert asked.webhook_endpoint
    assert asked.webhook_endpoint.url == receiver.url


def test_a_destination_gets_only_what_it_wants(
    client: stripe.StripeClient, receiver: Receiver, control: Control
) -> None:
    destination(client, receiver, [WANTED[0]])
    client.v1.billing.meter_events.create({"event_name": "none", "payload": {"value": "1"}})
    control("advance", seconds=12)

    assert [event.type for event in client.v2.core.events.list().data] == [WANTED[1]]
    assert control("deliveries")["data"] == []


def test_a_disabled_destination_gets_nothing_until_it_is_enabled(
    client: stripe.StripeClient, receiver: Receiver
) -> None:
    made = destination(client, receiver)

    stopped = client.v2.core.event_destinations.disable(made.id)
    assert stopped.status == "disabled"
    with pytest.raises(stripe.InvalidRequestError, match="disabled"):
        client.v2.core.event_destinations.ping(made.id)

    assert client.v2.core.event_destinations.enable(made.id).status == "enabled"
    event = client.v2.core.event_destinations.ping(made.id)
    (post,) = receiver.wait_for(1)
    notification = client.parse_event_notification(
        post.body, post.headers["Stripe-Signature"], secret_of(made)
    )
    assert (notification.id, notification.type) == (event.id, "v2.core.event_destination.ping")


def test_a_wrong_secret_does_not_verify(client: stripe.StripeClient, receiver: Receiver) -> None:
    made = destination(client, receiver)
    client.v2.core.event_destinations.ping(made.id)
    (post,) = receiver.wait_for(1)

    with pytest.raises(stripe.SignatureVerificationError):
        client.parse_event_notification(post.body, post.headers["Stripe-Signature"], "whsec_other")


def test_destinations_are_changed_listed_and_removed(
    client: stripe.StripeClient, receiver: Receiver
) -> None:
    made = destination(client, receiver)
    changed = client.v2.core.event_destinations.update(
        made.id, {"name": "Errors", "metadata": {"team": "billing"}}
    )
    assert (changed.name, changed.enabled_events) == ("Errors", WANTED)
    unset = client.v2.core.event_destinations.update(made.id, {"metadata": {"team": None}})
    assert unset.to_dict()["metadata"] == {}

    assert [found.id for found in client.v2.core.event_destinations.list().data] == [made.id]
    client.v2.core.event_destinations.delete(made.id)
    assert client.v2.core.event_destinations.list().data == []
    with pytest.raises(stripe.InvalidRequestError) as refusal:
        client.v2.core.event_destinations.retrieve(made.id)
    assert (refusal.value.http_status, refusal.value.code) == (404, "not_found")


def test_a_long_list_of_events_is_read_page_by_page(
    client: stripe.StripeClient, receiver: Receiver
) -> None:
    made = destination(client, receiver)
    sent = [client.v2.core.event_destinations.ping(made.id).id for _ in range(5)]

    first = client.v2.core.events.list({"limit": 2})

    assert [event.id for event in first.data] == sent[:2:-1]
    assert [event.id for event in first.auto_paging_iter()] == sent[::-1]


def test_events_are_listed_by_type_and_time(
    client: stripe.StripeClient, receiver: Receiver
) -> None:
    made = destination(client, receiver)
    client.v2.core.event_destinations.ping(made.id)
    soon = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 60))

    def count(given: EventListParams) -> int:
        return len(client.v2.core.events.list(given).data)

    assert count({"types": ["v2.core.event_destination.ping"]}) == 1
    assert count({"types": WANTED}) == 0
    assert count({"created": {"lt": soon}}) == 1
    assert count({"created": {"gte": soon}}) == 0

"""Whoever sends dies between any two statements; every event arrives all the same."""

from collections.abc import Callable
from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone

from accounts import claims, courier, deliveries, webhook_endpoints, webhooks
from accounts.models import Delivery, Event, Organization, WebhookEndpoint
from tests.deaths import each_death
from tests.receiver import URL, Receiver
from tests.stripe_account import StripeAccount

pytestmark = pytest.mark.django_db(transaction=True)


def test_no_event_is_lost_at_any_line(
    acme: Organization, endpoint: WebhookEndpoint, receiver: Receiver, stripe_account: StripeAccount
) -> None:
    deaths = 0
    with time_machine.travel("2026-06-17T14:32:00Z", tick=False) as clock:
        for killer in each_death(stripe_account):
            webhooks.publish(acme, "balance.low", {})
            with killer:
                courier.run()
            deaths += killer.has_killed
            clock.shift(claims.LEASE + timedelta(seconds=1))
        courier.run()

    assert deaths > 20
    events = set(Event.objects.values_list("id", flat=True))
    assert {request.headers["webhook-id"] for request in receiver.got} == events
    assert set(Delivery.objects.values_list("state", flat=True)) == {"succeeded"}
    assert Delivery.objects.count() == len(events)
    assert WebhookEndpoint.objects.get().failing_since is None


def test_no_failure_is_forgotten_at_any_line(
    acme: Organization, endpoint: WebhookEndpoint, receiver: Receiver, stripe_account: StripeAccount
) -> None:
    """It is tried until nine tries are over, counted or died, and then given up."""
    receiver.answers(500)
    with time_machine.travel("2026-06-17T14:32:00Z", tick=False) as clock:
        webhooks.publish(acme, "balance.low", {})
        for killer in each_death(stripe_account):
            with killer:
                courier.run()
            clock.shift(timedelta(minutes=2))
        for _ in range(12):
            clock.shift(timedelta(hours=13))
            courier.run()

    delivery = Delivery.objects.get()
    assert (delivery.state, delivery.tries_count) == ("dead", 9)


def test_what_a_dead_courier_had_claimed_is_sent_when_its_lease_is_over(
    acme: Organization, endpoint: WebhookEndpoint, receiver: Receiver
) -> None:
    webhooks.publish(acme, "balance.low", {})
    deliveries.fan_out()
    with time_machine.travel(timezone.now(), tick=False) as clock:
        assert len(claims.claim(32)) == 1
        clock.shift(claims.LEASE - timedelta(seconds=1))
        assert courier.run() == 0
        clock.shift(timedelta(seconds=2))
        assert courier.run() == 1

    delivery = Delivery.objects.get()
    assert (delivery.state, delivery.tries_count) == ("succeeded", 2)


def test_what_kills_each_courier_is_given_up_at_last(
    acme: Organization, endpoint: WebhookEndpoint
) -> None:
    webhooks.publish(acme, "balance.low", {})
    deliveries.fan_out()
    with time_machine.travel(timezone.now(), tick=False) as clock:
        for _ in range(claims.TRIES_MAX):
            assert len(claims.claim(32)) == 1
            clock.shift(claims.LEASE + timedelta(seconds=1))
        assert claims.claim(32) == []

    assert Delivery.objects.get().state == "dead"


def test_a_delivery_made_while_its_endpoint_was_switched_off_is_given_up_unsent(
    acme: Organization, endpoint: WebhookEndpoint, receiver: Receiver
) -> None:
    webhooks.publish(acme, "balance.low", {})
    deliveries.fan_out()
    WebhookEndpoint.objects.update(disabled_at=timezone.now(), disabled_because="by_hand")

    assert courier.run() == 0

    assert (Delivery.objects.get().state, receiver.got) == ("dead", [])


def test_a_switched_off_endpoint_is_told_nothing_and_what_waits_is_given_up(
    acme: Organization, rival: Organization, endpoint: WebhookEndpoint, receiver: Receiver
) -> None:
    theirs, _ = webhook_endpoints.create(rival, url=URL)
    for organization in (acme, rival):
        webhooks.publish(organization, "balance.low", {})
    deliveries.fan_out()
    webhook_endpoints.disable(endpoint)
    webhooks.publish(acme, "balance.recovered", {})

    assert courier.run() == 1

    assert dict(Delivery.objects.values_list("endpoint", "state")) == {
        endpoint.id: "dead",
        theirs.id: "succeeded",
    }


@pytest.mark.parametrize("verb", [webhook_endpoints.disable, webhook_endpoints.delete])
def test_switching_off_while_a_failure_is_noted_leaves_nothing_waiting(
    acme: Organization,
    endpoint: WebhookEndpoint,
    receiver: Receiver,
    verb: Callable[[WebhookEndpoint], None],
) -> None:
    webhooks.publish(acme, "balance.low", {})
    deliveries.fan_out()
    (parcel,) = claims.claim(1)

    verb(endpoint)
    courier.note(parcel.delivery, courier.Outcome(timezone.now(), 1, 500))

    assert Delivery.objects.get().state == "dead"


def test_an_endpoint_that_is_erased_while_it_answers_stops_no_courier(
    acme: Organization, rival: Organization, endpoint: WebhookEndpoint, receiver: Receiver
) -> None:
    webhook_endpoints.create(rival, url="https://rival.example/")
    for organization in (acme, rival):
        webhooks.publish(organization, "balance.low", {})
    deliveries.fan_out()
    parcels = {one.delivery.organization_id: one for one in claims.claim(32)}
    acme.webhook_endpoints.all().delete()

    for organization, status in ((acme, 500), (rival, 200)):
        outcome = courier.Outcome(timezone.now(), 1, status)
        courier._note_alone(parcels[organization.id].delivery, outcome)

    assert Delivery.objects.get().state == "succeeded"

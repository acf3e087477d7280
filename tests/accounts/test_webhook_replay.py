"""What an endpoint missed is sent again: one delivery, or all since a moment."""

from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone

from accounts import claims, courier, deliveries, tasks, webhook_endpoints, webhooks
from accounts.models import Delivery, DeliveryAttempt, Event, Organization, WebhookEndpoint
from seedance_saas.errors import InvalidRequest
from tests.receiver import URL, Receiver


@pytest.fixture
def day() -> timedelta:
    return timedelta(days=1)


def states(endpoint: WebhookEndpoint) -> list[str]:
    return list(endpoint.deliveries.order_by("event_id").values_list("state", flat=True))


def test_one_is_sent_again_and_keeps_what_was_tried_before(
    acme: Organization, endpoint: WebhookEndpoint, receiver: Receiver
) -> None:
    webhooks.publish(acme, "balance.low", {})
    courier.run()
    delivery = Delivery.objects.get()

    deliveries.resend(delivery)
    assert (delivery.state, delivery.tries_count) == ("pending", 0)
    courier.run()

    assert len(receiver.got) == 2
    assert receiver.got[0].headers["webhook-id"] == receiver.got[1].headers["webhook-id"]
    assert delivery.attempts.count() == 2
    assert Delivery.objects.get().state == "succeeded"


def test_one_that_is_under_way_is_not_sent_beside_itself(
    acme: Organization, endpoint: WebhookEndpoint
) -> None:
    webhooks.publish(acme, "balance.low", {})
    deliveries.fan_out()
    (parcel,) = claims.claim(1)

    assert deliveries.resend(parcel.delivery).state == "sending"
    assert claims.claim(1) == []


def test_a_replay_sends_what_was_missed_since_then_and_nothing_else(
    acme: Organization, rival: Organization, receiver: Receiver, day: timedelta
) -> None:
    with time_machine.travel("2026-06-10T12:00:00Z", tick=False) as clock:
        webhooks.publish(acme, "balance.low", {"number": 1})  # before there was an endpoint
        deliveries.fan_out()
        clock.shift(day)
        endpoint, _ = webhook_endpoints.create(
            acme, url=URL, types=["balance.low", "purchase.succeeded"]
        )
        webhooks.publish(acme, "balance.low", {"number": 2})
        courier.run()  # arrives
        clock.shift(day)
        webhook_endpoints.disable(endpoint)
        since = timezone.now()
        webhooks.publish(acme, "balance.low", {"number": 3})
        webhooks.publish(acme, "budget.exceeded", {"number": 4})  # not wanted
        webhooks.publish(rival, "balance.low", {"number": 5})
        courier.run()
        clock.shift(day)
        webhook_endpoints.enable(endpoint)

        assert deliveries.missed(endpoint, since).count() == 1
        assert deliveries.replay(endpoint, since) == 1
        assert deliveries.replay(endpoint, since) == 0  # it is on its way
        courier.run()
        assert [body["data"]["number"] for body in receiver.bodies] == [2, 3]

        everything = since - 7 * day
        assert deliveries.replay(endpoint, everything) == 1
        courier.run()
        assert [body["data"]["number"] for body in receiver.bodies] == [2, 3, 1]

        assert deliveries.replay(endpoint, everything, include_succeeded=True) == 3
        courier.run()
    assert sorted(body["data"]["number"] for body in receiver.bodies[3:]) == [1, 2, 3]
    assert states(endpoint) == ["succeeded"] * 3


def test_what_was_given_up_is_replayed_with_all_its_tries(
    acme: Organization, endpoint: WebhookEndpoint, receiver: Receiver
) -> None:
    receiver.answers(500)
    webhooks.publish(acme, "balance.low", {})
    courier.run()
    Delivery.objects.update(state="dead", finished_at=timezone.now(), tries_count=9)

    assert deliveries.replay(endpoint, timezone.now() - timedelta(hours=1)) == 1
    receiver.answers(200)
    courier.run()

    delivery = Delivery.objects.get()
    assert (delivery.state, delivery.tries_count) == ("succeeded", 1)


def test_too_many_are_refused_with_a_moment_that_fits(
    acme: Organization, endpoint: WebhookEndpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deliveries, "REPLAY_MAX", 2)
    with time_machine.travel("2026-06-10T12:00:00Z", tick=False) as clock:
        for _ in range(3):
            webhooks.publish(acme, "balance.low", {})
            clock.shift(60)
        deliveries.fan_out()
        webhook_endpoints.disable(endpoint)
        webhook_endpoints.enable(endpoint)
        with pytest.raises(InvalidRequest, match=r"2026-06-10T12:01:00\.000Z") as refusal:
            deliveries.replay(endpoint, timezone.now() - timedelta(hours=1))
        assert states(endpoint) == ["dead"] * 3
        from_then = timezone.now().replace(minute=1)
        assert deliveries.replay(endpoint, from_then) == 2

    assert (refusal.value.param, refusal.value.details) == ("since", {"at_most": 2})


def test_a_switched_off_endpoint_is_sent_nothing_by_hand_either(
    acme: Organization, endpoint: WebhookEndpoint, receiver: Receiver
) -> None:
    webhooks.publish(acme, "balance.low", {})
    courier.run()
    delivery = Delivery.objects.get()
    webhook_endpoints.disable(endpoint)
    verbs = (
        lambda: deliveries.resend(delivery),
        lambda: deliveries.test(endpoint),
        lambda: deliveries.replay(endpoint, timezone.now() - timedelta(hours=1)),
    )

    for verb in verbs:
        with pytest.raises(webhook_endpoints.EndpointDisabled):
            verb()

    assert states(endpoint) == ["succeeded"]
    assert courier.run() == 0


def test_a_test_event_goes_to_the_one_endpoint_whatever_it_wants(
    acme: Organization, endpoint: WebhookEndpoint, receiver: Receiver
) -> None:
    tested, _ = webhook_endpoints.create(acme, url="https://other.example/", types=["invoice.paid"])

    deliveries.test(tested)
    courier.run()

    assert receiver.hosts == ["other.example"]
    assert receiver.bodies[0]["type"] == "webhook.test"
    assert receiver.bodies[0]["data"] == {
        "id": tested.id,
        "object": "webhook_endpoint",
        "url": "https://other.example/",
    }
    assert deliveries.missed(endpoint, timezone.now() - timedelta(hours=1)).count() == 0


def test_deliveries_go_with_their_event_after_thirty_days(
    acme: Organization, endpoint: WebhookEndpoint, receiver: Receiver
) -> None:
    with time_machine.travel("2026-06-01T00:00:00Z") as clock:
        webhooks.publish(acme, "balance.low", {})
        courier.run()
        clock.shift(timedelta(days=30, seconds=1))
        tasks.forget_events()

    for model in (Event, Delivery, DeliveryAttempt):
        assert not model.objects.exists(), model
    assert WebhookEndpoint.objects.exists()


def test_what_is_forgotten_is_forgotten_in_answers_too(
    acme: Organization, endpoint: WebhookEndpoint, receiver: Receiver
) -> None:
    receiver.answers(200, "a red kite for u_9f2c")
    webhooks.publish(acme, "generation.succeeded", {"id": "gen_1", "input": {"prompt": "kite"}})
    webhooks.publish(acme, "balance.low", {"id": "x", "end_user_id": "u_9f2c"})
    courier.run()

    webhooks.unsay(acme, "gen_1", {"input": {"prompt": ""}})
    assert sorted(DeliveryAttempt.objects.values_list("answer", flat=True)) == [
        "",
        "a red kite for u_9f2c",
    ]
    webhooks.rename_end_user(acme, "u_9f2c", "eu_1")
    assert set(DeliveryAttempt.objects.values_list("answer", flat=True)) == {""}

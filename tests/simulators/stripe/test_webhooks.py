"""Events are delivered, signed, to every endpoint that wants them, until it takes them."""

import json

import pytest
import stripe

from seedance_saas.simulators.thread import SimulatorThread
from tests.simulators.conftest import Receiver, wait_until
from tests.simulators.stripe.conftest import Control
from tests.simulators.stripe.till import Till


def endpoint(till: Till, receiver: Receiver, *events: str) -> stripe.WebhookEndpoint:
    wanted = list(events) or ["*"]
    return till.v1.webhook_endpoints.create({"url": receiver.url, "enabled_events": wanted})  # type: ignore[typeddict-item]


def types(receiver: Receiver) -> list[str]:
    return [json.loads(post.body)["type"] for post in receiver.posts]


def test_a_delivery_is_signed_with_the_endpoints_secret(till: Till, receiver: Receiver) -> None:
    secret = endpoint(till, receiver).secret
    customer = till.customer()

    post = receiver.wait_for(1)[0]

    event = stripe.Webhook.construct_event(post.body, post.headers["Stripe-Signature"], secret)
    assert event.type == "customer.created"
    assert event.data.object["id"] == customer.id
    assert event.api_version == "2026-10-28.endive"
    with pytest.raises(stripe.SignatureVerificationError):
        stripe.Webhook.construct_event(post.body, post.headers["Stripe-Signature"], "whsec_other")


def test_an_event_tells_which_request_made_it(till: Till, receiver: Receiver) -> None:
    endpoint(till, receiver)
    till.v1.customers.create({"email": "a@b.co"}, {"idempotency_key": "k1"})

    event = json.loads(receiver.wait_for(1)[0].body)

    assert event["request"]["idempotency_key"] == "k1"
    assert event["request"]["id"].startswith("req_")


def test_only_what_was_asked_for_comes(till: Till, receiver: Receiver) -> None:
    endpoint(till, receiver, "checkout.session.completed")
    till.press(till.session())

    receiver.wait_for(1)

    assert types(receiver) == ["checkout.session.completed"]


def test_events_come_in_their_order(till: Till, receiver: Receiver) -> None:
    endpoint(till, receiver)
    till.charge()

    expected = till.told()
    receiver.wait_for(len(expected))

    assert types(receiver) == expected


def test_a_delivery_is_repeated_until_it_is_taken(
    till: Till, receiver: Receiver, simulator: SimulatorThread, control: Control
) -> None:
    simulator.config.stripe_webhook_retry_seconds = 0.05
    receiver.statuses = [500, 302]
    endpoint(till, receiver)
    till.customer()

    receiver.wait_for(3)
    wait_until(lambda: control("deliveries")["data"][0]["status"] == "delivered")

    assert len({post.body for post in receiver.posts}) == 1
    attempts = control("deliveries")["data"][0]["attempts"]
    assert [attempt["status"] for attempt in attempts] == [500, 302, 200]
    assert till.events()[0].pending_webhooks == 0


def test_a_removed_or_disabled_endpoint_gets_nothing(till: Till, receiver: Receiver) -> None:
    removed, disabled = endpoint(till, receiver), endpoint(till, receiver)
    till.v1.webhook_endpoints.delete(removed.id)
    till.v1.webhook_endpoints.update(disabled.id, {"disabled": True})
    till.customer()

    till.web.post("/control/deliver")

    assert receiver.posts == []


def test_the_secret_is_said_once(till: Till, receiver: Receiver) -> None:
    made = endpoint(till, receiver)

    assert made.secret is not None
    assert "secret" not in till.v1.webhook_endpoints.retrieve(made.id).to_dict()
    assert "secret" not in till.v1.webhook_endpoints.list().data[0].to_dict()


def test_a_set_secret_is_that_of_every_endpoint(
    till: Till, receiver: Receiver, simulator: SimulatorThread
) -> None:
    simulator.config.stripe_webhook_secret = "whsec_known"

    assert endpoint(till, receiver).secret == endpoint(till, receiver).secret == "whsec_known"


def test_a_duplicate_comes_twice_with_the_same_id(
    till: Till, receiver: Receiver, control: Control
) -> None:
    endpoint(till, receiver)
    control("faults", webhooks={"duplicate": 1})
    till.customer()

    first, second = receiver.wait_for(2)

    assert json.loads(first.body)["id"] == json.loads(second.body)["id"]


def test_a_lost_one_never_comes_but_can_be_listed(
    till: Till, receiver: Receiver, control: Control
) -> None:
    endpoint(till, receiver)
    control("faults", webhooks={"lose": 1})
    till.customer(name="lost")
    till.customer(name="found")

    receiver.wait_for(1)

    assert json.loads(receiver.posts[0].body)["data"]["object"]["name"] == "found"
    assert till.told() == ["customer.created", "customer.created"]


def test_while_webhooks_are_off_they_wait(till: Till, receiver: Receiver, control: Control) -> None:
    endpoint(till, receiver)
    control("faults", webhooks={"off": True})
    till.customer()
    assert till.web.post("/control/deliver").json() == {"sent": []}

    control("faults", webhooks={"off": False})

    assert len(receiver.wait_for(1)) == 1


def test_delayed_ones_can_be_sent_at_once(till: Till, receiver: Receiver, control: Control) -> None:
    endpoint(till, receiver)
    control("faults", webhooks={"delay_ms": 60_000})
    till.customer()

    sent = till.web.post("/control/deliver").json()["sent"]

    assert [one["status"] for one in sent] == [200]
    assert types(receiver) == ["customer.created"]


def test_events_can_be_listed_by_type(till: Till) -> None:
    till.charge()

    found = till.v1.events.list({"types": ["charge.succeeded", "customer.created"]})

    assert [event.type for event in found.data] == ["charge.succeeded", "customer.created"]
    assert till.v1.events.retrieve(found.data[0].id).type == "charge.succeeded"

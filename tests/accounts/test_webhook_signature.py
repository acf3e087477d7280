"""A delivery proves that it is ours to whoever has the secret, and to nobody else."""

from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone

from accounts import courier, signatures, tasks, webhook_endpoints, webhooks
from accounts.models import Organization, WebhookEndpoint
from accounts.webhook_verification import verify
from tests.receiver import URL, Receiver


def test_the_signature_is_that_of_the_standard() -> None:
    """The example of the specification's own libraries."""
    headers = signatures.headers(
        "msg_p5jXN8AQM9LWM0D4loKWxJek",
        1614265330,
        b'{"test": 2432232314}',
        ["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"],
    )

    assert headers == {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }


@time_machine.travel("2026-06-17T14:32:00Z", tick=False)
def test_what_arrives_is_the_event_and_verifies(acme: Organization, receiver: Receiver) -> None:
    _, secret = webhook_endpoints.create(acme, url=URL)
    event = webhooks.publish(acme, "balance.low", {"available_usd": "4.9000", "name": "Zoë"})

    courier.run()

    (request,) = receiver.got
    assert (request.method, request.headers["host"]) == ("POST", "hooks.acme.example")
    assert request.headers["content-type"] == "application/json"
    assert request.headers["webhook-id"] == event.id
    assert receiver.bodies == [
        {
            "type": "balance.low",
            "timestamp": "2026-06-17T14:32:00.000Z",
            "data": {"available_usd": "4.9000", "name": "Zoë"},
        }
    ]
    verify(request.content, request.headers, secret)


@pytest.mark.parametrize("fault", ["body", "id", "time", "secret", "late"])
def test_what_was_touched_does_not_verify(
    acme: Organization, receiver: Receiver, fault: str
) -> None:
    _, secret = webhook_endpoints.create(acme, url=URL)
    webhooks.publish(acme, "balance.low", {"available_usd": "4.9000"})
    courier.run()
    body, headers = receiver.got[0].content, dict(receiver.got[0].headers)
    verify(body, headers, secret)

    if fault == "body":
        body = body.replace(b"4.9000", b"9.9000")
    elif fault == "id":
        headers["webhook-id"] = "evt_0"
    elif fault == "time":
        headers["webhook-timestamp"] = str(int(headers["webhook-timestamp"]) + 1)
    elif fault == "secret":
        secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    later = timedelta(seconds=301 if fault == "late" else 0)

    with (
        time_machine.travel(timezone.now() + later),
        pytest.raises(ValueError, match=r"message|ours"),
    ):
        verify(body, headers, secret)


def test_while_secrets_overlap_both_verify(
    acme: Organization, endpoint: WebhookEndpoint, receiver: Receiver
) -> None:
    second, until = webhook_endpoints.rotate_secret(acme, endpoint, overlap_seconds=60)
    third, _ = webhook_endpoints.rotate_secret(acme, endpoint, overlap_seconds=3600)
    webhooks.publish(acme, "balance.low", {})
    courier.run()
    with time_machine.travel(until + timedelta(seconds=1)):
        webhooks.publish(acme, "balance.recovered", {})
        courier.run()
    first, last = receiver.got

    assert len(first.headers["webhook-signature"].split()) == 3
    verify(first.content, first.headers, second, tolerance_seconds=9999)
    verify(first.content, first.headers, third, tolerance_seconds=9999)
    # The first secret ended after its own minute, although a later rotation allowed an hour.
    assert len(last.headers["webhook-signature"].split()) == 2


def test_without_overlap_the_old_secret_is_dead_at_once(
    acme: Organization, receiver: Receiver
) -> None:
    endpoint, old = webhook_endpoints.create(acme, url=URL)
    new, _ = webhook_endpoints.rotate_secret(acme, endpoint, overlap_seconds=0)
    webhooks.publish(acme, "balance.low", {})

    courier.run()

    (request,) = receiver.got
    verify(request.content, request.headers, new)
    with pytest.raises(ValueError, match="ours"):
        verify(request.content, request.headers, old)


def test_what_signs_no_more_is_forgotten(acme: Organization, endpoint: WebhookEndpoint) -> None:
    _, until = webhook_endpoints.rotate_secret(acme, endpoint, overlap_seconds=60)
    tasks.forget_events()
    assert endpoint.secrets.count() == 2

    with time_machine.travel(until + timedelta(seconds=1)):
        tasks.forget_events()

    assert endpoint.secrets.get().expires_at is None

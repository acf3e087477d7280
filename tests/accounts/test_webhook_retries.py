"""What does not arrive is sent again, for a day and a quarter, and then given up; and people are told."""

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
import time_machine
from django.core import mail
from django.utils import timezone

from accounts import claims, courier, deliveries, mails, webhook_endpoints, webhooks
from accounts.models import AuditEntry, Delivery, DeliveryAttempt, Organization, Role
from accounts.models import WebhookEndpoint as Endpoint
from seedance_saas import http
from tests.receiver import URL, Receiver

PAUSES = [5, 60, 300, 1800, 7200, 18_000, 36_000, 36_000]


def test_any_2xx_is_a_success_and_the_last_word(
    acme: Organization, endpoint: Endpoint, receiver: Receiver
) -> None:
    receiver.answers(299, "thank you")
    webhooks.publish(acme, "balance.low", {})

    assert (courier.run(), courier.run()) == (1, 0)

    delivery = Delivery.objects.get()
    assert (delivery.state, delivery.tries_count) == ("succeeded", 1)
    attempt = delivery.attempts.get()
    assert (attempt.status, attempt.error, attempt.answer) == (299, "", "thank you")
    assert len(receiver.got) == 1


@pytest.mark.parametrize("status", [199, 301, 400, 404, 429, 500, 503])
def test_everything_else_is_tried_again_with_growing_pauses(
    acme: Organization, endpoint: Endpoint, receiver: Receiver, status: int
) -> None:
    receiver.answer = lambda request: httpx.Response(
        status, headers={"Location": "https://elsewhere.example/"}, stream=httpx.ByteStream(b"no")
    )
    with time_machine.travel("2026-06-17T14:32:00Z", tick=False) as clock:
        event = webhooks.publish(acme, "balance.low", {"available_usd": "4.9000"})
        for tries, pause in enumerate(PAUSES, start=1):
            assert courier.run() == 1
            delivery = Delivery.objects.get()
            assert (delivery.state, delivery.tries_count) == ("pending", tries)
            wait = (delivery.due_at - timezone.now()).total_seconds()
            assert pause * 0.8 <= wait <= pause * 1.2
            clock.shift(timedelta(seconds=wait - 1))
            assert courier.run() == 0
            clock.shift(timedelta(seconds=1))
        assert courier.run() == 1
        clock.shift(timedelta(days=2))
        assert courier.run() == 0

    delivery = Delivery.objects.get()
    assert (delivery.state, delivery.tries_count) == ("dead", 9)
    assert {request.headers["webhook-id"] for request in receiver.got} == {event.id}
    assert len({request.content for request in receiver.got}) == 1
    # Each try is signed afresh, so that none is too old for the receiver.
    assert len({request.headers["webhook-timestamp"] for request in receiver.got}) == 9
    assert set(receiver.hosts) == {"hooks.acme.example"}


def test_who_does_not_answer_in_time_is_tried_again(
    acme: Organization, endpoint: Endpoint, receiver: Receiver
) -> None:
    def hang(request: httpx.Request) -> httpx.Response:
        raise httpx.ReadTimeout("slow", request=request)

    receiver.answer = hang
    webhooks.publish(acme, "balance.low", {})
    courier.run()

    attempt = DeliveryAttempt.objects.get()
    assert (attempt.status, attempt.error) == (None, "The server could not be reached.")
    assert Delivery.objects.get().state == "pending"


def test_a_name_that_leads_inside_is_never_connected_to(
    acme: Organization, endpoint: Endpoint, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    def private(host: str) -> str:
        raise http.FetchFailed("The address is not public.")

    monkeypatch.setattr(http, "public_address", private)
    webhooks.publish(acme, "balance.low", {})
    courier.run()

    assert receiver.got == []
    assert DeliveryAttempt.objects.get().error == "The address is not public."


def test_a_fault_of_ours_counts_as_a_try_and_holds_up_nobody(
    acme: Organization, endpoint: Endpoint, receiver: Receiver
) -> None:
    def break_(request: httpx.Request) -> httpx.Response:
        raise ZeroDivisionError

    receiver.answer = break_
    webhooks.publish(acme, "balance.low", {})

    assert courier.run() == 1

    assert DeliveryAttempt.objects.get().error == "We failed to send it."
    assert (Delivery.objects.get().state, Delivery.objects.get().tries_count) == ("pending", 1)


def test_only_the_beginning_of_an_answer_is_kept_whatever_it_is(
    acme: Organization, endpoint: Endpoint, receiver: Receiver
) -> None:
    receiver.answers(200, "\x00é" * 5000)
    webhooks.publish(acme, "balance.low", {})
    courier.run()

    answer = DeliveryAttempt.objects.get().answer
    assert answer.startswith("\N{REPLACEMENT CHARACTER}é")
    assert len(answer.encode()) < 5000


def test_410_switches_the_endpoint_off_and_tells_its_keepers(
    acme: Organization, endpoint: Endpoint, receiver: Receiver, run_queue: Any, member_of: Any
) -> None:
    developer, viewer = member_of(acme, Role.DEVELOPER), member_of(acme, Role.VIEWER)
    receiver.answers(410)
    with time_machine.travel("2026-06-17T14:32:00Z", tick=False) as clock:
        for _ in range(claims.IN_LANE_MAX + 3):
            webhooks.publish(acme, "balance.low", {})
        courier.run()
        clock.shift(timedelta(days=1))
        webhooks.publish(acme, "balance.recovered", {})
        courier.run()
    run_queue()

    endpoint.refresh_from_db()
    assert endpoint.disabled_because == "gone"
    assert len(receiver.got) == claims.IN_LANE_MAX  # those that were under way together
    assert set(Delivery.objects.values_list("state", flat=True)) == {"dead"}
    to = [address for message in mail.outbox for address in message.to]
    assert developer.email in to
    assert viewer.email not in to
    assert len(to) == 2
    assert URL in mail.outbox[0].body
    assert "410" in mail.outbox[0].body
    assert webhook_endpoints.troubled(acme) == [endpoint]
    noted = AuditEntry.objects.get(action="webhook_endpoint.disabled")
    assert (noted.target, noted.after) == (endpoint.id, {"because": "gone"})
    assert noted.actor is None


def test_three_days_of_failures_switch_it_off_once(
    acme: Organization, endpoint: Endpoint, receiver: Receiver, run_queue: Any
) -> None:
    receiver.answers(500)
    with time_machine.travel("2026-06-17T14:32:00Z", tick=False) as clock:
        for _ in range(7):
            webhooks.publish(acme, "balance.low", {})
            courier.run()
            endpoint.refresh_from_db()
            assert endpoint.disabled_at is None
            clock.shift(timedelta(hours=12))
        assert webhook_endpoints.troubled(acme) == [endpoint]
        courier.run()
        webhooks.publish(acme, "balance.low", {})
        courier.run()
    run_queue()

    endpoint.refresh_from_db()
    assert endpoint.disabled_because == "failing"
    assert len(mail.outbox) == 1
    assert "nothing arrived for three days" in mail.outbox[0].body


def test_one_success_forgives_all_failures(
    acme: Organization, endpoint: Endpoint, receiver: Receiver
) -> None:
    with time_machine.travel("2026-06-17T14:32:00Z", tick=False) as clock:
        for status in (500, 200, 500):
            receiver.answers(status)
            webhooks.publish(acme, "balance.low", {})
            courier.run()
            clock.shift(timedelta(days=2))
        endpoint.refresh_from_db()

    assert endpoint.disabled_at is None
    assert endpoint.failing_since == datetime(2026, 6, 21, 14, 32, tzinfo=UTC)


def test_an_answer_that_comes_after_the_lease_changes_nothing_of_who_has_it_now(
    acme: Organization, endpoint: Endpoint, receiver: Receiver
) -> None:
    webhooks.publish(acme, "balance.low", {})
    deliveries.fan_out()
    with time_machine.travel(timezone.now(), tick=False) as clock:
        (slow,) = claims.claim(1)
        clock.shift(claims.LEASE + timedelta(seconds=1))
        (second,) = claims.claim(1)
        courier.note(slow.delivery, courier.Outcome(timezone.now(), 1, 500))
        assert Delivery.objects.get().state == "sending"
        courier.note(second.delivery, courier.Outcome(timezone.now(), 1, 200))

    assert Delivery.objects.get().state == "succeeded"
    assert DeliveryAttempt.objects.count() == 2


def test_a_mail_is_not_sent_for_what_was_enabled_meanwhile(
    acme: Organization, endpoint: Endpoint
) -> None:
    webhook_endpoints.disable(endpoint, Endpoint.Reason.GONE)
    webhook_endpoints.enable(endpoint)

    assert mails.run() == 1

    assert mail.outbox == []

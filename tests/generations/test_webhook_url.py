"""A request names an address of its own, and is told there when it ends; endpoints are told each step."""

from typing import Any

import httpx
import pytest

from accounts import courier, deliveries, webhooks
from accounts.models import Delivery, Event, WebhookEndpoint, WebhookSecret
from accounts.webhook_verification import verify
from generations import erasing
from generations.models import Generation
from seedance_saas import http
from tests.generations.steps import BODY, Line, nothing_happened, refused, run_all
from tests.receiver import Receiver

OWN = "https://hooks.acme.example/order/1234?key=k"


@pytest.fixture
def told(line: Line, receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> Receiver:
    """The upstream's internet and the receiver's are the same faked wire, told apart by the method."""
    handle = receiver.handle

    def either(request: httpx.Request) -> httpx.Response:
        return handle(request) if request.method == "POST" else line.upstream.file(request)

    monkeypatch.setattr(http, "TRANSPORT", httpx.MockTransport(either))
    return receiver


def end(line: Line, **fields: Any) -> Generation:
    generation = line.running(**fields)
    line.upstream.finish(line.upstream.job)
    line.reconcile()
    run_all()
    return line.now(generation)


def test_its_end_is_told_to_its_own_address_signed_with_the_organizations_secret(
    line: Line, told: Receiver
) -> None:
    generation = end(line, webhook_url=OWN)
    courier.run()

    (request,) = told.got
    assert (request.headers["host"], request.url.raw_path) == (
        "hooks.acme.example",
        b"/order/1234?key=k",
    )
    (body,) = told.bodies
    shown = line.api.get(f"/generations/{generation.id}").json()
    assert body["type"] == "generation.succeeded"
    assert {**body["data"], "output": None} == {**shown, "output": None}
    assert body["data"]["output"]["duration_seconds"] == 4.0
    secret = WebhookSecret.objects.get(organization=line.organization, endpoint=None).secret
    verify(request.content, request.headers, secret)


def test_the_organizations_secret_is_rotated_as_that_of_an_endpoint(
    line: Line, told: Receiver
) -> None:
    answer = line.api.post("/webhook-endpoints/default/rotate-secret", {"overlap_seconds": 0})
    end(line, webhook_url=OWN)
    courier.run()

    (request,) = told.got
    verify(request.content, request.headers, answer.json()["secret"])
    assert WebhookSecret.objects.filter(endpoint=None).count() == 1


def test_each_step_is_told_to_an_endpoint_in_the_order_of_the_steps(
    line: Line, endpoint: WebhookEndpoint, told: Receiver
) -> None:
    generation = end(line)
    courier.run()

    sent = webhooks.deliveries_about(line.organization, generation.id)
    assert [one.event.type for one in sent] == [
        "generation.queued",
        "generation.running",
        "generation.succeeded",
    ]
    assert [one.event.data["status"] for one in sent] == ["queued", "running", "succeeded"]
    assert {one.state for one in sent} == {"succeeded"}
    assert len(told.got) == 3
    assert webhooks.deliveries_about(line.organization, "gen_0") == []


def test_a_second_attempt_is_no_news(line: Line) -> None:
    generation = line.running()
    line.upstream.fail(line.upstream.job, "INTERNAL")
    line.reconcile()
    line.sweep(30)
    assert line.now(generation).state == "running"
    assert line.upstream.creates == 2

    types = Event.objects.order_by("id").values_list("type", flat=True)
    assert list(types) == ["generation.queued", "generation.running"]


def test_a_refused_one_is_told_too_and_four_at_once_each(line: Line, told: Receiver) -> None:
    answer = line.api.post("/generations", {**BODY, "num_generations": 4, "webhook_url": OWN})
    for one in answer.json()["data"]:
        line.api.post(f"/generations/{one['id']}/cancel")
    courier.run()

    assert [body["type"] for body in told.bodies] == ["generation.canceled"] * 4
    assert {body["data"]["id"] for body in told.bodies} == {
        one["id"] for one in answer.json()["data"]
    }


@pytest.mark.parametrize(
    "url",
    ["http://a.example/", "https://10.0.0.1/", "ftp://a.example/", "kite", 7, False, [], ["x"]],
)
def test_an_address_that_cannot_be_one_is_refused(line: Line, url: object) -> None:
    response = line.api.post("/generations", {**BODY, "webhook_url": url})

    refused(response, 400, "invalid_request", "webhook_url")
    nothing_happened(line.organization)


@pytest.mark.parametrize("url", [None, ""])
def test_no_address_is_none(line: Line, url: str | None) -> None:
    generation = end(line, webhook_url=url)
    deliveries.fan_out()

    assert generation.state == "succeeded"
    assert not Delivery.objects.exists()
    assert not WebhookSecret.objects.exists()


def test_an_erased_one_forgets_its_address(line: Line, told: Receiver) -> None:
    generation = end(line, webhook_url=OWN)
    courier.run()

    erasing.erase(generation)

    assert line.now(generation).webhook_url == ""


def test_what_was_erased_is_not_told_later(
    line: Line, endpoint: WebhookEndpoint, told: Receiver
) -> None:
    generation = end(line)
    erasing.erase(generation)
    courier.run()

    assert {body["data"]["input"]["prompt"] for body in told.bodies} == {""}
    assert webhooks.events_of(line.organization).count() == 3

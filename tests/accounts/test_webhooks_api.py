"""A program looks after its webhook endpoints by the API."""

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest
import time_machine

from accounts import courier, webhook_endpoints, webhooks
from accounts.models import (
    AuditEntry,
    Delivery,
    Event,
    Organization,
    WebhookEndpoint,
    WebhookSecret,
)
from accounts.webhook_verification import verify
from tests.receiver import URL, Receiver
from tests.world import Api

if TYPE_CHECKING:
    from tests.world import Answer

MakeApi = Callable[[Organization], Api]
UNKNOWN = "whe_" + "0" * 32


@pytest.fixture
def api(acme: Organization, api_for: MakeApi) -> Api:
    return api_for(acme)


def send(api: Api, method: str, path: str, body: Any = None) -> "Answer":
    return api.client.generic(
        method, f"/api/v1{path}", json.dumps(body or {}), "application/json", headers=api.headers
    )


def made(api: Api, **fields: Any) -> dict[str, Any]:
    response = api.post("/webhook-endpoints", {"url": URL, **fields})
    assert response.status_code == 201, response.content
    assert response["Cache-Control"] == "no-store"
    answer: dict[str, Any] = response.json()
    return answer


@time_machine.travel("2026-06-17T14:32:00Z", tick=False)
def test_an_endpoint_is_made_and_its_secret_is_said_once(api: Api) -> None:
    endpoint = made(api, types=["balance.low", "generation.failed"], description="Store")

    secret = endpoint.pop("secret")
    assert secret.startswith("whsec_")
    assert endpoint == {
        "id": endpoint["id"],
        "object": "webhook_endpoint",
        "url": URL,
        "types": ["generation.failed", "balance.low"],
        "description": "Store",
        "enabled": True,
        "disabled": None,
        "failing_since": None,
        "last_7_days": {"succeeded": 0, "dead": 0},
        "created_at": "2026-06-17T14:32:00.000Z",
    }
    assert api.get(f"/webhook-endpoints/{endpoint['id']}").json() == endpoint
    assert api.get("/webhook-endpoints").json() == {"data": [endpoint], "next_cursor": None}
    noted = AuditEntry.objects.get(action="webhook_endpoint.created")
    assert secret not in json.dumps(noted.after)
    assert noted.api_key is not None


@pytest.mark.parametrize(
    ("fields", "param", "words"),
    [
        ({"url": None}, "url", "must be a URL of at most 2048 characters."),
        ({"url": "https://a.example/" + "x" * 2048}, "url", "2048"),
        ({"url": "http://a.example/"}, "url", "begins with https://"),
        ({"url": "https://"}, "url", "public URL"),
        ({"url": "https://127.0.0.1/"}, "url", "reachable from the internet"),
        ({"url": "https://[::1]/"}, "url", "reachable from the internet"),
        ({"url": "https://2130706433/"}, "url", "reachable from the internet"),
        ({"url": "https://169.254.169.254/"}, "url", "reachable from the internet"),
        ({"url": "https://db.internal/"}, "url", "reachable from the internet"),
        ({"url": "https://a.example:8443/"}, "url", "usual port"),
        ({"url": "https://me:secret@a.example/"}, "url", "user name"),
        ({"types": "balance.low"}, "types", "list"),
        ({"types": ["balance.high"]}, "types", "list"),
        ({"types": [["balance.low"]]}, "types", "list"),
        ({"types": ["webhook.test"]}, "types", "list"),
        ({"description": "x" * 201}, "description", "200"),
        ({"description": 1}, "description", "text"),
        ({"secret": "mine"}, "secret", "no field"),
    ],
)
def test_each_fault_names_its_field_and_its_limit(
    api: Api, fields: dict[str, Any], param: str, words: str
) -> None:
    response = api.post("/webhook-endpoints", {"url": URL, **fields})

    error = response.json()["error"]
    assert (response.status_code, error["param"]) == (400, param)
    assert words in error["message"]
    assert not WebhookEndpoint.objects.exists()
    assert not WebhookSecret.objects.exists()


def test_an_organization_has_ten_at_most(api: Api, acme: Organization, rival: Organization) -> None:
    webhook_endpoints.create(rival, url=URL)
    first = made(api)
    for _ in range(webhook_endpoints.ENDPOINTS_MAX - 1):
        made(api)

    refused = api.post("/webhook-endpoints", {"url": URL})
    assert (refused.status_code, refused.json()["error"]["code"]) == (
        409,
        "too_many_webhook_endpoints",
    )
    assert refused.json()["error"]["details"] == {"endpoints_max": 10}
    assert webhook_endpoints.of(acme).count() == 10

    assert send(api, "DELETE", f"/webhook-endpoints/{first['id']}").status_code == 204
    made(api)


def test_it_is_changed_switched_off_and_on(api: Api, acme: Organization) -> None:
    path = f"/webhook-endpoints/{made(api)['id']}"

    changed = send(api, "PATCH", path, {"types": ["balance.low"], "description": "New"}).json()
    assert (changed["types"], changed["description"], changed["url"]) == (
        ["balance.low"],
        "New",
        URL,
    )
    off = send(api, "PATCH", path, {"enabled": False}).json()
    assert (off["enabled"], off["disabled"]["code"]) == (False, "by_hand")
    assert send(api, "PATCH", path, {"enabled": True}).json()["disabled"] is None

    for fields, param in (
        ({"enabled": 1}, "enabled"),
        ({"url": "http://a.example/"}, "url"),
        ({"types": None, "failing_since": None}, "failing_since"),
    ):
        refused = send(api, "PATCH", path, fields)
        assert (refused.status_code, refused.json()["error"]["param"]) == (400, param)
    assert send(api, "PATCH", path, {"description": "Kept?", "enabled": "no"}).status_code == 400
    assert api.get(path).json()["description"] == "New"
    actions = AuditEntry.objects.filter(organization=acme, action__startswith="webhook_endpoint.")
    assert [row.action.split(".")[1] for row in actions.order_by("id")] == [
        "created",
        "changed",
        "disabled",
        "enabled",
    ]


def test_a_deleted_one_is_gone_for_ever(api: Api, acme: Organization, receiver: Receiver) -> None:
    path = f"/webhook-endpoints/{made(api)['id']}"
    webhooks.publish(acme, "balance.low", {})

    assert send(api, "DELETE", path).status_code == 204

    courier.run()
    assert receiver.got == []
    assert api.get(path).status_code == 404
    assert api.get(f"{path}/deliveries").status_code == 404
    assert send(api, "DELETE", path).status_code == 404
    assert not WebhookSecret.objects.exists()


def test_a_rotated_secret_signs_beside_the_old_one(
    api: Api, acme: Organization, receiver: Receiver
) -> None:
    endpoint = made(api)

    answer = api.post(
        f"/webhook-endpoints/{endpoint['id']}/rotate-secret", {"overlap_seconds": 3600}
    ).json()

    assert answer["secret"] != endpoint["secret"]
    webhooks.publish(acme, "balance.low", {})
    courier.run()
    for secret in (answer["secret"], endpoint["secret"]):
        verify(receiver.got[0].content, receiver.got[0].headers, secret)
    for seconds in (-1, 604_801, "60", True, 1.5):
        path = f"/webhook-endpoints/{endpoint['id']}/rotate-secret"
        refused = api.post(path, {"overlap_seconds": seconds})
        assert (refused.status_code, refused.json()["error"]["param"]) == (400, "overlap_seconds")
    assert WebhookSecret.objects.count() == 2


def test_a_delivery_shows_each_attempt_with_its_answer(
    api: Api, acme: Organization, receiver: Receiver
) -> None:
    endpoint = made(api)
    receiver.answers(503, "come back")
    with time_machine.travel("2026-06-17T14:32:00Z", tick=False) as clock:
        event = webhooks.publish(acme, "balance.low", {})
        courier.run()
        first = Delivery.objects.get()
        clock.move_to(first.due_at)
        receiver.answers(200, "ok")
        courier.run()

    (delivery,) = api.get(f"/webhook-endpoints/{endpoint['id']}/deliveries").json()["data"]

    attempts = delivery.pop("attempts")
    assert delivery == {
        "id": first.id,
        "object": "webhook_delivery",
        "endpoint_id": endpoint["id"],
        "url": URL,
        "event_id": event.id,
        "type": "balance.low",
        "status": "succeeded",
        "next_attempt_at": None,
        "created_at": "2026-06-17T14:32:00.000Z",
        "finished_at": delivery["finished_at"],
    }
    assert [(one["status"], one["answer"], one["error"]) for one in attempts] == [
        (503, "come back", None),
        (200, "ok", None),
    ]
    assert attempts[0]["sent_at"] == "2026-06-17T14:32:00.000Z"
    path = f"/webhook-endpoints/{endpoint['id']}/deliveries"
    assert api.get(path, status="dead").json()["data"] == []
    assert api.get(path, status="lost").json()["error"]["param"] == "status"
    assert api.get(f"/deliveries/{first.id}").json() == delivery | {"attempts": attempts}


def test_it_is_tested_resent_and_replayed(api: Api, acme: Organization, receiver: Receiver) -> None:
    path = f"/webhook-endpoints/{made(api)['id']}"

    tested = api.post(f"{path}/test")
    assert (tested.status_code, tested.json()["status"]) == (202, "pending")
    courier.run()
    resent = api.post(f"/deliveries/{tested.json()['id']}/resend")
    assert (resent.status_code, resent.json()["status"]) == (202, "pending")
    courier.run()
    webhooks.publish(acme, "balance.low", {})
    courier.run()
    body = {"since": "2026-01-01T00:00:00Z"}
    assert api.post(f"{path}/replay", body).json() == {"replayed": 0}
    replayed = api.post(f"{path}/replay", body | {"include_succeeded": True})
    assert (replayed.status_code, replayed.json()) == (202, {"replayed": 1})
    courier.run()

    types = [body["type"] for body in receiver.bodies]
    assert types == ["webhook.test", "webhook.test", "balance.low", "balance.low"]
    for since in (None, "yesterday", "2026-01-01T00:00:00", "2026-13-01T00:00:00Z", 1):
        refused = api.post(f"{path}/replay", {"since": since})
        assert (refused.status_code, refused.json()["error"]["param"]) == (400, "since")


def test_what_is_switched_off_refuses_by_name(api: Api) -> None:
    path = f"/webhook-endpoints/{made(api)['id']}"
    send(api, "PATCH", path, {"enabled": False})

    refused = api.post(f"{path}/test")

    assert (refused.status_code, refused.json()["error"]["code"]) == (
        409,
        "webhook_endpoint_disabled",
    )
    assert not Event.objects.exists()


def test_the_same_key_makes_one_endpoint_and_says_its_secret_once(api: Api) -> None:
    first = api.post("/webhook-endpoints", {"url": URL}, key="k1")
    again = api.post("/webhook-endpoints", {"url": URL}, key="k1")

    assert again.json() == {**first.json(), "secret": None}
    assert again["Idempotent-Replayed"] == "true"
    assert WebhookEndpoint.objects.count() == WebhookSecret.objects.count() == 1
    rotated = f"/webhook-endpoints/{first.json()['id']}/rotate-secret"
    rotation = api.post(rotated, key="k2").json()
    assert api.post(rotated, key="k2").json() == {**rotation, "secret": None}
    assert WebhookSecret.objects.count() == 2


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", ""),
        ("PATCH", ""),
        ("DELETE", ""),
        ("POST", "/rotate-secret"),
        ("POST", "/test"),
        ("POST", "/replay"),
        ("GET", "/deliveries"),
    ],
)
def test_a_strangers_endpoint_is_unknown(
    acme: Organization, rival: Organization, api_for: MakeApi, method: str, path: str
) -> None:
    ours = made(api_for(acme))["id"]
    before = list(WebhookEndpoint.objects.values()), list(WebhookSecret.objects.values())
    stranger = api_for(rival)

    answers = [
        send(stranger, method, f"/webhook-endpoints/{id}{path}").json()["error"]
        for id in (ours, UNKNOWN)
    ]

    assert {error.pop("request_id") for error in answers}
    assert answers[0] == answers[1]
    assert answers[0]["code"] == "not_found"
    assert stranger.get("/webhook-endpoints").json()["data"] == []
    assert (
        list(WebhookEndpoint.objects.values()),
        list(WebhookSecret.objects.values()),
    ) == before
    assert not Event.objects.exists()


def test_a_strangers_delivery_is_unknown(
    acme: Organization,
    rival: Organization,
    api_for: MakeApi,
    endpoint: WebhookEndpoint,
    receiver: Receiver,
) -> None:
    webhooks.publish(acme, "balance.low", {})
    courier.run()
    ours = Delivery.objects.get()
    stranger = api_for(rival)

    assert stranger.get(f"/deliveries/{ours.id}").status_code == 404
    assert stranger.post(f"/deliveries/{ours.id}/resend").status_code == 404
    assert Delivery.objects.get().state == "succeeded"

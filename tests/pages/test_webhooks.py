"""Webhook endpoints by hand: made, looked at, switched off and on, their deliveries sent again."""

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts import courier, deliveries, webhook_endpoints, webhooks
from accounts.models import AuditEntry, Delivery, Organization, Role, WebhookEndpoint, WebhookSecret
from accounts.webhook_verification import verify
from generations.models import Generation
from tests.pages.conftest import text
from tests.receiver import URL, Receiver

QUERIES_MAX = 12
READ = ["", "/edit", "/disable", "/delete", "/secret", "/replay"]
SEND = ["/edit", "/test", "/enable", "/disable", "/delete", "/secret", "/replay"]


@pytest.fixture
def client(acme: Organization, browser: Callable[..., Client]) -> Client:
    return browser(acme, Role.DEVELOPER)


def shown_secret(page: str) -> str:
    found = re.search(r'<code class="break" id="secret">(whsec_[^<]+)</code>', page)
    assert found, page
    return found[1]


def test_an_empty_page_says_what_to_do_first(client: Client) -> None:
    page = text(client.get("/webhooks"))

    assert "No endpoint yet" in page
    assert "/api/v1/webhook-endpoints" in page
    assert "def verify(" in page


def test_an_endpoint_is_made_and_its_secret_shown_once(
    client: Client, acme: Organization, receiver: Receiver
) -> None:
    form = {"url": URL, "description": "Store", "types": ["balance.low"]}
    made: Any = client.post("/webhook-endpoints/new", form)
    assert made.status_code == 303

    first = client.get(made.url)
    secret = shown_secret(text(first))
    assert "no-store" in first.headers["Cache-Control"]
    again = text(client.get(made.url))
    assert secret not in again
    assert "whsec_" not in again
    webhooks.publish(acme, "balance.low", {})
    courier.run()
    verify(receiver.got[0].content, receiver.got[0].headers, secret)
    endpoint = WebhookEndpoint.objects.get()
    assert (endpoint.types, endpoint.description) == (["balance.low"], "Store")
    noted = AuditEntry.objects.get(action="webhook_endpoint.created")
    assert noted.actor is not None
    assert noted.address == "127.0.0.1"


@pytest.mark.parametrize(
    ("form", "words"),
    [
        ({"url": ""}, "This field is required."),
        ({"url": "http://acme.example/"}, "The address must be a public URL that begins with"),
        ({"url": "https://10.0.0.1/"}, "The address must be reachable from the internet."),
        ({"url": URL, "types": ["balance.high"]}, "Select a valid choice."),
        ({"url": URL, "description": "x" * 201}, "at most 200 characters"),
    ],
)
def test_an_error_stands_beside_its_field_and_what_was_typed_stays(
    client: Client, form: dict[str, Any], words: str
) -> None:
    answer = client.post("/webhook-endpoints/new", {"description": "Store", **form})

    page = text(answer)
    assert answer.status_code == 400
    assert words in page
    assert f'value="{form["url"]}"' in page
    assert not WebhookEndpoint.objects.exists()


def test_the_eleventh_is_refused_with_the_limit(client: Client, acme: Organization) -> None:
    for _ in range(10):
        webhook_endpoints.create(acme, url=URL)

    answer = client.post("/webhook-endpoints/new", {"url": URL})

    assert answer.status_code == 400
    assert "at most 10 webhook endpoints" in text(answer)
    assert "/webhook-endpoints/new" not in text(client.get("/webhooks"))


def test_it_is_changed(client: Client, endpoint: WebhookEndpoint) -> None:
    path = f"/webhook-endpoints/{endpoint.id}"
    assert client.get(f"{path}/edit").status_code == 200

    client.post(f"{path}/edit", {"url": "https://new.example/", "types": ["invoice.paid"]})

    endpoint.refresh_from_db()
    assert (endpoint.url, endpoint.types) == ("https://new.example/", ["invoice.paid"])
    page = text(client.get(f"{path}/edit"))
    assert re.search(r'value="invoice\.paid" checked', page)
    assert not re.search(r'value="balance\.low" checked', page)


def test_a_test_event_is_seen_on_its_way_and_then_delivered(
    client: Client, endpoint: WebhookEndpoint, receiver: Receiver
) -> None:
    path = f"/webhook-endpoints/{endpoint.id}"
    receiver.answers(200, "thank <you>")

    page = text(client.post(f"{path}/test", follow=True))
    assert "A test event is on its way" in page
    assert "waits" in page
    courier.run()

    live = text(client.get(f"/webhook-deliveries/live?endpoint={endpoint.id}"))
    assert "webhook.test" in live
    assert "delivered" in live
    assert "<html" not in live
    delivery = text(client.get(f"/webhook-deliveries/{Delivery.objects.get().id}"))
    assert "thank &lt;you&gt;" in delivery
    assert "&quot;type&quot;: &quot;webhook.test&quot;" in delivery


def test_switching_off_says_what_is_given_up_and_on_goes_on(
    client: Client, acme: Organization, endpoint: WebhookEndpoint
) -> None:
    path = f"/webhook-endpoints/{endpoint.id}"
    for _ in range(3):
        webhooks.publish(acme, "balance.low", {})
    deliveries.fan_out()

    assert "3 deliveries wait and will be given up" in text(client.get(f"{path}/disable"))
    assert Delivery.objects.filter(state="pending").count() == 3
    page = text(client.post(f"{path}/disable", follow=True))
    assert "It is told nothing: switched off" in page
    assert not Delivery.objects.exclude(state="dead").exists()

    page = text(client.post(f"{path}/enable", follow=True))
    assert "It is told nothing" not in page


def test_a_replay_counts_first(
    client: Client, acme: Organization, endpoint: WebhookEndpoint, receiver: Receiver
) -> None:
    path = f"/webhook-endpoints/{endpoint.id}/replay"
    for _ in range(3):
        webhooks.publish(acme, "balance.low", {})
    deliveries.fan_out()
    Delivery.objects.update(state="dead", finished_at=timezone.now())
    since = f"{timezone.now() - timedelta(hours=1):%Y-%m-%dT%H:%M}"

    assert "3 events will be sent again" in text(client.get(path))
    assert "Nothing was missed" in text(client.get(f"{path}?since=2099-01-01T00:00"))
    assert "Give a day and a time" in text(client.get(f"{path}?since=soon"))
    assert "kept for 30 days" in text(client.get(f"{path}?since=2020-01-01T00:00"))
    assert not Delivery.objects.exclude(state="dead").exists()

    page = text(client.post(path, {"since": since}, follow=True))
    assert "3 events are on their way again." in page
    courier.run()
    assert len(receiver.got) == 3


def test_one_is_sent_again(
    client: Client, acme: Organization, endpoint: WebhookEndpoint, receiver: Receiver
) -> None:
    webhooks.publish(acme, "balance.low", {})
    courier.run()
    delivery = Delivery.objects.get()

    page = text(client.post(f"/webhook-deliveries/{delivery.id}/resend", follow=True))
    assert "It is on its way again." in page
    courier.run()
    assert len(receiver.got) == 2

    webhook_endpoints.disable(endpoint)
    page = text(client.post(f"/webhook-deliveries/{delivery.id}/resend", follow=True))
    assert "The endpoint is switched off. Enable it first." in page
    assert courier.run() == 0


@pytest.mark.parametrize("is_default", [True, False])
def test_a_secret_is_rotated_and_shown_once(
    client: Client, endpoint: WebhookEndpoint, is_default: bool
) -> None:
    id = "default" if is_default else endpoint.id
    assert client.get(f"/webhook-endpoints/{id}/secret").status_code == 200

    answer: Any = client.post(f"/webhook-endpoints/{id}/secret", {"overlap_seconds": "3600"})

    secret = shown_secret(text(client.get(answer.url)))
    assert secret not in text(client.get(answer.url))
    rows = WebhookSecret.objects.filter(endpoint=None if is_default else endpoint)
    assert rows.get(expires_at=None).secret == secret
    assert rows.count() == (1 if is_default else 2)
    refused = client.post(f"/webhook-endpoints/{id}/secret", {"overlap_seconds": "99"})
    assert refused.status_code == 400
    assert rows.count() == (1 if is_default else 2)


def test_a_deleted_one_leaves_its_deliveries(
    client: Client, acme: Organization, endpoint: WebhookEndpoint, receiver: Receiver
) -> None:
    webhooks.publish(acme, "balance.low", {})
    courier.run()

    page = text(client.post(f"/webhook-endpoints/{endpoint.id}/delete", follow=True))

    assert f"{URL} is deleted." in page
    assert "balance.low" in page
    assert client.get(f"/webhook-endpoints/{endpoint.id}").status_code == 404
    assert "Send again" not in text(client.get(f"/webhook-deliveries/{Delivery.objects.get().id}"))


@pytest.mark.parametrize("role", [Role.BILLING, Role.VIEWER])
def test_who_looks_after_no_keys_sees_and_does_nothing(
    acme: Organization, endpoint: WebhookEndpoint, browser: Callable[..., Client], role: Role
) -> None:
    client = browser(acme, role)
    webhooks.publish(acme, "balance.low", {})
    deliveries.fan_out()
    delivery = f"/webhook-deliveries/{Delivery.objects.get().id}"
    path = f"/webhook-endpoints/{endpoint.id}"
    reads = ["/webhooks", "/webhook-endpoints/new", "/webhook-deliveries", delivery]
    reads += ["/webhook-deliveries/live", "/webhook-endpoints/default/secret"]

    for address in [*reads, *(f"{path}{one}" for one in READ)]:
        assert client.get(address).status_code == 403, address
    for address in [f"{delivery}/resend", *(f"{path}{one}" for one in SEND)]:
        assert client.post(address).status_code == 403, address
    assert AuditEntry.objects.count() == 1


def test_a_strangers_is_not_there(
    acme: Organization, rival: Organization, endpoint: WebhookEndpoint, browser: Any
) -> None:
    webhooks.publish(acme, "balance.low", {})
    deliveries.fan_out()
    delivery = f"/webhook-deliveries/{Delivery.objects.get().id}"
    path, stranger = f"/webhook-endpoints/{endpoint.id}", browser(rival)

    for address in [delivery, *(f"{path}{one}" for one in READ)]:
        assert stranger.get(address).status_code == 404, address
    for address in [f"{delivery}/resend", *(f"{path}{one}" for one in SEND)]:
        assert stranger.post(address).status_code == 404, address
    for address in ("/webhooks", "/webhook-deliveries", "/webhook-deliveries/live"):
        assert "balance.low" not in text(stranger.get(f"{address}?endpoint={endpoint.id}")).replace(
            "value=&quot;balance.low", ""
        )
    assert AuditEntry.objects.count() == 1
    assert Delivery.objects.get().state == "pending"


def test_the_list_is_cut_and_filtered(
    client: Client, acme: Organization, endpoint: WebhookEndpoint, receiver: Receiver
) -> None:
    for _ in range(25):
        webhooks.publish(acme, "balance.low", {})
    courier.run()
    webhooks.publish(acme, "purchase.failed", {})
    deliveries.fan_out()

    page = text(client.get("/webhook-deliveries"))
    assert page.count('id="to-dlv_') == 20
    cursor = re.search(r"cursor=([^&\"]+)", page)
    assert cursor
    piece = text(
        client.get(f"/webhook-deliveries?cursor={cursor[1]}", headers={"HX-Request": "true"})
    )
    assert (piece.count('id="to-dlv_'), "<html" in piece) == (6, False)
    waiting = text(client.get("/webhook-deliveries?state=pending"))
    assert (waiting.count('id="to-dlv_'), "purchase.failed" in waiting) == (1, True)
    assert "Nothing fits this filter." in text(client.get("/webhook-deliveries?endpoint=own"))
    assert client.get("/webhook-deliveries?cursor=%C3%A9").status_code == 404


@pytest.mark.parametrize("many", [3, pytest.param(60, marks=pytest.mark.thorough)])
def test_a_page_costs_the_same_at_any_size(
    client: Client, acme: Organization, receiver: Receiver, many: int
) -> None:
    made = [
        webhook_endpoints.create(acme, url=f"https://a{number}.example/")[0]
        for number in range(min(many, 10))
    ]
    for _ in range(many):
        webhooks.publish(acme, "balance.low", {"id": "x"})
    courier.run()
    assert Delivery.objects.count() == many * len(made)
    paths = ["/webhooks", "/webhook-deliveries", "/webhook-deliveries/live"]
    paths += [f"/webhook-endpoints/{made[0].id}{one}" for one in READ]
    paths += [f"/webhook-deliveries/{Delivery.objects.latest('id').id}"]

    for path in paths:
        with CaptureQueriesContext(connection) as queries:
            page = client.get(path)
        assert page.status_code == 200, path
        assert len(queries) <= QUERIES_MAX, (path, len(queries))
        assert len(page.content) < 100_000


def test_home_says_what_waits_for_a_person(
    acme: Organization, endpoint: WebhookEndpoint, browser: Callable[..., Client]
) -> None:
    developer, viewer = browser(acme, Role.DEVELOPER), browser(acme, Role.VIEWER)
    assert "A webhook endpoint" not in text(developer.get("/"))

    with time_machine.travel(timezone.now() - timedelta(hours=2)):
        WebhookEndpoint.objects.update(failing_since=timezone.now())
    assert "A webhook endpoint fails" in text(developer.get("/"))
    assert "A webhook endpoint fails" not in text(viewer.get("/"))
    webhook_endpoints.disable(endpoint, WebhookEndpoint.Reason.FAILING)
    assert "A webhook endpoint was switched off" in text(developer.get("/"))
    webhook_endpoints.enable(endpoint)
    webhook_endpoints.disable(endpoint)
    assert "A webhook endpoint" not in text(developer.get("/"))


def test_a_generations_page_shows_what_was_sent_of_it(
    acme: Organization,
    endpoint: WebhookEndpoint,
    receiver: Receiver,
    queued: Callable[[Organization], Generation],
    browser: Callable[..., Client],
) -> None:
    path = f"/generations/{queued(acme).id}"
    courier.run()
    delivery = Delivery.objects.get()

    developers, viewers = (
        text(browser(acme, role).get(path)).split('id="wh"')[1]
        for role in (Role.DEVELOPER, Role.VIEWER)
    )

    for page in (developers, viewers):
        assert "generation.queued" in page
        assert "delivered" in page
    assert f"/webhook-deliveries/{delivery.id}" in developers
    assert delivery.id not in viewers

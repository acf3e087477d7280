"""No address holds up another, no organization another, and who fails stands behind who does not."""

from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from functools import partial

import httpx
import pytest
import time_machine
from django.utils import timezone

from accounts import claims, courier, deliveries, webhook_endpoints, webhooks
from accounts.models import Delivery, Organization, WebhookEndpoint
from tests.race import race
from tests.receiver import Receiver


def told(organization: Organization, times: int, *, host: str) -> WebhookEndpoint:
    endpoint, _ = webhook_endpoints.create(organization, url=f"https://{host}/")
    for _ in range(times):
        webhooks.publish(organization, "balance.low", {})
    return endpoint


def lanes(parcels: list[claims.Parcel]) -> Counter[str]:
    return Counter(parcel.url.removeprefix("https://").rstrip("/") for parcel in parcels)


def test_one_address_has_four_under_way_at_most(acme: Organization) -> None:
    told(acme, 20, host="a.example")
    deliveries.fan_out()

    assert lanes(claims.claim(32)) == {"a.example": 4}
    assert claims.claim(32) == []


def test_one_organization_has_eight_under_way_shared_among_its_addresses(
    acme: Organization,
) -> None:
    for host in ("a.example", "b.example", "c.example"):
        told(acme, 0, host=host)
    told(acme, 9, host="d.example")
    deliveries.fan_out()

    claimed = lanes(claims.claim(32))
    assert claimed == {"a.example": 2, "b.example": 2, "c.example": 2, "d.example": 2}
    assert claims.claim(32) == []


def test_a_backlog_of_one_organization_delays_no_other(
    acme: Organization, rival: Organization
) -> None:
    told(acme, 50, host="a.example")
    told(rival, 2, host="r.example")
    deliveries.fan_out()

    assert lanes(claims.claim(4)) == {"a.example": 2, "r.example": 2}


def test_one_address_is_served_in_the_order_of_the_events(
    acme: Organization, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(claims, "IN_LANE_MAX", 1)
    told(acme, 0, host="a.example")
    events = [webhooks.publish(acme, "balance.low", {}).id for _ in range(6)]

    courier.run()

    assert [request.headers["webhook-id"] for request in receiver.got] == events


def test_who_fails_gets_one_place_and_the_last(acme: Organization) -> None:
    failing = told(acme, 0, host="down.example")
    told(acme, 6, host="up.example")
    WebhookEndpoint.objects.filter(pk=failing.pk).update(failing_since=timezone.now())
    deliveries.fan_out()

    assert lanes(claims.claim(3)) == {"up.example": 3}
    assert lanes(claims.claim(32)) == {"up.example": 1, "down.example": 1}


def test_all_who_fail_together_leave_room_for_the_rest(
    make_organization: Callable[..., Organization], acme: Organization
) -> None:
    for number in range(claims.OF_FAILING_MAX + 4):
        organization = make_organization(f"Down {number}", credits_usd="0")
        told(organization, 1, host=f"down{number}.example")
    WebhookEndpoint.objects.update(failing_since=timezone.now())
    deliveries.fan_out()
    assert len(claims.claim(32)) == claims.OF_FAILING_MAX

    told(acme, 1, host="up.example")
    deliveries.fan_out()
    assert lanes(claims.claim(32)) == {"up.example": 1}


def test_a_receiver_that_hangs_keeps_no_other_waiting(
    acme: Organization, rival: Organization, receiver: Receiver
) -> None:
    """The slow answer ends only after everybody else has had theirs, also what is told meanwhile."""
    others: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        if request.headers["host"] == "slow.example":
            give_up = timezone.now() + timedelta(seconds=10)
            while len(others) < 5 and timezone.now() < give_up:
                pass
        else:
            others.append(request.headers["webhook-id"])
        return httpx.Response(200, stream=httpx.ByteStream(b""))

    receiver.answer = answer
    told(acme, 1, host="slow.example")
    told(rival, 5, host="fast.example")

    assert courier.run() == 6

    assert len(others) == 5
    assert set(Delivery.objects.values_list("state", flat=True)) == {"succeeded"}


def test_a_courier_that_must_stop_begins_nothing_and_waits_for_what_is_under_way(
    acme: Organization, receiver: Receiver
) -> None:
    told(acme, 9, host="a.example")

    assert courier.run(must_stop=lambda: len(receiver.got) > 0) == claims.IN_LANE_MAX

    assert len(receiver.got) == claims.IN_LANE_MAX
    assert Delivery.objects.filter(state="pending").count() == 9 - claims.IN_LANE_MAX
    assert not Delivery.objects.filter(state="sending").exists()


@pytest.mark.django_db(transaction=True)
def test_two_couriers_share_what_is_due(acme: Organization) -> None:
    for host in ("a.example", "b.example"):
        told(acme, 0, host=host)
    told(acme, 8, host="c.example")
    deliveries.fan_out()

    outcomes = race([lambda: claims.claim(32) for _ in range(4)])

    ids = [
        parcel.delivery.id
        for claimed in outcomes
        if isinstance(claimed, list)
        for parcel in claimed
    ]
    assert len(ids) == len(set(ids)) == claims.IN_ORGANIZATION_MAX
    assert Delivery.objects.filter(state="sending").count() == claims.IN_ORGANIZATION_MAX


@pytest.mark.django_db(transaction=True)
def test_events_are_fanned_out_once_by_however_many(acme: Organization) -> None:
    told(acme, 30, host="a.example")
    told(acme, 0, host="b.example")

    race([deliveries.fan_out for _ in range(4)])

    assert Delivery.objects.count() == 60
    with time_machine.travel(timezone.now() + timedelta(days=1)):
        assert deliveries.fan_out() == 0


def test_what_is_told_of_one_thing_comes_in_its_order(
    acme: Organization, receiver: Receiver
) -> None:
    """A later step waits for the first try of an earlier one, and for no more; other things wait for nothing."""
    told(acme, 0, host="a.example")
    for step in ("queued", "running", "succeeded"):
        webhooks.publish(acme, f"generation.{step}", {"id": "gen_1"})
    webhooks.publish(acme, "generation.queued", {"id": "gen_2"})
    webhooks.publish(acme, "balance.low", {})
    deliveries.fan_out()

    def claimed() -> list[tuple[str, str]]:
        parcels.extend(claims.claim(32))
        return [(one.delivery.event.type, one.delivery.about) for one in parcels]

    def answer(status: int) -> None:
        first = parcels.pop(0)
        courier.note(first.delivery, courier.Outcome(timezone.now(), 1, status))

    parcels: list[claims.Parcel] = []
    others = [("generation.queued", "gen_2"), ("balance.low", "")]
    assert claimed() == [("generation.queued", "gen_1"), *others]
    assert claimed() == [("generation.queued", "gen_1"), *others]
    answer(500)
    WebhookEndpoint.objects.update(failing_since=None)  # else it would get one place
    assert claimed() == [*others, ("generation.running", "gen_1")]
    parcels.reverse()
    answer(200)
    assert claimed()[-1] == ("generation.succeeded", "gen_1")


def test_the_order_holds_however_slow_the_first_answer_is(
    acme: Organization, receiver: Receiver
) -> None:
    told(acme, 0, host="a.example")
    for number in range(4):
        for step in ("queued", "running", "succeeded"):
            webhooks.publish(acme, f"generation.{step}", {"id": f"gen_{number}"})

    courier.run()

    for number in range(4):
        types = [body["type"] for body in receiver.bodies if body["data"]["id"] == f"gen_{number}"]
        assert types == ["generation.queued", "generation.running", "generation.succeeded"]


@pytest.mark.django_db(transaction=True)
def test_claiming_and_giving_up_wait_for_no_other(acme: Organization) -> None:
    """Each takes many rows of the same endpoints, in orders of their own: none of them may end in a deadlock."""
    for round_ in range(5):
        endpoints = [
            webhook_endpoints.create(acme, url=f"https://a{round_}{number}.example/")[0]
            for number in range(2)
        ]
        for _ in range(20):
            webhooks.publish(acme, "balance.low", {})
        deliveries.fan_out()
        jobs: list[Callable[[], object]] = [partial(claims.claim, 32)] * 2
        jobs += [partial(webhook_endpoints.disable, one) for one in endpoints]

        outcomes = race(jobs)

        assert [one for one in outcomes if isinstance(one, Exception)] == []
        assert not Delivery.objects.filter(state="pending").exists()
        for endpoint in endpoints:
            webhook_endpoints.delete(endpoint)
        Delivery.objects.all().delete()

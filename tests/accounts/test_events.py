"""An organization reads again what it was told in the last thirty days."""

import json
from collections.abc import Callable
from typing import Any

import pytest
import time_machine
from django.db import transaction

from accounts import tasks, webhooks
from accounts.models import Event, Organization
from tests.world import Api

MakeApi = Callable[[Organization], Api]


@pytest.fixture
def api(acme: Organization, api_for: MakeApi) -> Api:
    return api_for(acme)


def read(api: Api, path: str = "/events", **params: Any) -> dict[str, Any]:
    response = api.get(path, **params)
    assert response.status_code == 200, response.content
    answer: dict[str, Any] = json.loads(response.content)
    return answer


@time_machine.travel("2026-06-17T14:32:00Z", tick=False)
def test_an_event_has_what_a_delivery_has(acme: Organization, api: Api) -> None:
    event = webhooks.publish(acme, "balance.low", {"available_usd": "4.9000"})

    expected = {
        "id": event.id,
        "object": "event",
        "type": "balance.low",
        "timestamp": "2026-06-17T14:32:00.000Z",
        "data": {"available_usd": "4.9000"},
        "created_at": "2026-06-17T14:32:00.000Z",
    }
    assert read(api) == {"data": [expected], "next_cursor": None}
    assert read(api, f"/events/{event.id}") == expected


def test_they_come_newest_first_in_pages(acme: Organization, api: Api) -> None:
    with time_machine.travel("2026-06-17T14:32:00Z") as clock:
        events = []
        for _ in range(5):
            events.append(webhooks.publish(acme, "balance.low", {}).id)
            clock.shift(1)
        first = read(api, limit=3)
        second = read(api, limit=3, cursor=first["next_cursor"])

    assert [row["id"] for row in first["data"] + second["data"]] == events[::-1]
    assert second["next_cursor"] is None


@pytest.mark.parametrize(
    ("type", "found"),
    [
        ("balance.low", ["balance.low"]),
        ("balance.*", ["balance.recovered", "balance.low"]),
        ("budget.*", ["budget.exceeded"]),
        ("generation.*", []),
    ],
)
def test_a_type_or_all_of_a_kind_are_picked(
    acme: Organization, api: Api, type: str, found: list[str]
) -> None:
    with time_machine.travel("2026-06-17T14:32:00Z") as clock:
        for published in ("balance.low", "budget.exceeded", "balance.recovered"):
            webhooks.publish(acme, published, {})
            clock.shift(1)
        assert [row["type"] for row in read(api, type=type)["data"]] == found


@pytest.mark.parametrize(
    ("params", "param"),
    [
        ({"type": "balance"}, "type"),
        ({"type": "balance.high"}, "type"),
        ({"type": "*"}, "type"),
        ({"type": ""}, "type"),
        ({"kind": "x"}, "kind"),
        ({"limit": "101"}, "limit"),
        ({"cursor": "bm8="}, "cursor"),
    ],
)
def test_each_fault_names_its_field(api: Api, params: dict[str, str], param: str) -> None:
    response = api.get("/events", **params)

    assert response.status_code == 400
    assert json.loads(response.content)["error"]["param"] == param


def test_a_stranger_is_told_nothing(
    acme: Organization, rival: Organization, api: Api, api_for: MakeApi
) -> None:
    event = webhooks.publish(acme, "balance.low", {})

    assert read(api_for(rival))["data"] == []
    assert api_for(rival).get(f"/events/{event.id}").status_code == 404
    assert api.get("/events/evt_nothing").status_code == 404


def test_after_thirty_days_they_are_gone_even_before_the_sweep(
    acme: Organization, api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webhooks, "FORGET_AT_ONCE", 2)
    with time_machine.travel("2026-06-01T00:00:00Z") as clock:
        old = [webhooks.publish(acme, "balance.low", {}).id for _ in range(3)]
        clock.shift(60)
        young = webhooks.publish(acme, "balance.recovered", {}).id
    with time_machine.travel("2026-07-01T00:00:30Z"):
        assert [row["id"] for row in read(api)["data"]] == [young]
        assert api.get(f"/events/{old[0]}").status_code == 404
        assert Event.objects.count() == 4

        tasks.forget_events()

    assert [event.id for event in Event.objects.all()] == [young]


def test_what_is_rolled_back_was_never_told(acme: Organization, api: Api) -> None:
    with transaction.atomic():
        webhooks.publish(acme, "balance.low", {})
        transaction.set_rollback(True)

    assert read(api)["data"] == []


def test_an_event_of_no_known_type_is_a_bug(acme: Organization) -> None:
    with pytest.raises(AssertionError, match=r"balance\.high"):
        webhooks.publish(acme, "balance.high", {})

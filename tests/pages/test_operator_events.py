"""Stripe's events that nobody could handle: seen with their error, and run again."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone
from django_q.models import OrmQ

from accounts.models import User
from billing import stripe_webhook
from billing.models import StripeEvent
from billing.operator import events
from tests.pages.conftest import text

PATH = "/operator/events"


def make(id: str, state: str, **fields: object) -> StripeEvent:
    return StripeEvent.objects.create(
        id=id,
        **{
            "type": "customer.updated",
            "object_id": "cus_1",
            "state": state,
            "attempts_count": 6,
            "error": f"ValueError: {id} is odd",
            "due_at": timezone.now() - timedelta(hours=1),
            **fields,
        },
    )


def shown(staff: Client, query: str = "") -> list[str]:
    return [event.id for event in staff.get(PATH + query).context["piece"].rows]


def test_none_says_so(db: None, staff: Client) -> None:
    assert "No event waits, and none is dead" in text(staff.get(PATH))


def test_dead_and_pending_ones_stand_with_their_error_and_handled_ones_by_id(
    db: None, staff: Client
) -> None:
    for id, state in (("evt_1", "dead"), ("evt_2", "pending"), ("evt_3", "handled")):
        make(id, state)

    assert shown(staff) == ["evt_2", "evt_1"]
    assert shown(staff, "?state=dead") == ["evt_1"]
    assert shown(staff, "?id=evt_3") == ["evt_3"]
    assert "ValueError: evt_1 is odd" in text(staff.get(PATH))


def test_two_of_one_moment_are_both_shown(
    db: None, staff: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(events, "PIECE", 2)
    for number in range(5):
        make(f"evt_{number}", "dead")
    StripeEvent.objects.update(received_at=timezone.now())
    seen: list[str] = []
    cursor: str | None = ""
    while cursor is not None:
        piece = staff.get(PATH, {"cursor": cursor} if cursor else {}).context["piece"]
        seen += [event.id for event in piece.rows]
        cursor = piece.next_cursor

    assert seen == ["evt_4", "evt_3", "evt_2", "evt_1", "evt_0"]


def test_a_dead_one_is_run_again_once_and_what_it_does_is_done(
    db: None,
    staff: Client,
    run_queue: Callable[[], int],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    ann: User,
) -> None:
    caplog.set_level("INFO")
    handled: list[str] = []
    monkeypatch.setitem(
        stripe_webhook.HANDLERS, "customer.updated", lambda event: handled.append(event.id)
    )
    make("evt_1", "dead")
    make("evt_2", "dead")

    first = staff.post(f"{PATH}/evt_1/again", follow=True)
    again = staff.post(f"{PATH}/evt_1/again", follow=True)

    assert "customer.updated runs again" in text(first)
    assert "is not dead: nothing was done" in text(again)
    assert OrmQ.objects.count() == 1
    run_queue()
    assert handled == ["evt_1"]
    states = dict(StripeEvent.objects.values_list("id", "state"))
    assert states == {"evt_1": "handled", "evt_2": "dead"}
    assert f"stripe_event.run_again id=evt_1 by={ann.id}" in caplog.text


def test_all_dead_ones_are_run_again_and_a_repeat_runs_none(db: None, staff: Client) -> None:
    for number in range(3):
        make(f"evt_{number}", "dead")
    make("evt_9", "handled")

    assert "3 dead events run again." in text(staff.post(f"{PATH}/again", follow=True))
    assert "0 dead events run again." in text(staff.post(f"{PATH}/again", follow=True))
    assert OrmQ.objects.count() == 3
    assert StripeEvent.objects.filter(state="pending", attempts_count=0).count() == 3


def test_one_that_never_came_is_not_found(db: None, staff: Client) -> None:
    assert staff.post(f"{PATH}/evt_1/again").status_code == 404

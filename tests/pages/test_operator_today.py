"""The operator's first page: what today brought, how the provider does, what does not move, what waits."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts import mails, webhooks
from accounts.models import ApiKey, Event, Organization, OwedMail, User
from billing.models import LedgerCheck, StripeCheck, StripeEvent
from generations.models import Attempt, Generation
from generations.states import State
from seedance_saas.models import Sweep
from tests.pages.conftest import end, text
from tests.upstream import Upstream


def test_an_empty_day_says_so(db: None, staff: Client) -> None:
    page = text(staff.get("/operator"))

    for expected in ("Nothing has ended yet.", "Everything moves.", "0 of 10"):
        assert expected in page


def test_the_margin_is_what_was_charged_less_what_every_attempt_cost(
    acme: Organization,
    staff: Client,
    running: Callable[[Organization], Generation],
    upstream: Upstream,
    run_queue: Callable[[], int],
) -> None:
    """One video of four seconds, charged $0.4516; its provider asked $0.40, and $0.10 for one in vain."""
    good = end(running(acme), upstream, run_queue)
    bad = end(running(acme), upstream, run_queue, well=False)
    Attempt.objects.filter(generation=good).update(cost_microusd=400_000)
    Attempt.objects.filter(generation=bad).update(cost_microusd=100_000)

    context = staff.get("/operator").context

    (row,) = context["margins"]
    assert (row.model, row.provider, row.videos, row.seconds) == (good.model, "eachlabs", 1, 4)
    assert (row.revenue_microusd, row.cost_microusd) == (451_600, 500_000)
    assert (row.margin_microusd, row.percent) == (-48_400, "-10.8 %")
    health, simulator = context["health"]
    assert (simulator.provider, simulator.slots_taken) == ("simulator", 0)
    assert (health.succeeded, health.failed, health.refused, health.slots_taken) == (1, 0, 1, 0)


def test_a_cost_that_the_provider_did_not_say_is_the_rules(
    acme: Organization,
    staff: Client,
    running: Callable[[Organization], Generation],
    upstream: Upstream,
    run_queue: Callable[[], int],
) -> None:
    good = end(running(acme), upstream, run_queue)
    Attempt.objects.update(cost_microusd=None)

    assert (
        staff.get("/operator").context["total"].cost_microusd == 4 * good.cost_microusd_per_second
    )


def test_yesterday_and_sandboxes_are_in_no_number(
    acme: Organization,
    rival: Organization,
    staff: Client,
    running: Callable[[Organization], Generation],
    upstream: Upstream,
    run_queue: Callable[[], int],
) -> None:
    old = end(running(acme), upstream, run_queue)
    Generation.objects.filter(pk=old.pk).update(finished_at=timezone.now() - timedelta(days=1))
    end(running(rival), upstream, run_queue)
    Organization.objects.filter(pk=rival.pk).update(is_sandbox=True)

    assert staff.get("/operator").context["margins"] == []


def test_what_does_not_move_stands_there_with_the_button_that_moves_it(
    acme: Organization, staff: Client, queued: Callable[[Organization], Generation]
) -> None:
    moves, waits, unknown, overdue = (queued(acme) for _ in range(4))
    now = timezone.now()
    rows = Generation.objects
    rows.filter(pk=waits.pk).update(state_since=now - timedelta(minutes=11))
    rows.filter(pk=unknown.pk).update(state=State.UNKNOWN)
    rows.filter(pk=overdue.pk).update(
        state=State.COLLECTING, due_at=now - timedelta(minutes=3),
        state_since=now - timedelta(minutes=5),
    )  # fmt: skip

    answer = staff.get("/operator")

    assert [row.pk for row in answer.context["stuck"]] == [waits.pk, overdue.pk, unknown.pk]
    assert f'href="/operator/generations/{overdue.pk}/unstick"' in text(answer)
    assert moves.pk not in text(answer)


def test_a_dead_clock_is_seen_though_nobody_writes_it_down(db: None, staff: Client) -> None:
    assert "No clock was seen in the last 150 seconds" in text(staff.get("/operator"))

    now = timezone.now()
    Sweep.objects.create(name="a", enqueued_at=now, finished_at=now)

    assert "In trouble now" not in text(staff.get("/operator"))


def test_what_waits_of_money_leads_to_where_it_is_seen_to(db: None, staff: Client) -> None:
    now = timezone.now()
    for number in range(2):
        StripeEvent.objects.create(id=f"evt_{number}", type="a", state="dead", due_at=now)
    LedgerCheck.objects.create(
        started_at=now, finished_at=now, transfers_count=1, differences_count=3
    )
    StripeCheck.objects.create(started_at=now, finished_at=now, since=now, differences=["one"])

    found = staff.get("/operator").context["waiting"]

    assert {one.word: one.count for one in found} == {
        "Dead Stripe events": 2,
        "Differences within our own books": 3,
        "Differences to Stripe's books": 1,
    }
    assert {staff.get(one.url).status_code for one in found} == {200}


def test_it_asks_at_most_twelve_times_however_much_there_is(
    acme: Organization,
    staff: Client,
    running: Callable[[Organization], Generation],
    queued: Callable[[Organization], Generation],
    upstream: Upstream,
    run_queue: Callable[[], int],
) -> None:
    end(running(acme), upstream, run_queue)
    for number in range(30):
        queued(acme)
        StripeEvent.objects.create(
            id=f"evt_{number}", type="a", state="dead", due_at=timezone.now()
        )
    Generation.objects.filter(state=State.QUEUED).update(
        state_since=timezone.now() - timedelta(hours=1)
    )

    with CaptureQueriesContext(connection) as asked:
        answer = staff.get("/operator")

    assert len(asked) <= 12
    assert len(answer.context["stuck"]) == 20
    assert "there are more" in text(answer)


def test_find_leads_to_whatever_is_held_in_the_hand(
    acme: Organization, staff: Client, ann: User, queued: Callable[[Organization], Generation]
) -> None:
    generation = queued(acme)
    key = ApiKey.objects.create(
        organization=acme, name="k", prefix="sd_live_1234", secret_sha256="0" * 64
    )
    for asked, url in {
        acme.pk: f"/operator/organizations/{acme.pk}",
        "acme": f"/operator/organizations/{acme.pk}",
        generation.pk: f"/operator/generations/{generation.pk}",
        key.pk: f"/operator/keys/{key.pk}/revoke",
        ann.pk: f"/operator/records/accounts/user/{ann.pk}/change/",
        "ann@operator.example": "/operator/records/accounts/user/?q=ann%40operator.example",
        "somebody": "/operator/records/accounts/organization/?q=somebody",
    }.items():
        answer: Any = staff.get("/operator/find", {"q": asked})
        assert (answer.status_code, answer.url) == (302, url)
        assert staff.get(url).status_code == 200


def test_what_no_courier_takes_waits_for_a_person(acme: Organization, staff: Client) -> None:
    webhooks.publish(acme, "balance.low", {})
    mails.owe("billing.alert_mails.compose", "evt_x")
    assert staff.get("/operator").context["waiting"] == []

    Event.objects.update(created_at=timezone.now() - timedelta(minutes=2))
    OwedMail.objects.update(owed_at=timezone.now() - timedelta(minutes=16))

    found = {one.word: (one.count, one.url) for one in staff.get("/operator").context["waiting"]}
    assert found == {
        "Events not sent on for over a minute": (1, "/operator/records/accounts/event/"),
        "Mails owed for over a quarter of an hour": (1, "/operator/records/accounts/owedmail/"),
    }
    for _, url in found.values():
        assert staff.get(url).status_code == 200

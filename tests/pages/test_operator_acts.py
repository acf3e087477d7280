"""What an operator does to an organization, a key or a generation: with a reason, once, in the audit trail."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from django_q.models import OrmQ

from accounts import api_keys, deliveries, organizations, webhook_endpoints
from accounts.models import AuditEntry, Delivery, Organization, User
from generations.models import Attempt, Generation
from generations.states import State
from tests.pages.conftest import text
from tests.upstream import Upstream
from tests.world import Api, money

REASON = {"reason": "ticket 12"}


def entries(organization: Organization, *actions: str) -> list[tuple[str, Any, dict[str, Any]]]:
    found = AuditEntry.objects.filter(organization=organization, action__in=actions)
    return [(entry.action, entry.actor, entry.after) for entry in found.order_by("id")]


def test_a_suspension_stops_the_next_request_and_is_undone(
    acme: Organization, ann: User, staff: Client, queued: Callable[..., Generation]
) -> None:
    queued(acme)
    path = f"/operator/organizations/{acme.pk}"
    assert "$0.45" in text(staff.get(f"{path}/suspend"))
    assert staff.post(f"{path}/suspend", {"reason": ""}).status_code == 400
    assert Organization.objects.get(pk=acme.pk).suspended_at is None

    for _ in range(2):
        assert staff.post(f"{path}/suspend", REASON).status_code == 303
    acme.refresh_from_db()
    with pytest.raises(organizations.OrganizationSuspended, match="ticket 12"):
        organizations.require_open(acme)
    for _ in range(2):
        staff.post(f"{path}/reinstate", {"reason": "paid"})

    acme.refresh_from_db()
    organizations.require_open(acme)
    assert entries(acme, "organization.suspended", "organization.reinstated") == [
        ("organization.suspended", ann, {"because": "ticket 12"}),
        ("organization.reinstated", ann, {"because": "paid"}),
    ]


def test_a_revoked_key_opens_nothing_and_the_reason_stays(
    acme: Organization, ann: User, staff: Client
) -> None:
    key, secret = api_keys.issue(acme, "Backend")
    program = Api(secret)
    assert program.get("/balance").status_code == 200

    for _ in range(2):
        assert staff.post(f"/operator/keys/{key.pk}/revoke", REASON).status_code == 303

    assert program.get("/balance").status_code == 401
    rows = AuditEntry.objects.filter(organization=acme, actor=ann)
    assert [(row.action, row.target, row.after) for row in rows] == [
        ("api_key.revoked", key.pk, {"because": REASON["reason"]})
    ]
    assert "It is revoked already." in text(staff.get(f"/operator/keys/{key.pk}/revoke"))


def test_a_canceled_generation_gives_back_what_it_held(
    acme: Organization, ann: User, staff: Client, queued: Callable[..., Generation]
) -> None:
    generation = queued(acme)
    assert money(acme) == (24_548_400, 451_600)

    for _ in range(2):
        answer = staff.post(f"/operator/generations/{generation.pk}/cancel", REASON)
        assert answer.status_code == 303

    generation.refresh_from_db()
    assert generation.state == State.CANCELED
    assert money(acme) == (25_000_000, 0)
    assert entries(acme, "generation.cancel_asked") == [("generation.cancel_asked", ann, REASON)]


def test_what_a_provider_will_not_stop_is_said_on_the_page(
    acme: Organization, staff: Client, running: Callable[..., Generation]
) -> None:
    generation = running(acme)
    Generation.objects.filter(pk=generation.pk).update(state=State.COLLECTING)

    answer = staff.post(f"/operator/generations/{generation.pk}/cancel", REASON)

    assert answer.status_code == 400
    assert "The video is made already" in text(answer)
    Generation.objects.filter(pk=generation.pk).update(state=State.RUNNING)


def test_a_lost_submit_is_looked_for_now_and_never_sent_again(
    acme: Organization,
    ann: User,
    staff: Client,
    running: Callable[..., Generation],
    upstream: Upstream,
    run_queue: Callable[[], int],
) -> None:
    """The answer was lost: the provider has the job, and we do not know its name."""
    generation = running(acme)
    long_ago = timezone.now() - timedelta(minutes=1)
    Attempt.objects.update(state="unknown", job_id="", sent_at=long_ago)
    Generation.objects.filter(pk=generation.pk).update(state=State.UNKNOWN)
    assert "Take its next step now" in text(staff.get(f"/operator/generations/{generation.pk}"))

    for _ in range(2):
        answer = staff.post(f"/operator/generations/{generation.pk}/unstick", REASON)
        assert answer.status_code == 303
    run_queue()

    generation.refresh_from_db()
    assert generation.state == State.RUNNING
    assert generation.attempts.count() == 1
    assert {after["reason"] for _, _, after in entries(acme, "generation.unstuck")} == {"ticket 12"}


@pytest.mark.parametrize(
    ("state", "task"),
    [
        (State.QUEUED, "generations.tasks.dispatch_queued"),
        (State.RUNNING, "generations.tasks.reconcile"),
        (State.COLLECTING, "generations.tasks.collect"),
    ],
)
def test_each_state_takes_the_step_of_its_owner(
    acme: Organization,
    staff: Client,
    running: Callable[..., Generation],
    state: State,
    task: str,
) -> None:
    generation = running(acme)
    Generation.objects.filter(pk=generation.pk).update(state=state)
    OrmQ.objects.all().delete()

    staff.post(f"/operator/generations/{generation.pk}/unstick", REASON)

    assert [row.func() for row in OrmQ.objects.all()] == [task]
    Generation.objects.filter(pk=generation.pk).update(state=State.RUNNING)


def test_one_that_has_ended_is_left_alone(
    acme: Organization, staff: Client, queued: Callable[..., Generation]
) -> None:
    generation = queued(acme)
    staff.post(f"/operator/generations/{generation.pk}/cancel", REASON)
    OrmQ.objects.all().delete()

    staff.post(f"/operator/generations/{generation.pk}/unstick", REASON)

    assert not OrmQ.objects.exists()
    assert "It has ended: canceled." in text(
        staff.get(f"/operator/generations/{generation.pk}/unstick")
    )


def test_the_page_of_a_generation_shows_nothing_that_the_customer_wrote(
    acme: Organization, staff: Client, queued: Callable[..., Generation]
) -> None:
    generation = queued(acme, prompt="a secret plan of ours")

    for path in (
        f"/operator/generations/{generation.pk}",
        f"/operator/records/generations/generation/{generation.pk}/change/",
        "/operator/records/generations/generation/",
    ):
        page = staff.get(path)
        assert page.status_code == 200
        assert "secret plan" not in text(page)


def test_a_webhook_is_sent_once_more(acme: Organization, ann: User, staff: Client) -> None:
    endpoint, _ = webhook_endpoints.create(acme, url="https://hooks.example.com/a", actor=ann)
    delivery = deliveries.test(endpoint)
    Delivery.objects.update(state=Delivery.State.DEAD, finished_at=timezone.now())

    assert "hooks.example.com" in text(staff.get(f"/operator/deliveries/{delivery.pk}/resend"))
    for _ in range(2):
        answer = staff.post(f"/operator/deliveries/{delivery.pk}/resend", REASON)
        assert answer.status_code == 303

    delivery.refresh_from_db()
    assert delivery.state == Delivery.State.PENDING
    assert entries(acme, "webhook.resent")[0] == ("webhook.resent", ann, REASON)

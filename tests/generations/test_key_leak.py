"""A leaked key is revoked in one act, and whatever it has running is canceled, wherever that is in its life."""

from datetime import timedelta

import pytest
from django.db import IntegrityError
from django.utils import timezone
from django_q.models import OrmQ

from accounts import api_keys
from accounts.key_terms import Terms
from accounts.models import ApiKey, AuditEntry, Organization
from billing import key_budgets
from billing.models import Budget
from generations import key_activity
from generations.models import Generation
from seedance_saas import ids
from tests.generations.steps import Line, run_next, waiting
from tests.race import race
from tests.world import make_user


def leak(line: Line) -> None:
    """What its page does, and the tasks that are due now; those for latecomers wait."""
    key_activity.revoke_and_cancel(ApiKey.objects.get(), by=make_user())
    now = timezone.now() + timedelta(seconds=1)
    while OrmQ.objects.filter(lock__lte=now).exists():
        run_next()


@pytest.mark.parametrize("at", ["create", "submitting", "unknown", "running"])
def test_what_can_be_stopped_is_stopped_and_free(line: Line, at: str) -> None:
    generation = getattr(line, at)()

    leak(line)
    for _ in range(3):
        line.sweep(30)

    line.free(generation, "canceled")
    assert line.api.get("/generations").status_code == 401


def test_what_the_provider_will_not_stop_is_delivered_and_charged(line: Line) -> None:
    generation = line.running()
    line.upstream.cancelable = False

    leak(line)

    line.held(generation, "running")
    line.upstream.finish(line.upstream.job)
    line.sweep(30)
    line.charged(generation, 451_600)


def test_a_provider_that_is_down_is_asked_when_it_is_back(line: Line) -> None:
    generation = line.running()
    line.upstream.down = True

    leak(line)

    line.held(generation, "running")
    line.upstream.down = False
    line.sweep(30)
    line.sweep(30)
    line.free(generation, "canceled")


def test_latecomers_are_looked_for_after_a_minute(line: Line) -> None:
    key_activity.revoke_and_cancel(ApiKey.objects.get(), by=make_user())

    assert waiting() == ["cancel_work_of_key", "cancel_work_of_key"]
    due = [row.lock for row in OrmQ.objects.order_by("id")]
    assert due[1] - due[0] >= timedelta(seconds=60)


def test_work_of_others_goes_on(line: Line) -> None:
    api_keys.issue(line.organization, "other")
    other = ApiKey.objects.get(name="other")
    line.create()
    theirs = line.create()
    Generation.objects.filter(pk=theirs.pk).update(api_key=other)

    key_activity.revoke_and_cancel(ApiKey.objects.get(name="test"), by=make_user())
    key_activity.cancel_each(ApiKey.objects.get(name="test"))

    assert waiting().count("cancel") == 1
    other.refresh_from_db()
    assert other.revoked_at is None


def test_a_key_is_told_in_numbers(line: Line) -> None:
    first = line.running()
    line.upstream.finish(line.upstream.job)
    line.sweep(5)
    line.charged(first, 451_600)
    line.create()
    line.clock.shift(timedelta(hours=23))
    line.create()

    key = ApiKey.objects.get()
    activity = key_activity.of(key)
    assert (activity.day_requests, activity.running) == (3, 2)
    assert (activity.running_held_microusd, activity.charged_microusd) == (903_200, 451_600)

    line.clock.shift(timedelta(hours=2))
    assert key_activity.of(key).day_requests == 1


@pytest.mark.django_db(transaction=True)
def test_forms_that_are_sent_at_once_make_one_key_with_one_budget(acme: Organization) -> None:
    id = ids.new("key")

    outcomes = race(
        [
            lambda: key_budgets.issue(
                acme, "once", Terms(), limit_microusd=5_000_000, period="month", id=id
            )
            for _ in range(4)
        ]
    )

    assert sum(isinstance(outcome, tuple) for outcome in outcomes) == 1
    assert sum(isinstance(outcome, IntegrityError) for outcome in outcomes) == 3
    assert [key.id for key in ApiKey.objects.all()] == [id]
    assert Budget.objects.get().subject_id == id
    assert AuditEntry.objects.filter(action="api_key.issued").count() == 1

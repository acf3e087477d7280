"""An end user is forgotten everywhere at once: the money stays, the name goes."""

import json
from collections.abc import Callable

import pytest
from django.apps import apps
from django.core import serializers

from accounts import pseudonyms, webhooks
from accounts.models import AuditEntry, Organization
from billing import budgets, rollups
from billing.models import Budget, Hold, SpendingDay, UsageDay, UsageRecord
from generations.models import Generation
from tests.generations.steps import BODY, Line
from tests.world import Api, money

MakeApi = Callable[[Organization], Api]
NAME = "jane.doe@example.com"


def everything() -> str:
    """Every row of our rooms as text, but the answers that are kept for a day, who asked how often, and tasks."""
    rows = [
        row
        for model in apps.get_models()
        if model._meta.app_label in {"accounts", "billing", "generations"}
        and model.__name__ not in {"IdempotencyRecord", "KeyRate"}
        for row in model._default_manager.all()
    ]
    return str(serializers.serialize("json", rows))


def forget(api: Api, name: str = NAME) -> tuple[int, dict[str, object]]:
    response = api.client.delete(f"/api/v1/end-users/{name}", headers=api.headers)
    return response.status_code, json.loads(response.content)


@pytest.fixture
def history(acme: Organization, line: Line) -> str:
    """One generation charged, one running, a budget and an event of it; the pseudonym."""
    line.upstream.finish(line.upstream.jobs[_job(line, line.running(end_user_id=NAME))])
    line.reconcile()
    line.sweep()
    line.running(end_user_id=NAME)
    budgets.set_limit(acme, "end_user", NAME, limit_microusd=9_000_000, period="month")
    standing = budgets.that_apply(acme, end_user_id=NAME)[0]
    webhooks.publish(
        acme, "budget.threshold", {"object": "budget", "scope": "end_user", "id": standing.id}
    )
    return pseudonyms.of(acme, NAME)


def _job(line: Line, generation: Generation) -> str:
    return generation.attempts.get().job_id


def test_the_name_is_nowhere_and_the_money_is_where_it_was(
    acme: Organization, line: Line, api: Api, history: str
) -> None:
    before = money(acme)
    assert NAME in everything()

    assert forget(api) == (200, {"object": "end_user", "id": history, "deleted": True})

    assert NAME not in everything()
    assert money(acme) == before == (25_000_000 - 2 * 451_600, 451_600)
    assert set(Generation.objects.values_list("end_user_id", flat=True)) == {history}
    assert set(Hold.objects.values_list("end_user_id", flat=True)) == {history}
    assert UsageRecord.objects.get().end_user_id == history
    assert UsageDay.objects.values_list("end_user_id", "amount_microusd").get() == (
        history,
        451_600,
    )
    spent = SpendingDay.objects.get(scope="end_user")
    assert (spent.subject_id, spent.held_microusd, spent.charged_microusd) == (
        history,
        451_600,
        451_600,
    )
    assert not Budget.objects.exists()
    assert rollups.differences(acme) == []


def test_what_runs_ends_under_the_pseudonym(
    acme: Organization, line: Line, api: Api, history: str
) -> None:
    forget(api)

    line.upstream.finish(line.upstream.job)
    line.reconcile()
    line.sweep()

    assert money(acme) == (25_000_000 - 2 * 451_600, 0)
    assert UsageDay.objects.values_list("end_user_id", "amount_microusd").get() == (
        history,
        903_200,
    )
    assert NAME not in everything()
    assert rollups.differences(acme) == []


def test_a_repeat_changes_nothing_and_answers_the_same(
    acme: Organization, line: Line, api: Api, history: str
) -> None:
    first = forget(api)
    after = everything()

    assert forget(api) == first

    assert everything() == after
    entry = AuditEntry.objects.get(action="end_user.forgotten")
    assert (entry.target, entry.address) == (history, "127.0.0.1")
    assert entry.api_key in acme.api_keys.all()


def test_whoever_comes_back_is_forgotten_into_the_same_pseudonym(
    acme: Organization, line: Line, api: Api, history: str
) -> None:
    forget(api)
    line.create(end_user_id=NAME)

    assert forget(api) == (200, {"object": "end_user", "id": history, "deleted": True})

    spent = SpendingDay.objects.get(scope="end_user")
    assert (spent.held_microusd, spent.charged_microusd) == (903_200, 451_600)
    assert Generation.objects.filter(end_user_id=history).count() == 3
    assert rollups.differences(acme) == []


def test_nobody_and_a_strangers_end_user_are_not_there(
    acme: Organization, rival: Organization, line: Line, api: Api, api_for: MakeApi
) -> None:
    theirs = api_for(rival).post("/generations", {**BODY, "end_user_id": NAME})
    assert theirs.status_code == 201
    before = everything()

    assert forget(api)[0] == 404

    assert everything() == before

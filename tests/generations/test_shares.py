"""A key or a role has a share of what runs at a time: never exceeded, and in nobody else's way."""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from django.test import Client

from accounts import api_keys
from accounts.models import ApiKey, Organization, Role, RoleTerms, User
from generations import dispatch, tasks
from generations.models import Attempt, Generation
from tests.generations.steps import BODY, Line, lose_tasks
from tests.pages.conftest import FORM, text
from tests.race import race
from tests.world import Api

RUNNING = ("submitting", "running")


def key_of(organization: Organization, name: str, concurrent_max: int | None) -> tuple[ApiKey, Api]:
    key, secret = api_keys.issue(organization, name)
    ApiKey.objects.filter(pk=key.pk).update(concurrent_max=concurrent_max)
    return key, Api(secret)


def ask(api: Api, count: int) -> None:
    for _ in range(count):
        assert api.post("/generations", BODY).status_code == 201


def running(**whose: Any) -> int:
    return Generation.objects.filter(state__in=RUNNING, **whose).count()


@pytest.fixture(autouse=True)
def slots(settings: Any) -> None:
    settings.EACHLABS_CONCURRENCY = 10


def test_a_key_runs_its_share_and_the_next_when_one_has_ended(line: Line) -> None:
    key, api = key_of(line.organization, "batch", 2)
    ask(api, 5)

    line.sweep()
    assert running(api_key=key) == 2
    line.upstream.fail(line.upstream.jobs["job-1"], "PROVIDER_REJECTED")
    line.sweep(10)
    line.sweep()

    assert running(api_key=key) == 2
    assert Generation.objects.filter(api_key=key, state="failed").count() == 1
    # In the order in which they were asked for.
    states = Generation.objects.filter(api_key=key).order_by("id").values_list("state", flat=True)
    assert list(states)[3:] == ["queued", "queued"]


def test_a_full_share_blocks_neither_another_key_nor_another_organization(
    line: Line, rival: Organization, api_for: Callable[[Organization], Api]
) -> None:
    batch, batch_api = key_of(line.organization, "batch", 1)
    site, site_api = key_of(line.organization, "site", None)
    ask(batch_api, 12)
    ask(site_api, 3)
    ask(api_for(rival), 2)

    tasks.dispatch_queued()

    assert (running(api_key=batch), running(api_key=site)) == (1, 3)
    assert running(organization=rival) == 2


def test_a_roles_share_is_of_each_member_apart(
    line: Line, member_of: Callable[..., User], page_for: Callable[[User], Client]
) -> None:
    acme = line.organization
    RoleTerms.objects.create(organization=acme, role=Role.DEVELOPER, concurrent_max=1)
    ann, ben, owner = (member_of(acme, role) for role in ("developer", "developer", "owner"))
    for user in (ann, ben, owner):
        for number in range(3):
            token = f"{user.pk}{number}".encode().hex()[-32:]
            assert page_for(user).post("/create", {**FORM, "token": token}).status_code == 302

    tasks.dispatch_queued()

    assert [running(member__user=user) for user in (ann, ben, owner)] == [1, 1, 3]


def test_a_lower_share_stops_nothing_that_runs(line: Line) -> None:
    key, api = key_of(line.organization, "batch", 3)
    ask(api, 5)
    tasks.dispatch_queued()
    ApiKey.objects.filter(pk=key.pk).update(concurrent_max=1)

    tasks.dispatch_queued()
    assert running(api_key=key) == 3
    ApiKey.objects.filter(pk=key.pk).update(concurrent_max=None)
    tasks.dispatch_queued()

    assert running(api_key=key) == 5


def test_what_waits_for_its_share_says_so(
    line: Line, member_of: Callable[..., User], page_for: Callable[[User], Client]
) -> None:
    _, api = key_of(line.organization, "batch", 1)
    ask(api, 2)
    line.create()
    tasks.dispatch_queued()
    first, second, free = Generation.objects.order_by("id")

    share = dispatch.share_of(second)
    assert share == (1, 1, True)
    assert share.is_full
    assert dispatch.share_of(first) == (1, 1, True)
    assert dispatch.share_of(free) is None
    assert api.get(f"/generations/{second.id}").json()["queue"]["waits_for"] == "concurrency"
    assert api.get(f"/generations/{first.id}").json()["queue"]["waits_for"] is None
    assert "may run 1 at a time, and 1 runs now." in text(
        page_for(member_of(line.organization)).get(f"/generations/{second.id}")
    )


@pytest.mark.django_db(transaction=True)
def test_dispatchers_beside_each_other_never_exceed_a_share(line: Line) -> None:
    key, api = key_of(line.organization, "batch", 3)
    other, other_api = key_of(line.organization, "site", 2)
    ask(api, 8)
    ask(other_api, 8)
    lose_tasks()

    race([partial(tasks.dispatch_queued)] * 24, threads=8)

    assert (running(api_key=key), running(api_key=other)) == (3, 2)
    assert Attempt.objects.count() == 5

"""What a personal key spends is its member's: on their budget, by the terms of their role, in their name."""

import threading
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts import api_keys
from accounts.key_terms import Terms
from accounts.models import ApiKey, Membership, Organization, Role, RoleTerms, User
from billing import budgets, leaving
from billing.models import BudgetRefusal, Hold
from generations import catalog, dispatch, offers, rate_cards, tasks
from generations.models import Generation
from tests.accounts.team import member, owner
from tests.generations.steps import BODY, Line
from tests.pages.conftest import FORM, text
from tests.race import race
from tests.world import Api, money

COST = 451_600  # of BODY


def personal(bo: Membership, **terms: Any) -> tuple[ApiKey, Api]:
    key, secret = api_keys.issue(bo.organization, "scripts", Terms(**terms), member=bo, by=bo.user)
    api_keys.find(secret, address="127.0.0.1")
    return key, Api(secret)


def allow(bo: Membership, limit_microusd: int) -> None:
    budgets.set_limit(
        bo.organization, "member", bo.pk, limit_microusd=limit_microusd, period="month"
    )


def test_a_developer_with_a_budget_does_not_get_around_it_by_a_key(
    acme: Organization, api: Api, page_for: Callable[[User], Client]
) -> None:
    bo = member(acme, Role.DEVELOPER)
    allow(bo, 2 * COST)
    client = page_for(bo.user)
    token = client.get("/keys/new").content.decode().split('name="token" value="')[1].split('"')[0]
    page = client.post("/keys/new", {"token": token, "name": "free", "access": "all"})
    secret = page.content.decode().split('value="sd_live_')[1][:48]
    program = Api(f"sd_live_{secret}")

    assert program.post("/generations", BODY).status_code == 201
    assert client.post("/create", FORM).status_code == 302
    refused = program.post("/generations", BODY)
    by_hand = client.post("/create", {**FORM, "token": "f" * 32})

    assert refused.status_code == 402
    details = refused.json()["error"]["details"]
    assert (details["scope"], details["id"], details["held_usd"]) == ("member", bo.pk, "0.9032")
    assert by_hand.status_code == 402
    assert money(acme) == (25_000_000 - 2 * COST, 2 * COST)
    note = BudgetRefusal.objects.order_by("id").first()
    assert note
    assert (note.member_id, note.api_key_id) == (bo.pk, ApiKey.objects.get(name="free").pk)
    # Nor by more keys, by lifting it, or by somebody else's key.
    more = program.post("/api-keys", {"name": "more"}).json()
    assert (more["kind"], more["member"]) == ("personal", {"id": bo.pk, "name": str(bo.user)})
    assert Api(more["secret"]).post("/generations", BODY).status_code == 402
    for kind in ("organization", "royal"):
        wanted = program.post("/api-keys", {"name": "more", "kind": kind})
        assert wanted.json()["error"]["param"] == "kind"
    lifted = program.client.delete(f"/api/v1/budgets/member/{bo.pk}", headers=program.headers)
    assert (lifted.status_code, lifted.json()["error"]["code"]) == (403, "insufficient_role")
    ours = ApiKey.objects.get(name="test")
    assert program.post(f"/api-keys/{ours.pk}/rotate").status_code == 403
    assert client.post(f"/keys/{ours.pk}/rotate", {"overlap_seconds": "0"}).status_code == 403
    assert (
        api.post("/generations", BODY).status_code == 201
    )  # the organization's own has no such budget


def test_what_it_made_is_its_members_in_usage_and_budget(acme: Organization, api: Api) -> None:
    bo = member(acme, Role.DEVELOPER)
    allow(bo, 5_000_000)
    key, program = personal(bo)
    made = Generation.objects.get(pk=program.post("/generations", BODY).json()["id"])
    hold = Hold.objects.get()
    assert (hold.member_id, hold.api_key_id) == (bo.pk, key.pk)
    assert (made.member, made.api_key) == (bo, key)

    standing = api.get(f"/budgets/member/{bo.pk}").json()
    assert (standing["held_usd"], standing["spent_usd"]) == ("0.4516", "0.0000")
    quote = program.post("/quotes", BODY).json()
    assert [limit["scope"] for limit in quote["limits"]] == ["member"]


def test_usage_by_member_has_what_their_keys_made(line: Line) -> None:
    bo = member(line.organization, Role.DEVELOPER)
    key, program = personal(bo)
    ours = line.api
    line.api = program
    line.collecting()
    line.sweep()

    (row,) = ours.get("/usage", group_by="member,api_key").json()["data"]
    assert (row["member"], row["api_key"]) == (bo.pk, key.pk)
    assert (row["generations"], row["charged_usd"]) == (1, "0.4516")


def test_the_terms_of_the_role_bind_it(acme: Organization, api: Api) -> None:
    bo = member(acme, Role.DEVELOPER)
    _, program = personal(bo)
    RoleTerms.objects.create(organization=acme, role=Role.DEVELOPER, allowed_resolutions=["720p"])

    for path in ("/generations", "/quotes"):
        refused = program.post(path, BODY)
        assert refused.status_code == 403
        assert refused.json()["error"]["details"] == {"set_by": "role", "allowed": ["720p"]}
    models = {row["id"]: row["allowed"] for row in program.get("/models").json()["data"]}
    assert models[BODY["model"]]["resolution"] == ["720p"]
    assert not Generation.objects.exists()
    assert money(acme) == (25_000_000, 0)
    assert api.post("/generations", BODY).status_code == 201


@pytest.mark.django_db(transaction=True)
def test_a_create_by_it_takes_five_round_trips(acme: Organization) -> None:
    bo = member(acme, Role.DEVELOPER)
    allow(bo, 5_000_000)
    RoleTerms.objects.create(organization=acme, role=Role.DEVELOPER, allowed_resolutions=["480p"])
    _, program = personal(bo)
    rate_cards.list_card(timezone.now())
    offers.of(catalog.MODELS[0])

    with CaptureQueriesContext(connection) as queries:
        assert program.post("/generations", BODY).status_code == 201

    assert len(queries) == 5, [query["sql"][:100] for query in queries]


# -- the share of what runs at a time ---------------------------------------------------------------


def running(**whose: Any) -> int:
    return Generation.objects.filter(state__in=("submitting", "running"), **whose).count()


def test_a_share_of_the_role_is_one_for_a_member_and_their_keys(
    line: Line, page_for: Callable[[User], Client], settings: Any
) -> None:
    settings.EACHLABS_CONCURRENCY = 10
    bo = member(line.organization, Role.DEVELOPER)
    RoleTerms.objects.create(organization=bo.organization, role=bo.role, concurrent_max=2)
    (key, program), (narrow, narrow_program) = personal(bo), personal(bo, concurrent_max=1)
    for _ in range(3):
        narrow_program.post("/generations", BODY)
    for number in range(2):
        program.post("/generations", BODY)
        token = f"{number:032x}"
        assert page_for(bo.user).post("/create", {**FORM, "token": token}).status_code == 302

    tasks.dispatch_queued()

    # The narrow key's queue does not hold up the member's other work, which has the second place.
    assert (running(api_key=narrow), running(api_key=key), running(member=bo)) == (1, 1, 2)
    waiting = Generation.objects.filter(state="queued").order_by("id")
    assert {dispatch.share_of(one) for one in waiting.filter(api_key=key)} == {(2, 2, False)}
    assert {dispatch.share_of(one) for one in waiting.filter(api_key=None)} == {(2, 2, False)}
    page = text(page_for(owner(bo.organization).user).get(f"/generations/{waiting.last().pk}"))  # type: ignore[union-attr]
    assert "Each developer may run 2 at a time, and 2 run now." in page


# -- removal ----------------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_a_request_on_its_way_when_its_member_is_removed_spends_within_their_budget_or_not_at_all(
    acme: Organization, monkeypatch: pytest.MonkeyPatch
) -> None:
    bo = member(acme, Role.DEVELOPER)
    allow(bo, COST)
    _, program = personal(bo)
    assert program.post("/generations", BODY).status_code == 201  # the budget is full
    let_in, removed = threading.Event(), threading.Event()
    find = api_keys.find

    def found_and_then_removed(*args: Any, **kwargs: Any) -> ApiKey | None:
        key = find(*args, **kwargs)
        let_in.set()
        assert removed.wait(30)
        return key

    def remove() -> None:
        assert let_in.wait(30)
        leaving.remove(bo, by=owner(acme))
        removed.set()

    monkeypatch.setattr(api_keys, "find", found_and_then_removed)
    late: Any = race([partial(program.post, "/generations", BODY), remove])[0]

    assert late.status_code == 402
    assert late.json()["error"]["details"]["scope"] == "member"
    monkeypatch.undo()
    assert program.post("/generations", BODY).status_code == 401
    assert Generation.objects.count() == 1
    assert money(acme) == (25_000_000 - COST, COST)


@pytest.mark.django_db(transaction=True)
def test_removal_beside_many_requests_leaves_each_whole_or_not_there(acme: Organization) -> None:
    bo = member(acme, Role.DEVELOPER)
    allow(bo, 6 * COST)
    _, program = personal(bo)
    ask = partial(
        Api(program.headers["Authorization"].removeprefix("Bearer ")).post, "/generations", BODY
    )

    answers = race([*[ask] * 6, partial(leaving.remove, bo, by=owner(acme)), *[ask] * 6], threads=6)

    codes = [answer.status_code for answer in answers if hasattr(answer, "status_code")]
    assert set(codes) <= {201, 401, 402}
    made = Generation.objects.filter(member=bo).count()
    assert made == codes.count(201) == Hold.objects.count()
    assert made <= 6
    assert money(acme) == (25_000_000 - made * COST, made * COST)
    assert program.post("/generations", BODY).status_code == 401

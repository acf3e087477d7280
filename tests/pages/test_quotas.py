"""One screen says who may spend how much and on what; it is set in its row, or on a page without scripts."""

import re
from collections.abc import Callable

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts import api_keys
from accounts.models import AuditEntry, Organization, Role, RoleTerms, User
from billing import budgets
from billing.models import Budget, BudgetRefusal
from generations import allowances
from generations.models import Generation
from tests.billing.moves import hold_for
from tests.pages.conftest import FORM, text
from tests.world import Api, make_user

Browser = Callable[..., Client]
HTMX = {"HX-Request": "true", "HX-Current-URL": "http://testserver/budgets"}
QUERIES_MAX, BYTES_MAX = 12, 300_000
FAST = "seedance-2.0-fast-text-to-video"
BODY = {"model": FAST, "prompt": "a red kite", "resolution": "480p", "duration": 4}


def edit(scope: str, id: str) -> str:
    return f"/budgets/edit?scope={scope}&id={id}"


def fill(acme: Organization, count: int, make_member: Callable[..., User]) -> None:
    """So many members, keys and end users, each with a budget that was hit and some spending."""
    for number in range(count):
        member = make_member(acme, Role.DEVELOPER).memberships.get()
        key, _ = api_keys.issue(acme, f"key {number}")
        whose = {"member_id": member.id, "api_key_id": key.id, "end_user_id": f"u_{number}"}
        hold_for(acme, f"work:{number}", 1_000, **whose)
        for scope, id in (("member", member.id), ("api_key", key.id), ("end_user", f"u_{number}")):
            budget = budgets.set_limit(acme, scope, id, limit_microusd=1, period="day")
            BudgetRefusal.objects.create(
                organization=acme, budget=budget, subject_id=id, member_id=member.id,
                limit_microusd=1, spent_microusd=0, held_microusd=0, needed_microusd=5,
                minute=budget.created_at, refused_at=budget.created_at,
            )  # fmt: skip


@pytest.mark.parametrize("path", ["/budgets", "/budgets?scope=member", "/budgets?scope=api_key"])
@pytest.mark.parametrize("count", [10, 60])
def test_the_page_costs_the_same_however_many_there_are(
    acme: Organization, browser: Browser, member_of: Callable[..., User], path: str, count: int
) -> None:
    fill(acme, count, member_of)
    client = browser(acme)
    client.get(path)

    with CaptureQueriesContext(connection) as queries:
        page = client.get(path)

    assert len(queries) <= QUERIES_MAX, "\n".join(query["sql"][:160] for query in queries)
    assert len(page.content) < BYTES_MAX


@pytest.mark.parametrize("headers", [{}, HTMX])
def test_one_budget_costs_as_little(
    acme: Organization, browser: Browser, headers: dict[str, str]
) -> None:
    path = edit("member", acme.memberships.get().pk)
    client = browser(acme)
    for scope_id in (path, edit("member", "*")):
        client.post(scope_id, {"do": "set", "limit_usd": "1", "period": "day"})
    client.get("/budgets")  # it shows what was said

    with CaptureQueriesContext(connection) as queries:
        assert client.get(path, headers=headers).status_code == 200

    assert len(queries) <= QUERIES_MAX, "\n".join(query["sql"][:160] for query in queries)


@pytest.mark.parametrize("path", ["/end-users", "/end-users?by=spent", "/end-users?id=u_1"])
def test_end_users_cost_the_same_however_many_there_are(
    acme: Organization, browser: Browser, path: str
) -> None:
    budgets.set_limit(acme, "end_user", "*", limit_microusd=1, period="day")
    Budget.objects.bulk_create(
        Budget(
            organization=acme, scope="end_user", subject_id=f"u_{number}", limit_microusd=5,
            period="day",
        )
        for number in range(1000)
    )  # fmt: skip
    client = browser(acme)
    client.get(path)

    with CaptureQueriesContext(connection) as queries:
        page = client.get(path)

    assert len(queries) <= QUERIES_MAX, "\n".join(query["sql"][:160] for query in queries)
    assert len(page.content) < BYTES_MAX


def test_long_lists_go_on_on_a_page_of_their_own(
    acme: Organization, browser: Browser, member_of: Callable[..., User]
) -> None:
    fill(acme, 52, member_of)
    client, keys = browser(acme), acme.api_keys.order_by("id")

    first = text(client.get("/budgets"))
    assert "Change the budget of key 19" in first
    assert "Change the budget of key 20" not in first
    assert 'href="/budgets?scope=api_key">All keys</a>' in first
    whole = text(client.get("/budgets?scope=api_key"))
    assert "Change the budget of key 49" in whole
    assert f'href="/budgets?scope=api_key&amp;after={keys[49].pk}">Next ones</a>' in whole
    last = text(client.get(f"/budgets?scope=api_key&after={keys[49].pk}"))
    assert "Change the budget of key 50" in last
    assert "Change the budget of key 49" not in last
    assert client.get("/budgets?scope=team").status_code == 404


def test_a_budget_is_changed_in_its_row(acme: Organization, browser: Browser) -> None:
    client, path = browser(acme), edit("organization", acme.id)

    form = text(client.get(path, headers=HTMX))
    assert "<html" not in form
    assert f'hx-post="{path.replace("&", "&amp;")}"' in form
    wrong = client.post(path, {"do": "set", "limit_usd": "ten", "period": "week"}, headers=HTMX)
    assert wrong.status_code == 200
    assert "The limit must be dollars" in text(wrong)
    assert 'value="ten"' in text(wrong)
    assert not Budget.objects.exists()
    right = text(
        client.post(path, {"do": "set", "limit_usd": "10", "period": "week"}, headers=HTMX)
    )
    assert "<html" not in right
    assert "Acme may spend $10.0000 a week from now on" in right
    assert 'aria-label="Acme: $0.0000 charged and $0.0000 held of $10.0000 a week"' in right
    again = text(client.get(f"{path}&do=show", headers=HTMX))
    assert "Change the budget of Acme" in again
    assert "<form" not in again


def test_the_budget_of_each_changes_every_row_and_so_the_page(
    acme: Organization, browser: Browser
) -> None:
    key, _ = api_keys.issue(acme, "backend")
    client = browser(acme)

    answer = client.post(
        edit("api_key", "*"), {"do": "set", "limit_usd": "2", "period": "day"}, headers=HTMX
    )

    assert '"path": "/budgets"' in answer["HX-Location"]
    page = text(client.get("/budgets"))
    assert "Each key without a budget of their own may spend $2.0000 a day from now on." in page
    assert 'aria-label="backend: $0.0000 charged and $0.0000 held of $2.0000 a day"' in page
    assert "the budget of each key" in page
    assert budgets.find(acme, "api_key", key.pk) == Budget.objects.get()


def test_who_hit_a_budget_is_said_where_it_stands(acme: Organization, browser: Browser) -> None:
    key, secret = api_keys.issue(acme, "backend")
    client = browser(acme)
    budgets.set_limit(acme, "api_key", key.pk, limit_microusd=100_000, period="day")
    budgets.set_limit(acme, "end_user", "*", limit_microusd=100_000, period="day")
    assert Api(secret).post("/generations", {**BODY, "end_user_id": "u_1"}).status_code == 402
    budgets.set_limit(acme, "api_key", key.pk, limit_microusd=None, period="day")
    assert Api(secret).post("/generations", {**BODY, "end_user_id": "u_1"}).status_code == 402

    page = text(client.get("/budgets"))

    assert page.count("$0.45<small>16</small></span> was needed") == 2
    assert 'for <span class="mono">u_1</span>' in page
    of_each = text(client.get(edit("end_user", "*")))
    assert "Refused lately" in of_each
    assert 'backend <small class="mono">u_1</small>' in of_each
    assert not Generation.objects.exists()


def test_who_only_reads_is_told_so_and_who_does_not_even_that(
    acme: Organization, browser: Browser
) -> None:
    page = text(browser(acme, Role.BILLING).get("/budgets"))
    assert "You see these, and cannot change them." in page
    assert "Change the budget" not in page
    answer = browser(acme, Role.DEVELOPER).get("/budgets")
    assert answer.status_code == 403
    assert "Budgets are seen by owners, admins and who does the billing." in text(answer)


# -- models, resolutions, and how many at a time --------------------------------------------------


def test_what_a_role_may_use_is_set_with_the_person_in_the_trail(
    acme: Organization, browser: Browser
) -> None:
    client, path = browser(acme), "/budgets/terms?role=developer"
    form = {"models": [FAST], "resolutions": ["480p"], "concurrent_max": "2"}

    page = text(client.post(path, form, follow=True))

    assert "Each developer: this counts from the next request on." in page
    assert "Text to video, fast · 480p · 2 at a time" in page
    row = RoleTerms.objects.get()
    assert (row.role, row.allowed_models) == ("developer", [FAST])
    assert (row.allowed_resolutions, row.concurrent_max) == (["480p"], 2)
    entry = AuditEntry.objects.get(action="role.terms_set")
    assert entry.actor is not None
    assert entry.address == "127.0.0.1"
    shown = text(client.get(path))
    ticked = re.findall(r'name="(?:models|resolutions)" value="([^"]+)" checked', shown)
    assert ticked == [FAST, "480p"]


def test_it_is_set_in_its_row(acme: Organization, browser: Browser) -> None:
    client, path = browser(acme), "/budgets/terms"

    assert "<html" not in text(client.get(path, headers=HTMX))
    row = text(client.post(path, {"models": [FAST]}, headers=HTMX))

    assert "Text to video, fast" in row
    assert "Acme: this counts from the next request on." in row
    assert Organization.objects.get(pk=acme.pk).allowed_models == [FAST]
    assert "All models" not in text(client.get(f"{path}?do=show", headers=HTMX))


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ({"concurrent_max": "0"}, "At least 1; leave it empty for no limit."),
        ({"concurrent_max": "1001"}, "At most 1,000; leave it empty for no limit."),
        ({"concurrent_max": "two"}, "At a time must be a whole number."),
        ({"models": ["gpt-2"]}, "gpt-2 is not one of the available choices."),
    ],
)
def test_what_cannot_be_set_is_said_beside_it(
    acme: Organization, browser: Browser, form: dict[str, str], said: str
) -> None:
    client, path = browser(acme), "/budgets/terms?role=developer"
    answer = client.post(path, form)
    assert answer.status_code == 400
    assert said in text(answer)
    assert said in text(client.post(path, form, headers=HTMX))
    assert not RoleTerms.objects.exists()


@pytest.mark.parametrize("role", Role)
def test_only_who_sets_budgets_sets_terms(acme: Organization, browser: Browser, role: Role) -> None:
    client, sets = browser(acme, role), role in {Role.OWNER, Role.ADMIN}
    assert client.get("/budgets/terms").status_code == (200 if sets else 403)
    answer = client.post("/budgets/terms?role=developer", {"concurrent_max": "2"})
    assert answer.status_code == (302 if sets else 403)
    assert RoleTerms.objects.exists() == sets


def test_a_role_that_makes_nothing_has_no_terms(acme: Organization, browser: Browser) -> None:
    client = browser(acme)
    for role in ("viewer", "billing", "king"):
        assert client.get(f"/budgets/terms?role={role}").status_code == 404


def test_what_is_not_allowed_is_not_offered_on_create(acme: Organization, browser: Browser) -> None:
    allowances.set_for_role(
        acme, Role.DEVELOPER, models=["seedance-2.0-text-to-video"], resolutions=["480p"],
        concurrent_max=None, actor=make_user(),
    )  # fmt: skip
    client = browser(acme, Role.DEVELOPER)

    allowed = text(client.post("/create", {**FORM, "tier": "standard", "do": "update"}))
    assert 'id="resolution-480p"' in allowed
    assert 'id="resolution-720p"' not in allowed
    assert "does not allow" not in allowed
    start = text(client.get("/create"))
    assert re.search(r'id="tier-standard" value="standard" checked', start)
    assert re.search(r'id="resolution-480p" value="480p" checked', start)
    assert "does not allow" not in start
    refused = text(client.post("/create", {**FORM, "do": "update"}))
    assert (
        f"What Acme set for the role developer does not allow {FAST}, only"
        " seedance-2.0-text-to-video."
    ) in refused

"""People see every budget, and those who may set, lift and remove them, as the API does."""

import re
from collections.abc import Callable

import pytest
from django.test import Client

from accounts import api_keys
from accounts.models import AuditEntry, Organization, Role
from billing import budgets, ledger
from billing.models import Budget
from tests.billing.moves import hold_for
from tests.pages.conftest import text

Browser = Callable[..., Client]


def edit(scope: str, id: str) -> str:
    return f"/budgets/edit?scope={scope}&id={id}"


def test_each_budget_stands_with_limit_spent_held_and_reset(
    acme: Organization, browser: Browser
) -> None:
    member = acme.memberships.get()
    key, _ = api_keys.issue(acme, "backend")
    hold_for(acme, "work:1", 2_000_000, member_id=member.id, end_user_id="u_1")
    ledger.capture(acme, "work:1", amount_microusd=1_500_000)
    hold_for(acme, "work:2", 500_000, member_id=member.id, end_user_id="u_1")
    for scope, id, limit in (
        ("organization", acme.id, 10_000_000),
        ("member", member.id, 2_000_000),
        ("api_key", key.id, 0),
        ("end_user", "*", 5_000_000),
        ("end_user", "u_1", 3_000_000),
    ):
        budgets.set_limit(acme, scope, id, limit_microusd=limit, period="month")

    page = text(browser(acme).get("/budgets"))

    for label in (
        "Acme: $1.5000 charged and $0.5000 held of $10.0000 a month",
        f"{member.user}: $1.5000 charged and $0.5000 held of $2.0000 a month",
        "backend: $0.0000 charged and $0.0000 held of $0.0000 a month",
        "u_1: $1.5000 charged and $0.5000 held of $3.0000 a month",
    ):
        assert f'aria-label="{label}"' in page
    assert '<rect class="bar-charged" width="15.00%"' in page
    assert '<rect x="15.00%" width="5.00%"' in page
    assert page.count("Used up: new requests are refused") == 1
    assert page.count("May not spend: the limit is $0.00") == 1
    assert "Each end user<small>without a budget of their own</small>" in page
    assert '<span class="money">$5.00</span> a month, each counted alone' in page
    assert not re.search(r"\sstyle=|<style|\son[a-z]+=", page)


def test_a_budget_is_set_lifted_and_removed_with_the_person_in_the_trail(
    acme: Organization, browser: Browser
) -> None:
    client, path = browser(acme), edit("end_user", "u_1")
    budgets.set_limit(acme, "end_user", "*", limit_microusd=1_000_000, period="day")

    said = client.post(path, {"do": "set", "limit_usd": "$1,250.5", "period": "week"}, follow=True)
    assert "u_1 may spend $1250.5000 a week from now on" in text(said)
    budget = Budget.objects.get(subject_id="u_1")
    assert (budget.limit_microusd, budget.period) == (1_250_500_000, "week")
    client.post(path, {"do": "lift"})
    budget.refresh_from_db()
    assert (budget.limit_microusd, budget.period) == (None, "week")
    said = client.post(path, {"do": "remove"}, follow=True)
    assert "u_1 has the budget of each end user again: $1.0000 a day." in text(said)
    assert not Budget.objects.filter(subject_id="u_1").exists()

    entries = AuditEntry.objects.exclude(actor=None).order_by("id")
    assert [entry.action for entry in entries] == ["budget.set", "budget.set", "budget.removed"]
    assert {entry.address for entry in entries} == {"127.0.0.1"}


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("ten", "The limit must be dollars"),
        ("-1", "The limit must be dollars"),
        ("1.0000001", "The limit must be dollars"),
        ("2000000000", "The limit is at most 1000000000.0000"),
        ("", "This field is required"),
    ],
)
def test_what_was_typed_stays_beside_its_error(
    acme: Organization, browser: Browser, typed: str, said: str
) -> None:
    answer = browser(acme).post(
        edit("organization", acme.id), {"do": "set", "limit_usd": typed, "period": "week"}
    )

    assert answer.status_code == 400
    page = text(answer)
    assert said in page
    assert f'value="{typed}"' in page
    assert '<option value="week" selected>' in page
    assert not Budget.objects.exists()


def test_a_form_that_says_nothing_changes_nothing(acme: Organization, browser: Browser) -> None:
    assert browser(acme).post(edit("organization", acme.id), {}).status_code == 200
    assert not Budget.objects.exists()


@pytest.mark.parametrize("role", Role)
def test_who_reads_money_sees_and_who_leads_sets(
    acme: Organization, browser: Browser, role: Role
) -> None:
    client = browser(acme, role)
    sees, sets = role in {Role.OWNER, Role.ADMIN, Role.BILLING}, role in {Role.OWNER, Role.ADMIN}

    page = client.get("/budgets")
    answers = [
        client.get(edit("end_user", "u_1")).status_code,
        client.post(
            edit("end_user", "u_1"), {"do": "set", "limit_usd": "1", "period": "day"}
        ).status_code,
    ]

    assert page.status_code == (200 if sees else 403)
    assert ("Change the budget of" in text(page)) == sets
    assert answers == ([200, 302] if sets else [403, 403])
    assert Budget.objects.exists() == sets


def test_strangers_members_and_keys_are_not_there(
    acme: Organization, rival: Organization, browser: Browser
) -> None:
    theirs, _ = api_keys.issue(rival, "rivals-key")
    client = browser(acme)
    for path in (
        edit("organization", rival.id),
        edit("member", rival.memberships.get().id),
        edit("api_key", theirs.id),
        edit("team", "x"),
        edit("end_user", ""),
        edit("end_user", "%20"),
        edit("end_user", "x" * 256),
        "/budgets/edit",
    ):
        assert client.get(path).status_code == 404, path
        assert (
            client.post(path, {"do": "set", "limit_usd": "1", "period": "day"}).status_code == 404
        )
    assert not Budget.objects.exists()
    assert "rivals-key" not in text(client.get("/budgets"))


def test_nobody_is_asked_to_sign_in_first(db: None) -> None:
    for path in ("/budgets", "/budgets/edit"):
        assert Client().get(path).status_code == 302

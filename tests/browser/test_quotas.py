"""Budgets, terms, usage and end users in a real browser: changed in the row, and in order at every size and theme."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from accounts import api_keys
from accounts.models import Organization, Role, RoleTerms, User
from billing import budgets
from billing.models import Budget
from tests.billing.moves import hold_for, used
from tests.browser.conftest import Look
from tests.browser.shop import Shop
from tests.browser.test_looks import LABELS
from tests.world import Api, deposit

STANDARD = {"model": "seedance-2.0-text-to-video", "resolution": "720p"}
BODY = {**LABELS, "prompt": "a red kite over a beach", "duration": 4}
PAGES = {
    "budgets": "/budgets",
    "budgets-keys": "/budgets?scope=api_key",
    "budget-edit": "/budgets/edit?scope=end_user&id=*",
    "budget-terms": "/budgets/terms?role=developer",
    "end-users": "/end-users",
    "end-users-spent": "/end-users?by=spent",
    "usage": "/usage",
    "usage-filtered": "/usage?group_by=member&end_user_id=u_jane",
    "usage-year": "/usage?group_by=end_user_id&since=2026-01-01&until=2026-12-31",
}


@pytest.fixture
def busy(acme: Organization, member_of: Callable[..., User]) -> None:
    """Members, keys and end users that spent, with budgets that are new, half used, used up and hit."""
    deposit(acme, "500.00")
    members = [member_of(acme, role).memberships.get() for role in (Role.DEVELOPER, Role.ADMIN)]
    key, secret = api_keys.issue(acme, "Storefront backend of the autumn campaign")
    for number in range(14):
        used(
            acme, f"work:{number}", 451_600 + number * 302_400, member_id=members[number % 2].pk,
            end_user_id=("u_jane", "customer-with-a-rather-long-identifier-0001", "u_b")[number % 3],
            labels=(LABELS, STANDARD)[number % 2],
        )  # fmt: skip
    hold_for(acme, "work:h", 4_536_000, member_id=members[0].pk, end_user_id="u_jane")
    for scope, id, limit in (
        ("organization", acme.pk, 120_000_000),
        ("member", members[0].pk, 25_000_000),
        ("member", "*", 10_000_000),
        ("api_key", key.pk, 100_000),
        ("end_user", "*", 5_000_000),
        ("end_user", "u_b", 0),
    ):
        budgets.set_limit(acme, scope, id, limit_microusd=limit, period="month")
    assert Api(secret).post("/generations", BODY).status_code == 402


def test_every_page_is_in_order(busy: None, look: Look) -> None:
    for name, path in PAGES.items():
        look(path, name)


def test_the_forms_in_the_rows_are_in_order(busy: None, look: Look) -> None:
    look("/budgets", "budgets-open", do=open_rows)


def open_rows(page: Page) -> None:
    for name in ("the budget of Acme", "the budget of Each member", "the budget of u_b"):
        page.get_by_role("link", name=f"Change {name}").first.click()
    page.get_by_role("link", name="Change what each developer may use").click()
    for name in ("Budget of Acme", "Budget of Each member", "Budget of u_b"):
        expect(page.get_by_role("form", name=name)).to_be_visible()
    expect(page.get_by_role("form", name="What each developer may use")).to_be_visible()


def test_a_budget_and_terms_are_set_in_their_rows(
    page: Page, shop: Shop, busy: None, acme: Organization
) -> None:
    page.goto(f"{shop.url}/budgets")
    page.evaluate("window.sameDocument = true")

    page.get_by_role("link", name="Change the budget of Acme").click()
    form = page.get_by_role("form", name="Budget of Acme")
    expect(form.get_by_label("Limit in dollars")).to_be_focused()
    form.get_by_label("Limit in dollars").fill("a lot")
    form.get_by_role("button", name="Save").click()
    expect(form.get_by_text("The limit must be dollars")).to_be_visible()
    expect(form.get_by_label("Limit in dollars")).to_have_value("a lot")
    form.get_by_label("Limit in dollars").fill("200")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Acme may spend $200.0000 a month from now on")).to_be_visible()
    expect(page.get_by_role("link", name="Change the budget of Acme")).to_be_focused()
    own = Budget.objects.get(organization=acme, scope="organization")
    assert own.limit_microusd == 200_000_000

    page.keyboard.press("Enter")
    expect(form.get_by_label("Limit in dollars")).to_be_focused()
    page.keyboard.press("Escape")
    expect(form).to_have_count(0)
    expect(page.get_by_role("link", name="Change the budget of Acme")).to_be_focused()

    page.get_by_role("link", name="Change the budget of Each key").click()
    page.get_by_role("form", name="Budget of Each key").get_by_label("Limit").fill("3")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Each key without a budget of their own may spend")).to_be_visible()

    page.get_by_role("link", name="Change what each developer may use").click()
    terms = page.get_by_role("form", name="What each developer may use")
    terms.get_by_label("480p").check()
    terms.get_by_label("At a time").fill("2")
    terms.get_by_role("button", name="Save").click()
    expect(page.get_by_text("480p · 2 at a time")).to_be_visible()
    assert RoleTerms.objects.get().allowed_resolutions == ["480p"]
    assert page.evaluate("window.sameDocument") is True


def test_a_part_of_a_bar_leads_to_its_own(page: Page, shop: Shop, busy: None) -> None:
    page.goto(f"{shop.url}/usage")
    page.locator(".chart a rect").first.click()
    expect(page.get_by_text("Model: seedance-2.0-text-to-video")).to_be_visible()
    assert "model=seedance-2.0-text-to-video" in page.url

"""A budget that says no is explained on Create, and the bars on Home show it coming."""

from collections.abc import Callable
from datetime import UTC, datetime

import time_machine
from django.test import Client
from django.utils.html import strip_tags

from accounts.models import Organization, Role, User
from billing import budgets
from billing.models import Budget
from generations.models import Generation
from tests.pages.conftest import FORM, text
from tests.world import money

NOON = datetime(2026, 11, 3, 12, 0, 30, tzinfo=UTC)


def limit(
    organization: Organization, scope: str, id: str, microusd: int, period: str = "day"
) -> None:
    budgets.set_limit(organization, scope, id, limit_microusd=microusd, period=period)


def test_the_organizations_budget_is_named_with_its_numbers(
    acme: Organization, browser: Callable[..., Client]
) -> None:
    with time_machine.travel(NOON):
        client = browser(acme)
        limit(acme, Budget.Scope.ORGANIZATION, acme.pk, 500_000)
        client.post("/create", FORM)

        answer = client.post("/create", {**FORM, "token": "f" * 32})

    page = text(answer)
    assert answer.status_code == 402
    assert "A budget does not admit it." in page
    assert (
        "This needs up to $0.4516. The budget of Acme is $0.5000 a day: $0.0000 spent, "
        "$0.4516 held; it resets 4 Nov 2026, 00:00:00 UTC. Nothing was held or charged."
    ) in page
    assert "It may fit once what is held now has ended." in page
    assert f'href="/budgets/edit?scope=organization&amp;id={acme.pk}" >Raise it</a>' in page
    assert "a red kite over a beach</textarea>" in page
    assert Generation.objects.count() == 1
    assert money(acme) == (24_548_400, 451_600)


def test_the_price_says_before_that_a_budget_has_too_little_left(
    acme: Organization, member_of: Callable[..., User], page_for: Callable[[User], Client]
) -> None:
    person = member_of(acme, Role.DEVELOPER)
    own = person.memberships.get(organization=acme)
    client = page_for(person)
    limit(acme, Budget.Scope.ORGANIZATION, acme.pk, 451_600)
    assert "you pay for the seconds produced" in text(client.post("/create/quote", FORM))

    limit(acme, Budget.Scope.MEMBER, own.pk, 451_500)
    price = strip_tags(text(client.post("/create/quote", FORM)))
    assert "only $0.4515 is left of your budget" in price

    limit(acme, Budget.Scope.ORGANIZATION, acme.pk, 0)
    assert "only $0.0000 is left of the organization's budget" in strip_tags(
        text(client.get("/create"))
    )
    assert money(acme) == (25_000_000, 0)


def test_a_members_own_budget_is_called_so_and_who_can_change_it_is_said(
    acme: Organization, member_of: Callable[..., User], page_for: Callable[[User], Client]
) -> None:
    person = member_of(acme, Role.DEVELOPER)
    own = person.memberships.get(organization=acme)
    limit(acme, Budget.Scope.MEMBER, own.pk, 0, period="lifetime")

    page = text(page_for(person).post("/create", FORM))

    assert (
        "Your own budget is $0.0000 in all: $0.0000 spent, $0.0000 held; it never resets." in page
    )
    assert "It may fit once" not in page
    assert f"{acme.memberships.get(role=Role.OWNER).user} can raise it." in page
    assert "Raise it" not in page
    assert not Generation.objects.exists()
    assert money(acme) == (25_000_000, 0)


def test_several_who_can_raise_it_are_named(
    acme: Organization, member_of: Callable[..., User], page_for: Callable[[User], Client]
) -> None:
    limit(acme, Budget.Scope.ORGANIZATION, acme.pk, 0)
    person = member_of(acme, Role.DEVELOPER)
    names = [str(acme.memberships.get(role=Role.OWNER).user)]
    names += [str(member_of(acme, Role.ADMIN)) for _ in range(2)]

    three = text(page_for(person).post("/create", FORM))
    member_of(acme, Role.ADMIN)
    four = text(page_for(person).post("/create", FORM))

    assert f"{names[0]}, {names[1]} or {names[2]} can raise it." in three
    assert f"{names[0]}, {names[1]}, {names[2]} or another admin can raise it." in four


def test_an_end_users_budget_is_named(acme: Organization, browser: Callable[..., Client]) -> None:
    limit(acme, Budget.Scope.END_USER, "u_9f2c", 100_000, period="week")

    page = text(browser(acme).post("/create", {**FORM, "end_user_id": "u_9f2c"}))

    assert 'The budget of end user <span class="mono break">u_9f2c</span> is $0.1000 a week' in page
    assert not Generation.objects.exists()


def test_home_shows_the_bars_of_the_organization_and_ones_own(
    acme: Organization, member_of: Callable[..., User], page_for: Callable[[User], Client]
) -> None:
    person = member_of(acme, Role.DEVELOPER)
    own = person.memberships.get(organization=acme)
    limit(acme, Budget.Scope.ORGANIZATION, acme.pk, 10_000_000, period="month")
    limit(acme, Budget.Scope.MEMBER, own.pk, 1_000_000)
    client = page_for(person)
    client.post("/create", FORM)

    page = text(client.get("/"))

    assert "Acme: $0.0000 charged and $0.4516 held of $10.0000 a month" in page
    assert "Your own budget: $0.0000 charged and $0.4516 held of $1.0000 a day" in page
    assert "0.54<small>84</small></span> left" in page
    assert "All budgets" not in page


def test_home_shows_no_bars_where_nothing_is_limited_nor_those_of_others(
    acme: Organization,
    browser: Callable[..., Client],
    member_of: Callable[..., User],
) -> None:
    other = member_of(acme).memberships.get(organization=acme)
    limit(acme, Budget.Scope.MEMBER, other.pk, 1_000_000)

    assert "Your budgets" not in text(browser(acme).get("/"))

"""Home shows what is there, what was spent this month, and what a newcomer does next."""

from collections.abc import Callable

import pytest
from django.test import Client

from accounts import organizations
from accounts.models import Organization, Role
from billing import budgets
from generations.models import Generation
from tests.pages.conftest import end, text
from tests.upstream import Upstream
from tests.world import make_user


def test_a_new_organization_sees_what_to_do_first(
    make_organization: Callable[..., Organization], browser: Callable[..., Client]
) -> None:
    page = text(browser(make_organization("New", credits_usd="0")).get("/"))
    assert "First steps" in page
    assert "Make the first video" in page


def test_the_months_charges_and_the_latest_video_are_there(
    acme: Organization,
    browser: Callable[..., Client],
    running: Callable[..., Generation],
    upstream: Upstream,
    run_queue: Callable[[], int],
) -> None:
    end(running(acme), upstream, run_queue)

    page = text(browser(acme).get("/"))

    assert "$24.54<small>84</small>" in page
    assert '<dd><span class="money">$0.45<small>16</small></span></dd>' in page
    assert "poster-lead" in page


def test_little_credit_needs_attention(
    make_organization: Callable[..., Organization],
    browser: Callable[..., Client],
    queued: Callable[..., Generation],
) -> None:
    poor = make_organization("Poor", credits_usd="4.00")
    queued(poor)

    page = text(browser(poor).get("/"))

    assert "Only <span" in page
    assert "$3.54<small>84</small></span> available" in page


def test_a_used_up_budget_and_a_suspension_need_attention(
    acme: Organization, browser: Callable[..., Client], queued: Callable[..., Generation]
) -> None:
    budgets.set_limit(
        acme, "organization", acme.pk, limit_microusd=451_600, period="month", actor=None
    )
    queued(acme)
    organizations.suspend(acme, because="A disputed payment.", by=make_user())

    page = text(browser(acme).get("/"))

    assert "The budget of Acme is used up" in page
    assert '$0.00<small>00</small></span> charged and <span class="money">$0.45' in page
    assert "Acme is suspended" in page
    assert "A disputed payment." in page


@pytest.mark.parametrize(
    ("role", "words"),
    [
        (Role.OWNER, ["Add credits", "Make a video", "Set a budget"]),
        (Role.DEVELOPER, ["Make a video"]),
        (Role.BILLING, ["Add credits"]),
        (Role.VIEWER, []),
    ],
)
def test_the_first_steps_are_those_that_the_role_may_take(
    make_organization: Callable[..., Organization],
    browser: Callable[..., Client],
    role: Role,
    words: list[str],
) -> None:
    page = text(browser(make_organization("New", credits_usd="0"), role).get("/"))

    for word in ("Add credits", "Make a video", "Set a budget"):
        assert (f"</svg> {word} </b>" in page) == (word in words), word
    assert ("First steps" in page) == bool(words)

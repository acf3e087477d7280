"""Home shows what is there, what was spent this month, and what a newcomer does next."""

from collections.abc import Callable

from django.test import Client

from accounts.models import Organization
from generations.models import Generation
from tests.pages.conftest import end, text
from tests.upstream import Upstream


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

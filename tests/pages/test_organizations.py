"""Organizations begin live or as sandboxes, are switched between, and say what they are."""

from collections.abc import Callable

import pytest
from django.test import Client
from django.utils import timezone

from accounts import organizations
from accounts.models import AuditEntry, Organization, Role, User
from billing import founding
from billing.models import CreditLine, Grant
from tests.billing.moves import used
from tests.pages.conftest import text
from tests.world import make_user, money

Browser = Callable[..., Client]


def test_a_sandbox_is_made_with_free_credits_and_filled_again(
    page_for: Callable[[User], Client],
) -> None:
    client = page_for(make_user())
    form = client.get("/organizations/new?kind=sandbox")
    assert 'value="sandbox" checked' in text(form)

    page = text(
        client.post("/organizations/new", {"name": "To try", "kind": "sandbox"}, follow=True)
    )

    assert "<small> Sandbox </small>" in page
    sandbox = Organization.objects.get()
    assert sandbox.is_sandbox
    assert money(sandbox) == (100_000_000, 0)
    refused = text(client.post("/sandbox/fill", follow=True))
    assert "it is filled when less than $20.0000 is" in refused
    used(sandbox, "work:1", 90_000_000)
    assert "$90.0000 came in" in text(client.post("/sandbox/fill", follow=True))
    assert money(sandbox) == (100_000_000, 0)


def test_a_live_one_is_the_default_and_has_nothing(page_for: Callable[[User], Client]) -> None:
    client = page_for(make_user())
    client.post("/organizations/new", {"name": "Acme"})
    live = Organization.objects.get()
    assert not live.is_sandbox
    assert money(live) == (0, 0)
    assert AuditEntry.objects.get(action="organization.created").address == "127.0.0.1"
    assert "this organization is live" in text(client.post("/sandbox/fill", follow=True))
    assert not Grant.objects.exists()


def test_a_kind_or_name_that_is_none_makes_nothing(page_for: Callable[[User], Client]) -> None:
    client = page_for(make_user())
    for form in ({"name": "A", "kind": "palace"}, {"name": " "}, {"name": "x" * 101}):
        assert client.post("/organizations/new", form).status_code == 400
    assert not Organization.objects.exists()


def test_the_twenty_first_is_refused_beside_the_name(
    page_for: Callable[[User], Client], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(founding, "OWNED_MAX", 1)
    client = page_for(make_user())
    client.post("/organizations/new", {"name": "One"})
    answer = client.post("/organizations/new", {"name": "Two"})
    assert answer.status_code == 400
    assert "You own 1 organizations, which is the most." in text(answer)
    assert Organization.objects.count() == 1


@pytest.mark.parametrize("role", [Role.DEVELOPER, Role.VIEWER])
def test_who_does_not_buy_does_not_fill(browser: Browser, role: Role) -> None:
    sandbox = founding.found("To try", owner=make_user(), is_sandbox=True)
    used(sandbox, "work:1", 90_000_000)
    assert browser(sandbox, role).post("/sandbox/fill").status_code == 403
    assert money(sandbox) == (10_000_000, 0)


def test_the_menu_says_how_each_one_pays(acme: Organization, browser: Browser) -> None:
    client = browser(acme)
    assert "<small> Live · prepaid </small>" in text(client.get("/"))
    line = CreditLine.objects.create(organization=acme, limit_cents=100_00, net_days=30)
    assert "<small> Live · on account </small>" in text(client.get("/"))
    line.state, line.closure = "closed", "operator"
    line.save()
    assert "<small> Live · prepaid </small>" in text(client.get("/"))
    Organization.objects.update(suspended_at=timezone.now(), suspended_because="an unpaid bill")
    page = text(client.get("/"))
    assert "<small> Suspended </small>" in page
    assert "Acme is suspended.</strong> What runs ends as usual" in page
    assert "The reason: an unpaid bill" in page


def test_the_menu_marks_sandboxes_and_closed_ones(
    acme: Organization, member_of: Callable[..., User], page_for: Callable[[User], Client]
) -> None:
    bo = member_of(acme)
    founding.found("To try", owner=bo, is_sandbox=True)
    gone = organizations.create("Gone", owner=bo)
    Organization.objects.filter(pk=gone.pk).update(closed_at=timezone.now())
    page = text(page_for(bo).get("/"))
    assert '<span class="tag push">sandbox</span>' in page
    assert '<span class="tag push">closed</span>' in page

"""Owners name, tighten, close and reopen their organization; others are refused, and a closed one is only read."""

from collections.abc import Callable

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts import organizations
from accounts.models import AuditEntry, Organization, Role, User
from billing import ledger
from billing.models import Grant, Purchase
from generations import storage_policies, tasks
from generations.models import Generation
from tests.accounts.team import member, owner
from tests.billing import bought, moves
from tests.pages.conftest import FORM, text
from tests.stripe_account import StripeAccount
from tests.world import deposit, make_user, money

Browser = Callable[..., Client]
PATHS = ("/settings", "/settings/close", "/settings/reopen")


def test_the_name_changes_everywhere_at_once(acme: Organization, browser: Browser) -> None:
    page = text(
        browser(acme).post("/settings", {"do": "name", "name": " Acme  Films "}, follow=True)
    )
    assert "The organization is called Acme Films now." in page
    assert "<span>Acme Films</span>" in page
    entry = AuditEntry.objects.get(action="organization.renamed")
    assert (entry.before, entry.after) == ({}, {})  # names may have to go; the trail stays
    assert entry.address == "127.0.0.1"


def test_a_second_factor_is_required_and_not_any_more(acme: Organization, browser: Browser) -> None:
    client = browser(acme)
    client.post("/settings", {"do": "second_factor", "required": "on"})
    acme.refresh_from_db()
    assert acme.requires_second_factor
    entry = AuditEntry.objects.get(action="organization.second_factor_required")
    assert (entry.before, entry.after) == ({"required": False}, {"required": True})


def test_retention_is_set_within_its_limits(acme: Organization, browser: Browser) -> None:
    client = browser(acme)
    page = text(client.post("/settings", {"do": "retention", "retention_days": "7"}, follow=True))
    assert "is kept for 7 days" in page
    assert storage_policies.policy_of(acme.pk).retention_days == 7
    entry = AuditEntry.objects.get(action="storage.changed")
    assert (entry.actor is not None, entry.address) == (True, "127.0.0.1")
    for days in ("0", "91", "-1", "", "many"):
        answer = client.post("/settings", {"do": "retention", "retention_days": days})
        assert answer.status_code == 400
        assert f'value="{days}"' in text(answer)
        assert "The days must be a whole number from 1 to 90." in text(answer)
    assert storage_policies.policy_of(acme.pk).retention_days == 7


def test_what_we_gave_beyond_the_limit_may_stay(acme: Organization, browser: Browser) -> None:
    storage_policies.set_policy(acme, why="agreed", retention_days=365)
    client = browser(acme)
    assert "1 to 365." in text(client.get("/settings"))
    assert client.post("/settings", {"do": "retention", "retention_days": "365"}).status_code == 303


def test_a_name_that_is_none_stays_beside_its_error(acme: Organization, browser: Browser) -> None:
    client = browser(acme)
    for name in ("", "  ", "x" * 101):
        assert client.post("/settings", {"do": "name", "name": name}).status_code == 400
    assert client.post("/settings", {"do": "nothing"}).status_code == 200
    acme.refresh_from_db()
    assert acme.name == "Acme"
    assert not AuditEntry.objects.filter(action="organization.renamed").exists()


@pytest.mark.parametrize("role", [Role.ADMIN, Role.DEVELOPER, Role.BILLING, Role.VIEWER])
def test_only_owners_open_and_change_them(acme: Organization, browser: Browser, role: Role) -> None:
    client = browser(acme, role)
    assert client.get("/settings").status_code == 403
    assert client.get("/settings/close").status_code == 403
    for path in PATHS:
        assert client.post(path, {"do": "name", "name": "Mine"}).status_code == 403
    acme.refresh_from_db()
    assert (acme.name, acme.closed_at) == ("Acme", None)


def test_closing_says_in_numbers_what_it_then_does(
    acme: Organization,
    browser: Browser,
    queued: Callable[..., Generation],
) -> None:
    generation = queued(acme)
    deposit(acme, "3.00", kind=Grant.Kind.PROMOTIONAL)
    client = browser(acme)

    page = text(client.get("/settings/close"))
    for said in (
        'Purchased, but no card takes it: forfeited</dt><dd><span class="money">$24.54<small>84</small>',
        'Promotional credits: forfeited</dt><dd><span class="money">$3.00<small>00</small>',
        'charged for what is produced</dt><dd><span class="money">$0.45<small>16</small>',
        "Waiting generations: canceled, not charged</dt><dd>1</dd>",
    ):
        assert said in page, said
    acme.refresh_from_db()
    assert acme.closed_at is None

    page = text(client.post("/settings/close", follow=True))
    tasks.cancel_closed()

    assert "Acme is closed." in page
    assert "Reopen the organization" in page
    generation.refresh_from_db()
    assert generation.state == "canceled"
    assert money(acme) == (0, 0)  # what was held was no card's, and went the same way


def test_a_closed_one_is_read_and_nothing_in_it_changes(
    acme: Organization, browser: Browser
) -> None:
    bo = member(acme, Role.VIEWER)
    client, billing = browser(acme), browser(acme, Role.BILLING)
    client.post("/settings/close")

    for path in ("/billing", "/billing/purchases", "/billing/invoices", "/statements", "/usage"):
        assert billing.get(path).status_code == 200
    assert "Acme is closed.</strong> It can be read until" in text(billing.get("/billing"))
    for path, data in (
        ("/create", FORM),
        ("/billing/buy", {"pack": "5000", "do": "buy"}),
        ("/settings", {"do": "name", "name": "Other"}),
        (f"/members/{bo.id}", {"role": "admin"}),
        ("/members/invite", {"do": "one", "email": "cy@example.com", "role": "viewer"}),
    ):
        answer = client.post(path, data)
        assert answer.status_code == 403
        assert "This organization is closed" in text(answer)
    acme.refresh_from_db()
    assert acme.name == "Acme"
    assert not Generation.objects.exists()
    assert not Purchase.objects.exists()


@pytest.mark.parametrize("stop", ["closed", "suspended"])
def test_a_stopped_one_offers_nothing_new(acme: Organization, browser: Browser, stop: str) -> None:
    client = browser(acme)
    assert "New generation" in text(client.get("/"))
    assert 'id="create-form"' in text(client.get("/create"))

    if stop == "closed":
        client.post("/settings/close")
    else:
        organizations.suspend(acme, because="An unpaid bill.", by=make_user())

    for path in ("/", "/gallery"):
        assert "New generation" not in text(client.get(path))
    assert "Make the first video" not in text(client.get("/"))
    assert 'id="create-form"' not in text(client.get("/create"))
    assert "Nothing new can be made now." in text(client.get("/create"))
    assert "No credits available" not in text(client.get("/"))


def test_what_was_typed_before_a_suspension_is_kept(acme: Organization, browser: Browser) -> None:
    client = browser(acme)
    organizations.suspend(acme, because="An unpaid bill.", by=make_user())

    page = text(client.post("/create", FORM))

    assert "a red kite over a beach</textarea>" in page
    assert not Generation.objects.exists()
    assert money(acme) == (25_000_000, 0)


def test_it_is_reopened_on_the_same_page(acme: Organization, browser: Browser) -> None:
    client = browser(acme)
    client.post("/settings/close")
    assert "Acme is open again." in text(client.post("/settings/reopen", follow=True))
    acme.refresh_from_db()
    assert acme.closed_at is None
    assert "not closed" in text(client.post("/settings/reopen", follow=True))


def test_what_is_owed_stands_in_the_way_with_its_number(
    acme: Organization, browser: Browser
) -> None:
    grant = acme.grants.get()
    moves.used(acme, "work:1", 24_000_000)
    ledger.claw_back(acme, amount_microusd=3_000_000, grants=[grant], reference="refund:1")
    client = browser(acme)
    page = text(client.get("/settings/close"))
    assert "First has to be paid: a debt of $2.0000." in page
    assert '<form class="row" method="post"' not in page
    answer = client.post("/settings/close")
    assert answer.status_code == 409
    assert "Nothing was done." in text(answer)
    acme.refresh_from_db()
    assert acme.closed_at is None


def test_the_page_is_as_quick_with_many_purchases(
    acme: Organization,
    stripe_account: StripeAccount,
    page_for: Callable[[User], Client],
) -> None:
    client = page_for(owner(acme).user)
    for count in (1, 8):
        for number in range(count):
            bought.paid(acme, stripe_account, 50_00, form=f"form{count}-{number}")
        for path in ("/settings", "/settings/close"):
            with CaptureQueriesContext(connection) as queries:
                assert client.get(path).status_code == 200
            assert len(queries) <= 12, "\n".join(query["sql"][:150] for query in queries)

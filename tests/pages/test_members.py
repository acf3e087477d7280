"""Who leads sees every member with their budget, gives roles, removes, and hands over; nobody else does."""

from collections.abc import Callable

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts import api_keys, invitations, members, organizations
from accounts.invitation_checks import Wanted
from accounts.models import AuditEntry, Invitation, Membership, Organization, Role, User
from billing import budgets, ledger
from billing.models import Budget
from generations.models import Generation
from tests.accounts.team import member, owner
from tests.billing.moves import hold_for
from tests.pages.conftest import FORM, text
from tests.world import make_user, money

Browser = Callable[..., Client]
QUERIES_MAX, BYTES_MAX = 12, 300_000


def test_each_member_stands_with_role_and_budget(acme: Organization, browser: Browser) -> None:
    bo = member(acme, Role.DEVELOPER)
    budgets.set_limit(acme, "member", bo.id, limit_microusd=2_000_000, period="month")
    hold_for(acme, "work:1", 1_500_000, member_id=bo.id)
    ledger.capture(acme, "work:1", amount_microusd=1_000_000)
    hold_for(acme, "work:2", 500_000, member_id=bo.id)

    page = text(browser(acme).get("/members"))

    assert f'aria-label="{bo.user}: $1.0000 charged and $0.5000 held of $2.0000 a month"' in page
    assert bo.user.email in page
    assert f'href="/budgets/edit?scope=member&amp;id={bo.id}"' in page
    assert "No limit of its own" in page
    assert f"/members/{bo.id}" in page


def test_it_is_as_quick_and_as_small_with_many(acme: Organization, browser: Browser) -> None:
    first, client = owner(acme), browser(acme)
    for count in (10, 1_000):
        users = User.objects.bulk_create(
            User(email=f"p{count}-{number}@example.com", name=f"Person {number}", password="!")
            for number in range(count)
        )
        found = Membership.objects.bulk_create(
            Membership(organization=acme, user=user, role=Role.DEVELOPER) for user in users
        )
        Budget.objects.bulk_create(
            Budget(
                organization=acme, scope="member", subject_id=one.pk,
                limit_microusd=5_000_000, period=("day", "week", "month", "lifetime")[number % 4],
            )
            for number, one in enumerate(found)
        )  # fmt: skip
        invitations.invite(
            acme,
            [Wanted(f"i{count}-{number}@example.com", "viewer") for number in range(60)],
            by=first,
        )
        with CaptureQueriesContext(
            connection,
        ) as queries:
            answer = client.get("/members")
        assert answer.status_code == 200
        assert len(queries) <= QUERIES_MAX, [query["sql"] for query in queries]
        assert len(answer.content) < BYTES_MAX


def test_a_long_list_goes_on_and_one_is_found_by_name(acme: Organization, browser: Browser) -> None:
    client = browser(acme)
    first = acme.memberships.order_by("id")[0]
    for _ in range(50):
        member(acme, Role.VIEWER)
    page = text(client.get("/members"))
    assert first.user.email not in page
    more = page.split('class="btn" href="/members?cursor=')[1].split('"')[0]
    assert first.user.email in text(client.get(f"/members?cursor={more}"))

    found = text(client.get("/members", {"q": first.user.email.upper()}))
    assert first.user.email in found
    assert found.count("Manage ") == 1
    assert "Nobody of this name" in text(client.get("/members?q=nobody%40nowhere"))


@pytest.mark.parametrize("role", [Role.DEVELOPER, Role.BILLING, Role.VIEWER])
def test_who_does_not_lead_sees_and_changes_nothing(
    acme: Organization, browser: Browser, role: Role
) -> None:
    bo = member(acme, Role.VIEWER)
    invitation = invitations.invite(acme, [Wanted("cy@example.com", "viewer")], by=owner(acme))[0]
    client = browser(acme, role)
    for path in ("/members", "/members/invite", f"/members/{bo.id}", f"/members/{bo.id}/remove"):
        assert client.get(path).status_code == 403
    for path, data in (
        (f"/members/{bo.id}", {"role": "admin"}),
        (f"/members/{bo.id}/remove", {}),
        (f"/members/{bo.id}/transfer", {}),
        ("/members/invite", {"do": "one", "email": "di@example.com", "role": "viewer"}),
        (f"/members/invitations/{invitation.id}/again", {}),
        (f"/members/invitations/{invitation.id}/revoke", {}),
    ):
        assert client.post(path, data).status_code == 403

    bo.refresh_from_db()
    assert (bo.role, bo.removed_at) == (Role.VIEWER, None)
    assert Invitation.objects.get().revoked_at is None


def test_a_strangers_members_and_invitations_are_not_there(
    acme: Organization, rival: Organization, browser: Browser
) -> None:
    theirs = member(rival, Role.VIEWER)
    invitation = invitations.invite(rival, [Wanted("cy@example.com", "viewer")], by=owner(rival))[0]
    client = browser(acme)
    for path in (
        f"/members/{theirs.id}",
        f"/members/{theirs.id}/remove",
        f"/members/{theirs.id}/transfer",
    ):
        assert client.get(path).status_code == 404
        assert client.post(path, {"role": "admin"}).status_code == 404
    for change in ("again", "revoke"):
        assert client.post(f"/members/invitations/{invitation.id}/{change}").status_code == 404
    theirs.refresh_from_db()
    assert (theirs.role, theirs.removed_at) == (Role.VIEWER, None)
    assert b"cy@example.com" not in client.get("/members").content


def test_a_role_is_given_on_the_members_page(acme: Organization, browser: Browser) -> None:
    bo = member(acme, Role.VIEWER)
    client = browser(acme, Role.ADMIN)

    page = text(client.get(f"/members/{bo.id}"))
    assert 'value="viewer" checked' in page
    assert 'value="owner"' not in page
    said = client.post(f"/members/{bo.id}", {"role": "billing"}, follow=True)

    assert f"{bo.user} is billing now." in text(said)
    bo.refresh_from_db()
    assert bo.role == Role.BILLING
    assert AuditEntry.objects.get(action="member.role_changed").address == "127.0.0.1"
    refused = client.post(f"/members/{bo.id}", {"role": "owner"})
    assert refused.status_code == 400
    assert "does not give or take the role owner" in text(refused)


def test_the_last_owner_is_told_why_not(
    acme: Organization, page_for: Callable[[User], Client]
) -> None:
    last = owner(acme)
    client = page_for(last.user)
    assert "is the last owner, and there is always one" in text(client.get(f"/members/{last.id}"))
    assert "You are the last owner" in text(client.get("/leave"))
    assert client.post("/leave").status_code == 409
    assert client.post(f"/members/{last.id}", {"role": "viewer"}).status_code == 400
    last.refresh_from_db()
    assert (last.role, last.removed_at) == (Role.OWNER, None)


def test_removing_says_in_numbers_what_it_then_does(acme: Organization, browser: Browser) -> None:
    bo = member(acme, Role.ADMIN)
    _, personal = api_keys.issue(acme, "scripts", member=bo, by=bo.user)
    _, secret = api_keys.issue(acme, "backend", by=bo.user)
    budgets.set_limit(acme, "member", bo.id, limit_microusd=9_000_000, period="month")
    hold_for(acme, "work:1", 2_000_000, member_id=bo.id)
    client = browser(acme)

    page = text(client.get(f"/members/{bo.id}/remove"))
    for said in ("1 (<span", "held) ends as usual", "$9.00</span> becomes", "1 revoked", "backend"):
        assert said in page
    done = client.post(f"/members/{bo.id}/remove", {"keys": "revoke"}, follow=True)

    assert f"{bo.user} is removed. 2 keys were revoked." in text(done)
    assert api_keys.find(secret) is None
    assert api_keys.find(personal) is None
    assert Budget.objects.get().limit_microusd == 0
    assert money(acme) == (23_000_000, 2_000_000)
    assert client.post(f"/members/{bo.id}/remove").status_code == 404


def test_a_session_of_a_removed_member_is_refused_on_the_next_request(
    acme: Organization, page_for: Callable[[User], Client], queued: Callable[..., Generation]
) -> None:
    bo = member(acme, Role.ADMIN)
    mine = organizations.create("Second", owner=bo.user)
    client = page_for(bo.user)
    client.post("/organizations/choose", {"organization": acme.id})
    assert "<span>Acme</span>" in text(client.get("/"))
    members.remove(bo, by=owner(acme))

    answer = client.post("/create", FORM)

    assert (answer.status_code, answer.url) == (303, "/")  # type: ignore[attr-defined]
    assert not Generation.objects.exists()
    page = text(client.get("/"))
    assert "You are not a member of that organization any more." in page
    assert mine.name in page
    assert client.get(f"/generations/{queued(acme).id}").status_code == 404


def test_whoever_was_in_no_other_makes_one(
    acme: Organization, page_for: Callable[[User], Client]
) -> None:
    bo = member(acme, Role.ADMIN)
    client = page_for(bo.user)
    assert client.get("/members").status_code == 200
    members.remove(bo, by=owner(acme))
    assert client.get("/members").url == "/organizations/new"  # type: ignore[attr-defined]
    assert client.post("/create", FORM).status_code == 302
    assert not Generation.objects.exists()


def test_a_part_of_a_page_loads_the_whole_for_who_was_removed(
    acme: Organization, page_for: Callable[[User], Client]
) -> None:
    bo = member(acme, Role.ADMIN)
    organizations.create("Second", owner=bo.user)
    client = page_for(bo.user)
    client.post("/organizations/choose", {"organization": acme.id})
    members.remove(bo, by=owner(acme))
    assert client.get("/live", headers={"HX-Request": "true"}).headers["HX-Refresh"] == "true"


def test_leaving_is_for_everybody_and_leads_to_another_of_theirs(
    acme: Organization, page_for: Callable[[User], Client]
) -> None:
    bo = member(acme, Role.VIEWER)
    mine = organizations.create("Second", owner=bo.user)
    client = page_for(bo.user)
    client.post("/organizations/choose", {"organization": acme.id})
    assert "Leave Acme?" in text(client.get("/leave"))

    page = text(client.post("/leave", follow=True))

    assert "You left Acme." in page
    assert mine.name in page
    assert not acme.memberships.filter(user=bo.user).exists()


def test_ownership_is_handed_over_once_asked(
    acme: Organization, page_for: Callable[[User], Client]
) -> None:
    ann, bo = owner(acme), member(acme, Role.DEVELOPER)
    client = page_for(ann.user)
    assert "You become an admin" in text(client.get(f"/members/{bo.id}/transfer"))
    ann.refresh_from_db()
    assert ann.role == Role.OWNER

    page = text(client.post(f"/members/{bo.id}/transfer", follow=True))

    assert f"{bo.user} is the owner now, and you are an admin." in page
    ann.refresh_from_db()
    bo.refresh_from_db()
    assert (ann.role, bo.role) == (Role.ADMIN, Role.OWNER)
    assert client.post(f"/members/{ann.id}/transfer").status_code == 403


def test_signing_in_notes_which_organization_is_looked_at(acme: Organization) -> None:
    bo = make_user("bo@example.com")
    organizations.add_member(acme, bo, Role.VIEWER)
    client = Client()
    client.post(
        "/accounts/login/", {"login": "bo@example.com", "password": "correct horse battery staple"}
    )
    assert client.session["organization_id"] == acme.id

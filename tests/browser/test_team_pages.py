"""The pages of members, invitations and settings at every size and theme: nothing sticks out, axe finds nothing."""

from datetime import timedelta

import pytest
from django.utils import timezone
from playwright.sync_api import BrowserContext, Page, expect

from accounts import api_keys, invitations, organizations
from accounts.invitation_checks import Wanted
from accounts.models import Invitation, Membership, Organization, Role, User
from billing import budgets, founding
from billing.models import Grant
from tests.accounts.team import member
from tests.billing.moves import hold_for, used
from tests.browser.conftest import Look
from tests.browser.people import sent
from tests.browser.shop import Shop
from tests.world import deposit


@pytest.fixture
def team(acme: Organization) -> list[Membership]:
    """People of every role, with budgets in every state."""
    people = [member(acme, role) for role in Role]
    User.objects.filter(pk=people[1].user_id).update(
        name="Maximiliana Konstantinopolitanskaya-Featherstonehaugh",
        email="maximiliana.konstantinopolitanskaya@a-rather-long-department.example.com",
    )
    User.objects.filter(pk=people[4].user_id).update(is_active=False)
    for number, limit in enumerate((9_000_000, 2_000_000, 0)):
        budgets.set_limit(
            acme, "member", people[number + 1].pk, limit_microusd=limit, period="month"
        )
    used(acme, "work:1", 1_500_000, member_id=people[1].pk)
    hold_for(acme, "work:2", 2_000_000, member_id=people[2].pk)
    for number in range(3):
        name = f"backend of the film department, number {number}"
        api_keys.issue(acme, name, by=people[1].user)
        api_keys.issue(acme, f"scripts {number}", member=people[1], by=people[1].user)
    return people


def owner_of(acme: Organization) -> Membership:
    return acme.memberships.select_related("user").filter(role=Role.OWNER).order_by("id")[0]


def test_the_pages_of_members(acme: Organization, team: list[Membership], look: Look) -> None:
    look("/members", "members")
    wanted = [
        Wanted("bo@example.com", "viewer"),
        Wanted("somebody.with.a.very.long.address@a-rather-long-department.example.com", "admin"),
    ]
    invitations.invite(acme, wanted, by=owner_of(acme))
    Invitation.objects.filter(email="bo@example.com").update(expires_at=timezone.now())
    look("/members", "members-invited")
    look("/members?q=nobody", "members-nobody")
    look("/members/invite", "invite")
    for name, lines in (
        ("lines", "nobody,viewer\nbo@example.com\n"),
        ("people", "nobody,viewer\nann@example.com,king\n"),
    ):
        wrong = sent("Invite them all", lines=lines)
        look("/members/invite", f"invite-bad-{name}", do=wrong)
    look(f"/members/{team[1].pk}", "member")
    look(f"/members/{team[1].pk}/remove", "member-remove")
    look(f"/members/{team[1].pk}/transfer", "member-transfer")
    look("/leave", "leave")


def test_the_pages_of_settings(acme: Organization, look: Look) -> None:
    look("/settings", "settings")
    look("/settings", "settings-bad-days", do=sent("Save the days", retention_days="0"))
    deposit(acme, "3.00", kind=Grant.Kind.PROMOTIONAL)
    hold_for(acme, "work:1", 2_000_000)
    look("/settings/close", "close")
    Organization.objects.update(
        closed_at=timezone.now(), erase_at=timezone.now() + timedelta(days=30)
    )
    look("/settings", "settings-closed")
    look("/billing", "billing-closed")


def test_the_pages_of_an_invitation(acme: Organization, shop: Shop, look: Look) -> None:
    (made,) = invitations.invite(acme, [Wanted("bo@example.com", "viewer")], by=owner_of(acme))
    link = f"/invitations/{invitations._secret(made)}"
    look(link, "invitation-foreign", status=403)
    Invitation.objects.update(email=acme.memberships.order_by("-id")[0].user.email)
    look(link, "invitation")
    for name in ("expires_at", "revoked_at", "accepted_at"):
        Invitation.objects.update(**{"revoked_at": None, "accepted_at": None, name: timezone.now()})
        look(link, f"invitation-{name}", status=409)
    look("/invitations/0", "invitation-unknown", status=404)


def test_a_new_organization_and_a_sandbox(
    acme: Organization, person: BrowserContext, shop: Shop, look: Look
) -> None:
    look("/organizations/new", "organization-new")
    Organization.objects.filter(pk=acme.pk).update(is_sandbox=True)
    used(acme, "work:1", 10_000_000)
    look("/billing", "billing-sandbox-fill")


def test_the_menu_of_organizations_is_used_with_the_keyboard(
    acme: Organization, person: BrowserContext, shop: Shop, page: Page
) -> None:
    ann = acme.memberships.order_by("-id")[0].user
    organizations.create("Second", owner=ann)
    founding.found("To try", owner=ann, is_sandbox=True)
    page.goto(shop.url)
    button = page.locator("button.org")
    button.focus()
    page.keyboard.press("Enter")
    expect(page.locator("#org-menu")).to_be_visible()

    page.keyboard.press("ArrowDown")
    expect(page.get_by_role("button", name="Acme").nth(1)).to_be_focused()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    expect(page.get_by_role("button", name="To try sandbox")).to_be_focused()
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Enter")

    expect(button).to_contain_text("Second")
    page.keyboard.press("Escape")

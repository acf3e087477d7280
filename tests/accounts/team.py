"""People of an organization, and what the mail says to those who are invited."""

import re
from email.message import EmailMessage

from django.core import mail

from accounts import invitations, organizations
from accounts.invitation_checks import Wanted
from accounts.models import Invitation, Membership, Organization, Role
from tests.world import make_user

LINK = re.compile(r"/invitations/([0-9a-f]{64})\b")


def member(organization: Organization, role: Role = Role.OWNER) -> Membership:
    return organizations.add_member(organization, make_user(), role)


def owner(organization: Organization) -> Membership:
    return organization.memberships.select_related("user").get(role=Role.OWNER)


def invite(
    organization: Organization, email: str = "bo@example.com", role: str = Role.DEVELOPER
) -> Invitation:
    (made,) = invitations.invite(organization, [Wanted(email, role)], by=owner(organization))
    return made


def secret_in_mail(number: int = -1) -> str:
    """Of the newest mail, or of another one."""
    message: EmailMessage = mail.outbox[number]  # type: ignore[assignment]
    found = LINK.search(str(message.body))  # type: ignore[attr-defined]
    assert found, "the mail has no link"
    return found[1]

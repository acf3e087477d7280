"""Who may be invited: every line is checked before any mail is sent, and mails are few."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db.models import QuerySet
from django.utils import timezone

from accounts import roles
from accounts.models import AuditEntry, Invitation, Membership, Organization, Role
from seedance_saas.errors import InvalidRequest, RateLimited

MAILS_PER_HOUR_MAX = 300  # of one organization, first ones and those sent again
MAILS_TO_ONE_PER_HOUR_MAX = 5
SENT_AGAIN = "invitation.sent_again"  # in the audit trail, which counts them


@dataclass(frozen=True)
class Wanted:
    """One person who is to be invited, and the line that says so."""

    email: str
    role: str
    line: int = 1


@dataclass(frozen=True)
class Problem:
    line: int
    reason: str
    param: str = "email"


class NotInvited(InvalidRequest):
    """Some of the lines are bad, so nobody was invited."""

    code = "not_invited"

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = list(problems)
        first = self.problems[0]
        super().__init__(
            f"Line {first.line}: {first.reason}",
            param=first.param,
            problems=[{"line": one.line, "reason": one.reason} for one in self.problems],
        )


class TooManyMails(RateLimited):
    """Of one organization, or to one address, in an hour."""

    code = "too_many_mails"


def require_good(organization: Organization, wanted: Sequence[Wanted], by: Membership) -> None:
    """Raises NotInvited with every line that is bad, and why."""
    emails = [one.email.lower() for one in wanted]
    members = set(
        organization.memberships.filter(user__email__in=emails).values_list(
            "user__email", flat=True
        )
    )
    invited = set(open_of(organization).filter(email__in=emails).values_list("email", flat=True))
    seen: dict[str, int] = {}
    problems = []
    for one, email in zip(wanted, emails, strict=True):
        problem = _problem(one, email, by, members, invited)
        if problem is None and email in seen:
            problem = Problem(one.line, f"{email} stands in line {seen[email]} already.")
        seen.setdefault(email, one.line)
        if problem:
            problems.append(problem)
    if problems:
        raise NotInvited(problems)


def _problem(
    wanted: Wanted, email: str, by: Membership, members: set[str], invited: set[str]
) -> Problem | None:
    try:
        validate_email(email)
    except ValidationError:
        return Problem(wanted.line, f"“{wanted.email[:100]}” is no e-mail address.")
    if len(email) > 254:
        return Problem(wanted.line, "The address is longer than 254 characters.")
    if wanted.role not in Role.values:
        reason = f"“{wanted.role[:20]}” is no role: it must be one of {', '.join(Role.values)}."
        return Problem(wanted.line, reason, "role")
    if not roles.can_give(by, wanted.role):
        return Problem(wanted.line, f"Your role does not give the role {wanted.role}.", "role")
    if email in members:
        return Problem(wanted.line, f"{email} is a member already.")
    if email in invited:
        return Problem(wanted.line, f"{email} is invited already: send that invitation again.")
    return None


def require_few_mails(organization: Organization, emails: Sequence[str], now: datetime) -> None:
    """Counts rows and audit rows, so that revoking and inviting anew does not help."""
    since = now - timedelta(hours=1)
    rows = Invitation.objects.filter(organization=organization)
    again = Counter(
        AuditEntry.objects.filter(
            organization=organization, action=SENT_AGAIN, created_at__gt=since
        ).values_list("target", flat=True)
    )
    first = rows.filter(created_at__gt=since).values_list("email", flat=True)
    sent = Counter(first)
    for id, email in rows.filter(pk__in=again).values_list("id", "email"):
        sent[email] += again[id]
    if sent.total() + len(emails) > MAILS_PER_HOUR_MAX:
        raise TooManyMails(
            f"{sent.total()} invitations were mailed within the hour, and at most"
            f" {MAILS_PER_HOUR_MAX} may be.",
            retry_after_seconds=3600,
        )
    for email in emails:
        if sent[email] >= MAILS_TO_ONE_PER_HOUR_MAX:
            raise TooManyMails(
                f"{email} got {sent[email]} invitations within the hour: wait a while.",
                retry_after_seconds=3600,
            )


def open_of(organization: Organization) -> QuerySet[Invitation]:
    """Those that somebody may still use."""
    return not_ended(organization).filter(expires_at__gt=timezone.now())


def not_ended(organization: Organization) -> QuerySet[Invitation]:
    """Open, or expired and not sent again."""
    return Invitation.objects.filter(organization=organization, accepted_at=None, revoked_at=None)

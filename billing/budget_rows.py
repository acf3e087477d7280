"""A budget as the pages draw it: whose it is, how it stands, who hit it last, and where it is changed."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlencode

from django.shortcuts import get_object_or_404
from django.urls import reverse

from accounts.models import ApiKey, Membership, Organization
from billing import budget_refusals, budgets, budgets_api
from billing.budgets import Found, Standing
from billing.models import Budget, BudgetRefusal

PERIODS = (
    (Budget.Period.DAY, "a day"),
    (Budget.Period.WEEK, "a week"),
    (Budget.Period.MONTH, "a month"),
    (Budget.Period.LIFETIME, "in all"),
)
EACH = {
    Budget.Scope.MEMBER: "Each member",
    Budget.Scope.API_KEY: "Each key",
    Budget.Scope.END_USER: "Each end user",
}


@dataclass(frozen=True)
class Subject:
    """Whom a row is about, as it is called."""

    scope: str
    id: str
    name: str
    note: str = ""
    detail: str = ""

    @property
    def key(self) -> tuple[str, str]:
        return self.scope, self.id


@dataclass(frozen=True)
class Row:
    """One subject with the budget that holds for it."""

    subject: Subject
    found: Found
    refusal: BudgetRefusal | None = None  # the last one that counted for it

    @property
    def name(self) -> str:
        return self.subject.name

    @property
    def standing(self) -> Standing:
        return self.found.standing

    @property
    def each(self) -> str:
        return each(self.standing.period)

    @property
    def used(self) -> int:
        return self.standing.spent_microusd + self.standing.held_microusd

    @property
    def is_full(self) -> bool:
        return self.standing.left_microusd == 0

    @property
    def is_default(self) -> bool:
        return self.subject.id == Budget.EACH

    @property
    def is_end_user(self) -> bool:
        return self.subject.scope == Budget.Scope.END_USER and not self.is_default

    @property
    def whose(self) -> str:
        """The default that it has, as words in a sentence."""
        return EACH[Budget.Scope(self.subject.scope)].lower()

    @property
    def url(self) -> str:
        return edit_url(self.subject.scope, self.subject.id)


def each(period: str) -> str:
    return dict(PERIODS)[Budget.Period(period)]


def edit_url(scope: str, id: str) -> str:
    return f"{reverse('budget_edit')}?{urlencode({'scope': scope, 'id': id})}"


def of_each(scope: str) -> Subject:
    return Subject(scope, Budget.EACH, EACH[Budget.Scope(scope)])


def of_end_user(id: str) -> Subject:
    return Subject(Budget.Scope.END_USER, id, id)


def of_member(member: Membership) -> Subject:
    return Subject(
        Budget.Scope.MEMBER,
        member.pk,
        str(member.user),
        member.get_role_display(),
        member.user.email,
    )


def of_key(key: ApiKey) -> Subject:
    whose = f"personal, of {key.member.user}" if key.member else ""
    return Subject(Budget.Scope.API_KEY, key.pk, key.name, f"{key.prefix}…", whose)


def of_organization(organization: Organization) -> Subject:
    return Subject(Budget.Scope.ORGANIZATION, organization.pk, organization.name)


def subject(organization: Organization, scope: str, id: str) -> Subject:
    """Raises Http404 for whom the organization does not have, and as `budgets_api.require_subject` for the rest."""
    if id == Budget.EACH and scope in EACH:
        return of_each(scope)
    if scope == Budget.Scope.MEMBER:
        members = organization.memberships.select_related("user")
        return of_member(get_object_or_404(members, pk=id))
    if scope == Budget.Scope.API_KEY:
        keys = organization.api_keys.select_related("member__user")
        return of_key(get_object_or_404(keys, pk=id))
    budgets_api.require_subject(organization, scope, id)
    return of_end_user(id) if scope == Budget.Scope.END_USER else of_organization(organization)


def draw(
    organization: Organization,
    subjects: Sequence[Subject],
    *,
    now: datetime,
    known: Iterable[Budget] | None = None,
) -> dict[tuple[str, str], Row]:
    """The rows of these subjects in three queries however many they are, or two when the budgets are `known`."""
    found = budgets.read(organization, [one.key for one in subjects], now=now, budgets=known)
    limits = [one.budget for one in found.values() if one.budget]
    refusals = budget_refusals.latest(organization, limits)
    return {
        one.key: Row(
            one,
            found[one.key],
            refusals.get((budget.pk, "" if one.id == Budget.EACH else one.id))
            if (budget := found[one.key].budget)
            else None,
        )
        for one in subjects
    }

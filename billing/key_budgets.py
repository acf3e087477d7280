"""A key and its budget: made in one transaction, and what a key with a budget may not do."""

from django.db import transaction

from accounts import api_keys
from accounts.key_terms import Terms, WiderThanOwn
from accounts.models import ApiKey, Membership, Organization, User
from billing import budgets, ledger
from billing.models import Budget


@transaction.atomic
def issue(
    organization: Organization,
    name: str,
    terms: Terms,
    *,
    limit_microusd: int | None,
    period: str,
    member: Membership | None = None,
    id: str | None = None,
    by: User | None = None,
    by_key: ApiKey | None = None,
    address: str | None = None,
) -> tuple[ApiKey, str]:
    """As `api_keys.issue`, and with a budget of its own if there is a limit: both, or neither.

    Raises WiderThanOwn, too, if `by_key` has a budget. Locks the wallet if there is a limit.
    """
    if by_key:
        require_no_budget(by_key)
    if limit_microusd is not None:
        ledger.lock(organization)
    key, secret = api_keys.issue(
        organization, name, terms, member=member, id=id, by=by, by_key=by_key, address=address
    )
    if limit_microusd is not None:
        budgets.set_limit(
            organization,
            Budget.Scope.API_KEY,
            key.id,
            limit_microusd=limit_microusd,
            period=period,
            actor=by,
            api_key=by_key,
            address=address,
        )
    return key, secret


def require_no_budget(by_key: ApiKey) -> None:
    """A key that is to spend so much would spend more through another one: raises WiderThanOwn."""
    budget = budgets.find(by_key.organization, Budget.Scope.API_KEY, by_key.pk)
    if budget and budget.limit_microusd is not None:
        raise WiderThanOwn(
            "This key has a budget, and cannot get at another key, which would have one more.",
            param="budget",
        )

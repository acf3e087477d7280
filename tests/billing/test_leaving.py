"""What happens to a member's budget, work and keys is said in numbers before, and done."""

from accounts import api_keys, invitations, members
from accounts.invitation_checks import Wanted
from accounts.models import Organization, Role
from billing import budgets, leaving, ledger
from billing.models import Budget
from tests.accounts.team import member, owner
from tests.billing import moves
from tests.world import money


def test_the_numbers_are_said_and_the_budget_goes_while_work_ends_as_usual(
    acme: Organization, rival: Organization
) -> None:
    bo = member(acme, Role.ADMIN)
    key, _ = api_keys.issue(acme, "bo's", member=bo, by=bo.user)
    made, _ = api_keys.issue(acme, "backend", by=bo.user)
    invitations.invite(acme, [Wanted("cy@example.com", Role.VIEWER)], by=bo)
    budgets.set_limit(acme, "member", bo.id, limit_microusd=9_000_000, period="month")
    moves.hold_for(acme, "work:1", 2_000_000, member_id=bo.id)
    moves.hold_for(acme, "work:2", 1_000_000, api_key_id=key.id)
    moves.hold_for(acme, "work:3", 500_000)

    said = leaving.preview(bo)
    assert ([one.id for one in said.keys], [one.id for one in said.keys_made]) == (
        [key.id],
        [made.id],
    )
    assert (said.invitations_count, said.holds_count, said.held_microusd) == (1, 2, 3_000_000)
    assert said.budget == Budget.objects.get()
    removed = leaving.remove(bo, by=owner(acme))

    assert removed == members.Removed(keys_count=1, invitations_count=1)
    budget = Budget.objects.get()
    assert (budget.subject_id, budget.limit_microusd) == (bo.id, 0)
    assert money(acme) == (21_500_000, 3_500_000)
    ledger.capture(acme, "work:1", amount_microusd=2_000_000)
    assert money(acme) == (21_500_000, 1_500_000)
    assert money(rival) == (5_000_000, 0)

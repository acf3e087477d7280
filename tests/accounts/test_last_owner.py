"""An organization always has an owner: neither alone nor two at once can its last one go."""

from collections.abc import Callable
from functools import partial

import pytest

from accounts import members, organizations
from accounts.members import LastOwner
from accounts.models import AuditEntry, Membership, Organization, Role
from tests.accounts.team import member, owner
from tests.race import race
from tests.world import make_user

ROUNDS = 20


def demote(one: Membership) -> Membership:
    return members.change_role(one, Role.VIEWER, by=one)


def leave(one: Membership) -> object:
    return members.remove(one, by=one)


@pytest.mark.parametrize("go", [demote, leave])
def test_the_last_owner_stays(acme: Organization, go: Callable[[Membership], object]) -> None:
    member(acme, Role.ADMIN)
    last = owner(acme)

    with pytest.raises(LastOwner):
        go(last)

    last.refresh_from_db()
    assert (last.role, last.removed_at) == (Role.OWNER, None)
    assert not AuditEntry.objects.filter(action__startswith="member.").exists()


def test_an_owner_who_cannot_sign_in_is_no_other_owner(acme: Organization) -> None:
    last, gone = owner(acme), member(acme)
    gone.user.is_active = False
    gone.user.save()

    with pytest.raises(LastOwner):
        leave(last)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("go", [demote, leave])
def test_two_owners_who_go_at_once_leave_one(db: None, go: Callable[[Membership], object]) -> None:
    for number in range(ROUNDS):
        organization = organizations.create(f"Round {number}", owner=make_user())
        two = [owner(organization), member(organization)]

        outcomes = race([partial(go, one) for one in two])

        refused = [one for one in outcomes if isinstance(one, LastOwner)]
        assert len(refused) == 1, outcomes
        assert organization.memberships.filter(role=Role.OWNER).count() == 1


@pytest.mark.django_db(transaction=True)
def test_two_owners_who_demote_each_other_at_once_leave_one(db: None) -> None:
    for number in range(ROUNDS):
        organization = organizations.create(f"Round {number}", owner=make_user())
        a, b = owner(organization), member(organization)

        race(
            [
                partial(members.change_role, a, Role.VIEWER, by=b),
                partial(members.change_role, b, Role.VIEWER, by=a),
            ]
        )

        assert organization.memberships.filter(role=Role.OWNER).count() == 1

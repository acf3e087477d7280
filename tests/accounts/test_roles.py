"""What each role may do."""

import pytest

from accounts import roles
from accounts.models import Membership, Role


@pytest.mark.parametrize(
    ("role", "can_spend", "can_manage_keys", "can_see_ledger"),
    [
        (Role.OWNER, True, True, True),
        (Role.ADMIN, True, True, True),
        (Role.DEVELOPER, True, True, False),
        (Role.BILLING, False, False, True),
        (Role.VIEWER, False, False, False),
    ],
)
def test_a_role_may(
    role: Role, can_spend: bool, can_manage_keys: bool, can_see_ledger: bool
) -> None:
    membership = Membership(role=role)

    assert roles.can_spend(membership) is can_spend
    assert roles.can_manage_keys(membership) is can_manage_keys
    assert roles.can_see_ledger(membership) is can_see_ledger


def test_a_role_read_from_the_database_is_the_same_role() -> None:
    assert roles.can_spend(Membership(role="owner"))
    assert not roles.can_spend(Membership(role="viewer"))

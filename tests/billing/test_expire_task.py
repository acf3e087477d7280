"""Time comes for a grant: the sweep takes what is left of it, once, and nothing else."""

from datetime import timedelta

import time_machine
from django.utils import timezone

from accounts.models import Organization
from billing import tasks
from billing.models import Transfer
from tests.billing.moves import hold
from tests.world import deposit, money


def test_what_is_left_goes_to_breakage_and_what_is_held_stays(acme: Organization) -> None:
    gift = deposit(acme, "2.00", expires_at=timezone.now() + timedelta(hours=1))
    hold(acme, "work:1", 500_000)

    with time_machine.travel(timezone.now() + timedelta(hours=1)):
        tasks.expire_grants()
        tasks.expire_grants()

        expired = Transfer.objects.get(kind=Transfer.Kind.EXPIRE)
        assert (expired.from_account_id, expired.to_account_id) == (gift.account_id, "breakage")
        assert expired.amount_microusd == 1_500_000
        assert money(acme) == (25_000_000, 500_000)


def test_a_grant_whose_time_has_not_come_is_left_alone(acme: Organization) -> None:
    deposit(acme, "2.00", expires_at=timezone.now() + timedelta(hours=1))

    tasks.expire_grants()

    assert not Transfer.objects.filter(kind=Transfer.Kind.EXPIRE).exists()

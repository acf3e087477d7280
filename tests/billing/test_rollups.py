"""What is derived can be made again from what it is derived from, and the differences are told."""

from datetime import date
from io import StringIO

import pytest
import time_machine
from django.core.management import call_command
from django.db.models import F

from accounts.models import Organization
from billing import ledger, rollups
from billing.models import SpendingDay, UsageDay
from tests.billing.moves import hold, used

pytestmark = pytest.mark.django_db


def rows() -> tuple[list[dict[str, object]], list[dict[str, object]]]:
    usage = UsageDay.objects.order_by("organization", "day", "end_user_id", "labels")
    spending = SpendingDay.objects.order_by("organization", "scope", "subject_id", "day")
    return (
        [{k: v for k, v in row.items() if k != "id"} for row in usage.values()],
        [{k: v for k, v in row.items() if k != "id"} for row in spending.values()],
    )


@pytest.fixture
def history(acme: Organization, rival: Organization) -> None:
    with time_machine.travel("2026-03-01T12:00:00Z", tick=False):
        used(acme, "work:1", 451_600, end_user_id="u_1", member_id="m", labels={"model": "fast"})
        used(acme, "work:2", 451_600, end_user_id="u_1", member_id="m", labels={"model": "fast"})
        hold(acme, "work:3", 1_000_000)
        hold(acme, "work:4", 2_000_000)
        used(rival, "work:5", 451_600)
    with time_machine.travel("2026-03-02T12:00:00Z", tick=False):
        ledger.release(acme, "work:4")


def test_what_was_kept_as_the_money_moved_is_true(acme: Organization, history: None) -> None:
    before = rows()

    assert rollups.rebuild(acme) == []

    assert rows() == before


def test_what_was_lost_is_made_again(acme: Organization, history: None) -> None:
    before = rows()
    UsageDay.objects.filter(organization=acme).delete()
    SpendingDay.objects.filter(organization=acme).delete()

    # One usage day; one spending day of the organization, of the member and of the end user.
    assert len(rollups.rebuild(acme)) == 4

    assert rows() == before
    assert rollups.rebuild(acme) == []


def test_what_is_wrong_is_told_and_corrected(
    acme: Organization, rival: Organization, history: None
) -> None:
    before = rows()
    UsageDay.objects.filter(organization=acme).update(seconds=F("seconds") + 1)
    SpendingDay.objects.create(
        organization=acme, scope="end_user", subject_id="x", day=date(2026, 3, 1), held_microusd=5
    )

    expected = [
        f'billing_usageday of {acme.id}, 2026-03-01 u_1 m  {{"model": "fast"}}: records_count, seconds,'
        " amount_microusd [2, 9, 903200] is written and records_count, seconds, amount_microusd"
        " [2, 8, 903200] is true",
        f"billing_spendingday of {acme.id}, end_user x 2026-03-01: held_microusd, charged_microusd [5, 0]"
        " is written and nothing is true",
    ]
    assert rollups.differences(acme) == expected
    assert rollups.rebuild(acme) == expected

    assert rows() == before


def test_the_command_tells_and_corrects_every_organization(
    acme: Organization, rival: Organization, history: None
) -> None:
    before = rows()
    UsageDay.objects.update(records_count=7)
    told, only_checked = StringIO(), StringIO()

    call_command("rebuild_rollups", "--check", stdout=only_checked)
    assert UsageDay.objects.filter(records_count=7).count() == 2
    call_command("rebuild_rollups", stdout=told)

    assert only_checked.getvalue() == told.getvalue()
    assert told.getvalue().splitlines()[-1] == "2 organizations, 2 differences."
    assert rows() == before

"""What was used is noted once per settled reference, with the moment that decides its period."""

from datetime import date, timedelta
from functools import partial

import pytest
import time_machine
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import Organization
from billing import ledger, usage
from billing.models import Hold, UsageDay, UsageRecord
from tests.billing.moves import hold, used
from tests.race import race


def test_usage_counts_for_whom_and_when_the_hold_was_made(acme: Organization) -> None:
    held_at = timezone.now() - timedelta(days=40)
    wanted = ledger.Wanted("work:1", 3_000_000, end_user_id="u_1", member_id="m", api_key_id="k")
    with transaction.atomic():
        ledger.hold(acme, [wanted], now=held_at)
    captured = ledger.capture(acme, "work:1", amount_microusd=1_000_000)

    usage.record(acme, captured, seconds=4, labels={"model": "fast"})

    noted = UsageRecord.objects.get()
    assert (noted.seconds, noted.amount_microusd, noted.labels) == (4, 1_000_000, {"model": "fast"})
    assert (noted.end_user_id, noted.member_id, noted.api_key_id) == ("u_1", "m", "k")
    assert (noted.held_at, noted.settled_at) == (held_at, captured.resolved_at)
    assert noted.organization_id == acme.pk


def test_a_repeat_changes_nothing(acme: Organization) -> None:
    hold(acme, "work:1", 3_000_000)
    captured = ledger.capture(acme, "work:1", amount_microusd=1_000_000)
    usage.record(acme, captured, seconds=4, labels={})

    usage.record(acme, captured, seconds=9, labels={"model": "other"})

    assert UsageRecord.objects.values_list("seconds", "labels").get() == (4, {})


def test_an_open_hold_is_no_usage(acme: Organization) -> None:
    hold(acme, "work:1", 3_000_000)

    with pytest.raises(AssertionError, match="work:1"):
        usage.record(acme, Hold.objects.get(), seconds=4, labels={})

    assert not UsageRecord.objects.exists()


def test_usage_rolls_back_with_its_settlement(acme: Organization) -> None:
    hold(acme, "work:1", 3_000_000)

    with transaction.atomic():
        usage.record(acme, ledger.capture(acme, "work:1", amount_microusd=1), seconds=1, labels={})
        transaction.set_rollback(True)

    assert not UsageRecord.objects.exists()
    assert Hold.objects.get().resolved_at is None


def test_a_day_adds_up_what_was_used_alike(acme: Organization) -> None:
    for number, (end_user, amount, labels) in enumerate(
        [
            ("u_1", 451_600, {"model": "fast", "resolution": "480p"}),
            ("u_1", 903_200, {"resolution": "480p", "model": "fast"}),
            ("u_2", 451_600, {"model": "fast", "resolution": "480p"}),
        ]
    ):
        used(acme, f"work:{number}", amount, end_user_id=end_user, labels=labels)

    days = UsageDay.objects.order_by("end_user_id")
    assert list(days.values_list("end_user_id", "records_count", "seconds", "amount_microusd")) == [
        ("u_1", 2, 8, 1_354_800),
        ("u_2", 1, 4, 451_600),
    ]
    assert [day.day for day in days] == [timezone.now().date()] * 2


def test_a_repeat_adds_nothing_to_the_day(acme: Organization) -> None:
    captured = used(acme, "work:1", 451_600)

    usage.record(acme, captured, seconds=4, labels={})

    assert UsageDay.objects.values_list("records_count", "amount_microusd").get() == (1, 451_600)


def test_a_record_is_one_statement(acme: Organization) -> None:
    hold(acme, "work:1", 1_000_000)
    captured = ledger.capture(acme, "work:1", amount_microusd=1)

    with CaptureQueriesContext(connection) as queries:
        usage.record(acme, captured, seconds=1, labels={})

    assert len(queries) == 1


def test_many_settlements_at_once_miss_nothing_of_the_day(
    transactional_db: None, acme: Organization
) -> None:
    for number in range(12):
        hold(acme, f"work:{number}", 1_000_000)

    def settle(number: int) -> None:
        with transaction.atomic():
            captured = ledger.capture(acme, f"work:{number}", amount_microusd=1_000)
            usage.record(acme, captured, seconds=4, labels={"model": "fast"})

    race([partial(settle, number % 12) for number in range(24)], threads=6)

    day = UsageDay.objects.get()
    assert (day.records_count, day.seconds, day.amount_microusd) == (12, 48, 12_000)


def test_a_report_groups_filters_and_ends_before_its_last_day(
    acme: Organization, rival: Organization
) -> None:
    fast, standard = ({"model": name, "resolution": "480p"} for name in ("fast", "standard"))
    with time_machine.travel("2026-03-01T23:59:59Z", tick=False):
        used(acme, "work:1", 451_600, end_user_id="u_1", labels=fast)
    with time_machine.travel("2026-03-02T00:00:00Z", tick=False):
        used(acme, "work:2", 451_600, end_user_id="u_2", labels=fast)
        used(acme, "work:3", 564_800, end_user_id="u_1", labels=standard)
        used(rival, "work:4", 451_600, end_user_id="u_1", labels=fast)
    with time_machine.travel("2026-03-03T00:00:00Z", tick=False):
        used(acme, "work:5", 451_600, labels=fast)
    first, last = date(2026, 3, 1), date(2026, 3, 3)

    def rows(*group_by: str, **filters: str) -> list[tuple[object, ...]]:
        return [
            (*row.group.values(), row.records_count, row.seconds, row.charged_microusd)
            for row in usage.report(acme, first, last, group_by, filters)
        ]

    assert rows("day") == [
        (date(2026, 3, 1), 1, 4, 451_600),
        (date(2026, 3, 2), 2, 8, 1_016_400),
    ]
    assert rows("model", "end_user_id") == [
        ("fast", "u_1", 1, 4, 451_600),
        ("fast", "u_2", 1, 4, 451_600),
        ("standard", "u_1", 1, 4, 564_800),
    ]
    assert rows("resolution", model="fast") == [("480p", 2, 8, 903_200)]
    assert rows(end_user_id="u_1") == [(2, 8, 1_016_400)]
    assert rows() == [(3, 12, 1_468_000)]
    assert rows(end_user_id="nobody") == [(0, 0, 0)]


@pytest.mark.parametrize("group_by", [("day",), ("model", "resolution"), usage.GROUPS])
def test_a_report_is_one_query(acme: Organization, group_by: tuple[str, ...]) -> None:
    used(acme, "work:1", 451_600)
    today = timezone.now().date()

    with CaptureQueriesContext(connection) as queries:
        list(usage.report(acme, today, today + timedelta(days=1), group_by, {"model": "fast"}))

    assert len(queries) == 1

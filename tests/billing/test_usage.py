"""What was used is noted once per settled reference, with the moment that decides its period."""

from datetime import timedelta

import pytest
from django.db import transaction
from django.utils import timezone

from accounts.models import Organization
from billing import ledger, usage
from billing.models import Hold, UsageRecord
from tests.billing.moves import hold


def test_usage_counts_for_whom_and_when_the_hold_was_made(acme: Organization) -> None:
    held_at = timezone.now() - timedelta(days=40)
    wanted = ledger.Wanted("work:1", 3_000_000, end_user_id="u_1", member_id="m", api_key_id="k")
    with transaction.atomic():
        ledger.hold(acme, [wanted], now=held_at)
    captured = ledger.capture(acme, "work:1", amount_microusd=1_000_000)

    usage.record(captured, seconds=4, labels={"model": "fast"})

    noted = UsageRecord.objects.get()
    assert (noted.seconds, noted.amount_microusd, noted.labels) == (4, 1_000_000, {"model": "fast"})
    assert (noted.end_user_id, noted.member_id, noted.api_key_id) == ("u_1", "m", "k")
    assert (noted.held_at, noted.settled_at) == (held_at, captured.resolved_at)
    assert noted.organization_id == acme.pk


def test_a_repeat_changes_nothing(acme: Organization) -> None:
    hold(acme, "work:1", 3_000_000)
    captured = ledger.capture(acme, "work:1", amount_microusd=1_000_000)
    usage.record(captured, seconds=4, labels={})

    usage.record(captured, seconds=9, labels={"model": "other"})

    assert UsageRecord.objects.values_list("seconds", "labels").get() == (4, {})


def test_an_open_hold_is_no_usage(acme: Organization) -> None:
    hold(acme, "work:1", 3_000_000)

    with pytest.raises(AssertionError, match="work:1"):
        usage.record(Hold.objects.get(), seconds=4, labels={})

    assert not UsageRecord.objects.exists()


def test_usage_rolls_back_with_its_settlement(acme: Organization) -> None:
    hold(acme, "work:1", 3_000_000)

    with transaction.atomic():
        usage.record(ledger.capture(acme, "work:1", amount_microusd=1), seconds=1, labels={})
        transaction.set_rollback(True)

    assert not UsageRecord.objects.exists()
    assert Hold.objects.get().resolved_at is None

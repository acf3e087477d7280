"""How far Stripe's meters are behind."""

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.models import Organization
from billing import usage_reports
from billing.models import MeterEvent
from tests.billing.moves import used


def test_nothing_waits_and_nothing_lags(acme: Organization) -> None:
    assert usage_reports.lag_seconds() == 0.0


def test_one_that_stripe_refuses_for_hours_is_the_oldest(acme: Organization) -> None:
    """It is due last, for each attempt waits longer."""
    used(acme, "work:1", 1_000_000)
    used(acme, "work:2", 1_000_000)
    now = timezone.now()
    MeterEvent.objects.filter(reference="work:1").update(
        occurred_at=now - timedelta(hours=3), due_at=now + timedelta(hours=1)
    )

    assert usage_reports.lag_seconds() == pytest.approx(3 * 3600, abs=60)

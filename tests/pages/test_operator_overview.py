"""What needs a person, in numbers; and a comparison that a person wants now."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.db.models.functions import Now
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import Organization
from billing import checking
from billing.models import (
    AutoTopUp,
    CreditLine,
    Invoice,
    MeterEvent,
    Purchase,
    Reversal,
    StripeCheck,
    StripeEvent,
)
from seedance_saas import clock
from seedance_saas.models import Sweep
from tests.billing.moves import used
from tests.pages.conftest import text

TASK = "billing.tasks.compare_with_stripe"


def numbers(staff: Client) -> tuple[dict[str, int], dict[str, int]]:
    """What needs a person, and what does not."""
    context = staff.get("/operator/money").context
    return tuple(  # type: ignore[return-value]
        {matter.word: matter.count for matter in context[name]} for name in ("urgent", "calm")
    )


def check(**fields: Any) -> StripeCheck:
    now = timezone.now()
    return StripeCheck.objects.create(
        **{"started_at": now, "finished_at": now, "since": now - timedelta(days=2), **fields}
    )


def test_when_all_is_well_nothing_needs_a_person(acme: Organization, staff: Client) -> None:
    check()
    checking.check()

    urgent, calm = numbers(staff)

    assert urgent == {}
    assert set(calm.values()) == {0}
    assert "Nothing needs a person" in text(staff.get("/operator/money"))


def test_what_was_never_compared_or_proved_needs_a_person(db: None, staff: Client) -> None:
    urgent, _ = numbers(staff)

    assert urgent == {"Comparisons with Stripe": 0, "Differences within our own books": 0}


def test_a_comparison_of_the_day_before_yesterday_is_late(db: None, staff: Client) -> None:
    then = timezone.now() - timedelta(days=2)
    check(started_at=then, finished_at=then)

    assert numbers(staff)[0]["Differences to Stripe's books"] == 0
    assert "look after the clock and the worker" in text(staff.get("/operator/money"))


@pytest.fixture
def troubles(acme: Organization, rival: Organization) -> None:
    """One of each, beside one that is none."""
    now = timezone.now()
    for id, state in (("evt_1", "dead"), ("evt_2", "pending"), ("evt_3", "handled")):
        StripeEvent.objects.create(id=id, type="invoice.paid", state=state, due_at=now)
    for number, (state, at) in enumerate(
        (
            ("refused", now),
            ("too_late", now),
            ("refused", now - timedelta(days=31)),
            ("pending", now - timedelta(hours=3)),
            ("sent", now - timedelta(hours=9)),
        )
    ):
        used(acme, f"work:{number}", 1_000_000)
        MeterEvent.objects.filter(reference=f"work:{number}").update(state=state, occurred_at=at)
    check(started_at=now - timedelta(hours=2), differences=["old", "older"])
    check(differences=["one"])
    check(subject="usage", differences=["two", "three"])
    check(finished_at=None)
    for days in (2, 0):
        Purchase.objects.create(
            organization=acme, origin="auto_top_up", state="failed" if days == 0 else "processing",
            amount_cents=50_00, due_at=now, created_at=now - timedelta(days=days),
        )  # fmt: skip
    purchase = Purchase.objects.filter(state="processing").get()
    for number, (state, due) in enumerate((("open", 5), ("inquiry", 3), ("won", None))):
        Reversal.objects.create(
            purchase=purchase, kind="dispute", stripe_id=f"du_{number}", amount_cents=10_00,
            state=state, evidence_due_at=now + timedelta(days=due, hours=1) if due else None,
        )  # fmt: skip
    for organization, suspension in ((acme, "declined"), (rival, "")):
        AutoTopUp.objects.create(
            organization=organization, is_on=True, threshold_microusd=1, amount_cents=50_00,
            ceiling_cents=500_00, suspension=suspension, next_attempt_at=now,
        )  # fmt: skip
    for number, state in enumerate(("overdue", "uncollectible", "open", "void")):
        Invoice.objects.create(
            organization=acme, stripe_id=f"in_{number}", state=state, total_cents=5_00,
            period_started_at=now, period_ended_at=now, created_at=now,
        )  # fmt: skip
    CreditLine.objects.create(
        organization=acme, limit_cents=1_00, net_days=30, state="closed", closure="unpaid"
    )
    CreditLine.objects.create(
        organization=rival, limit_cents=1_00, net_days=30, state="open", subscription_id="sub_1"
    )
    checking.check()


def test_each_number_counts_what_it_says(troubles: None, staff: Client) -> None:
    urgent, calm = numbers(staff)

    assert urgent == {
        "Dead Stripe events": 1,
        "Meter events refused or too late": 2,
        "Meter events that wait": 1,
        "Differences to Stripe's books": 3,
        "Purchases under way for over a day": 1,
        "Open disputes and inquiries": 2,
        "Overdue invoices": 2,
    }
    assert calm == {"Open credit lines": 1, "Differences within our own books": 0}
    page = text(staff.get("/operator/money"))
    assert "the oldest waits for 3 h" in page
    assert "in 3 days" in page
    assert "1 suspended auto top-up<" in page
    assert "declined three times" in page


def test_each_number_leads_to_its_page(troubles: None, staff: Client) -> None:
    context = staff.get("/operator/money").context

    for matter in (*context["urgent"], *context["calm"]):
        assert staff.get(matter.url.partition("#")[0]).status_code == 200, matter.word


def test_the_queries_do_not_grow_with_the_troubles(
    troubles: None, acme: Organization, staff: Client, make_organization: Callable[..., Any]
) -> None:
    def count() -> int:
        with CaptureQueriesContext(connection) as asked:
            assert staff.get("/operator/money").status_code == 200
        return len(asked)

    before = count()
    for number in range(5):
        StripeEvent.objects.create(
            id=f"evt_more{number}", type="a", state="dead", due_at=timezone.now()
        )
        check(subject="usage", differences=["more"])
        AutoTopUp.objects.create(
            organization=make_organization(f"Other {number}"), is_on=True, threshold_microusd=1,
            amount_cents=50_00, ceiling_cents=500_00, suspension="no_card",
            next_attempt_at=timezone.now(),
        )  # fmt: skip

    assert count() == before


# -- Comparisons --------------------------------------------------------------------------------------


def test_comparisons_stand_with_what_was_healed_and_what_differs(db: None, staff: Client) -> None:
    assert "Nothing was compared yet" in text(staff.get("/operator/comparisons"))
    check(healed=["pur_1 is paid"], differences=["txn_1 is not in pur_2"], objects_count=1_204)
    check()
    check(finished_at=None)

    page = text(staff.get("/operator/comparisons"))

    for expected in ("pur_1 is paid", "txn_1 is not in pur_2", "1,204", "and not ended"):
        assert expected in page
    rows = staff.get("/operator/comparisons?show=differences").context["piece"].rows
    assert [row.differences for row in rows] == [["txn_1 is not in pur_2"]]


def test_compare_now_begins_one_and_a_repeat_none(db: None, staff: Client) -> None:
    clock.register()
    clock.tick()
    Sweep.objects.update(finished_at=Now())
    assert TASK not in clock.tick()

    first = staff.post("/operator/comparisons/now", follow=True)
    again = staff.post("/operator/comparisons/now", follow=True)

    assert "A comparison begins now." in text(first)
    assert "is under way already" in text(again)
    assert clock.tick().count(TASK) == 1
    assert "is under way already" in text(staff.post("/operator/comparisons/now", follow=True))
    assert TASK not in clock.tick()

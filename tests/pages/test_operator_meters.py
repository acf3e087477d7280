"""What Stripe's meters did not take, and what an operator does not charge."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone
from django_q.models import OrmQ

from accounts.models import AuditEntry, Organization, User
from billing import credit_lines
from billing.models import MeterEvent, Transfer
from tests.billing.moves import used
from tests.pages.conftest import text
from tests.stripe_account import StripeAccount
from tests.world import money

PATH, TAKE_BACK = "/operator/meters", "/operator/meters/take-back"


@pytest.fixture
def customer(
    make_organization: Callable[..., Organization],
    ann: User,
    stripe_account: StripeAccount,
    run_queue: Callable[[], int],
) -> Organization:
    """Has a line of $100.00, and has used $10.00 of it for one generation."""
    organization = make_organization("Kitefilm", credits_usd="0")
    credit_lines.approve(organization, limit_cents=100_00, net_days=30, actor=ann)
    run_queue()
    used(organization, "generation:gen_1", 10_000_000)
    return organization


def test_nothing_refused_says_so(db: None, staff: Client) -> None:
    page = text(staff.get(PATH))

    assert "Stripe took every event" in page
    assert 'Behind by</p> <p class="money-big">nothing' in page


def test_the_lag_and_what_was_refused_stand_there_with_the_reason(
    customer: Organization, acme: Organization, staff: Client
) -> None:
    used(acme, "generation:gen_2", 1_000_000)
    MeterEvent.objects.filter(reference="generation:gen_2").update(
        state="too_late", error="not delivered within a day"
    )
    MeterEvent.objects.filter(reference="generation:gen_1", meter="usage").update(
        state="refused", error="archived_customer: gone"
    )
    MeterEvent.objects.filter(state="pending").update(
        occurred_at=timezone.now() - timedelta(hours=2), attempts_count=4
    )

    page = text(staff.get(PATH))

    assert "2 h" in page
    assert "archived_customer: gone" in page
    assert "not delivered within a day" in page
    rows = staff.get(PATH, {"organization": customer.id}).context["piece"].rows
    assert [event.reference for event in rows] == ["generation:gen_1"]


@pytest.mark.parametrize("typed", ["gen_1", "generation:gen_1", " gen_1 "])
def test_what_taking_back_does_is_shown_first(
    customer: Organization, staff: Client, typed: str
) -> None:
    page = text(staff.get(TAKE_BACK, {"reference": typed}))

    for line in ("Kitefilm", "Returns to the line", "$10.00", "Available on it now", "$90.00"):
        assert line in page
    assert money(customer) == (90_000_000, 0)


def test_it_is_taken_back_once_with_who_did_it_and_why(
    customer: Organization, staff: Client, ann: User
) -> None:
    sent = {"reference": "generation:gen_1", "reason": "Out of focus"}

    done = staff.post(TAKE_BACK, sent, follow=True)
    again = staff.post(TAKE_BACK, sent)

    assert "$10.0000 is back on the line of Kitefilm." in text(done)
    assert again.status_code == 400
    assert "It was taken back already." in text(again)
    assert money(customer) == (100_000_000, 0)
    assert Transfer.objects.filter(kind="correction").count() == 1
    assert OrmQ.objects.count() == 1
    entry = AuditEntry.objects.get(action="ledger.corrected")
    assert (entry.actor, entry.after["reason"]) == (ann, "Out of focus")


@pytest.mark.parametrize(
    ("sent", "error"),
    [
        ({"reference": "gen_1", "reason": " "}, "The reason must have 1 to 200 characters."),
        ({"reference": "gen_9", "reason": "why"}, "Nothing of this name was charged."),
        ({"reference": "gen_2", "reason": "why"}, "Nothing of it was used from a line"),
        ({"reference": "", "reason": "why"}, "This field is required."),
        ({"reference": "a\x00", "reason": "why"}, "Null characters are not allowed."),
    ],
)
def test_what_cannot_be_taken_back_is_said_and_moves_nothing(
    customer: Organization,
    acme: Organization,
    staff: Client,
    sent: dict[str, str],
    error: str,
) -> None:
    used(acme, "generation:gen_2", 1_000_000)

    refused = staff.post(TAKE_BACK, sent)

    assert refused.status_code == 400
    assert error in text(refused)
    assert money(customer) == (90_000_000, 0)
    assert not MeterEvent.objects.filter(state="canceled").exists()

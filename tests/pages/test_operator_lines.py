"""Credit lines, as an operator approves, changes and closes them."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from django_q.models import OrmQ

from accounts.models import AuditEntry, Organization, User
from billing import credit_lines
from billing.models import CreditLine, Invoice
from tests.billing.moves import hold, used
from tests.pages.conftest import text
from tests.pages.test_purchases import plain
from tests.stripe_account import StripeAccount
from tests.world import money

LIST = "/operator/lines"
TERMS = {"limit_usd": "1,000", "net_days": "30"}


@pytest.fixture
def customer(make_organization: Callable[..., Organization]) -> Organization:
    return make_organization("Kitefilm", credits_usd="0")


@pytest.fixture
def line(
    customer: Organization, ann: User, stripe_account: StripeAccount, run_queue: Callable[[], int]
) -> CreditLine:
    """Of $100.00: $30.00 used and not paid, $5.00 held."""
    credit_lines.approve(customer, limit_cents=100_00, net_days=30, actor=ann)
    run_queue()
    used(customer, "work:1", 30_000_000)
    hold(customer, "work:2", 5_000_000)
    return CreditLine.objects.get()


def path(organization: Organization) -> str:
    return f"{LIST}/{organization.pk}"


def entries(action: str) -> list[AuditEntry]:
    return list(AuditEntry.objects.filter(action=action).order_by("id"))


def test_no_line_says_how_one_is_approved(db: None, staff: Client) -> None:
    page = text(staff.get(LIST))

    assert "Nobody has a credit line" in page
    assert "closes its line and stands here" in page


def test_an_organization_is_found_by_id_or_whole_name(
    customer: Organization,
    make_organization: Callable[..., Organization],
    staff: Client,
) -> None:
    make_organization("Twin")
    make_organization("Twin")
    for asked in (customer.pk, "kitefilm", " Kitefilm "):
        assert staff.get(LIST, {"organization": asked}).headers["Location"] == path(customer)

    for asked, error in (("Kite", "No organization is called"), ("Twin", "Several organizations")):
        refused = staff.get(LIST, {"organization": asked})
        assert refused.status_code == 404
        assert error in text(refused)


def test_the_list_has_limit_available_held_open_and_state(line: CreditLine, staff: Client) -> None:
    page = text(staff.get(LIST))

    for cell in (
        'data-label="Limit"><span class="money">$100.00</span>',
        'data-label="Held"><span class="money">$5.00<small>00</small></span>',
        'data-label="Used, not paid"><span class="money">$30.00<small>00</small></span>',
        'data-label="Available"><strong><span class="money">$65.00<small>00</small></span>',
        "30 days to pay",
    ):
        assert cell in page
    assert staff.get(LIST, {"state": "closed"}).context["rows"] == []


def test_the_preview_shows_it_and_approves_nothing(customer: Organization, staff: Client) -> None:
    page = text(staff.post(path(customer), {"do": "preview", **TERMS}))

    assert "Available then" in page
    assert "Approve $1,000.00" in page.replace('<span class="money">', "").replace("</span>", "")
    assert not CreditLine.objects.exists()
    assert not OrmQ.objects.exists()


def test_an_approved_line_is_opened_once_with_who_did_it(
    customer: Organization,
    staff: Client,
    ann: User,
    stripe_account: StripeAccount,
    run_queue: Callable[[], int],
) -> None:
    for _ in range(2):
        assert staff.post(path(customer), {"do": "approve", **TERMS}).status_code == 302
    assert OrmQ.objects.count() == 1
    run_queue()
    assert staff.post(path(customer), {"do": "approve", **TERMS}).status_code == 302

    assert CreditLine.objects.get().state == "open"
    assert money(customer) == (1_000_000_000, 0)
    assert len(stripe_account.client.v1.subscriptions.list().data) == 1
    (entry,) = entries("credit_line.approved")
    assert (entry.actor, entry.address) == (ann, "127.0.0.1")
    assert entry.after == {"limit_usd": "1000.0000", "net_days": 30, "state": "opening"}


def test_a_lower_limit_is_shown_with_what_is_over_it_and_takes_nothing_that_runs(
    line: CreditLine, customer: Organization, staff: Client
) -> None:
    terms = {"limit_usd": "20", "net_days": "14"}

    page = text(staff.post(path(customer), {"do": "preview", **terms}))
    assert "Over the new limit" in page
    assert "$15.00" in page
    assert "30 → 14" in page
    assert money(customer) == (65_000_000, 5_000_000)

    assert staff.post(path(customer), {"do": "approve", **terms}).status_code == 302
    assert money(customer) == (0, 5_000_000)


def test_closing_says_what_it_does_and_is_done_once_with_its_reason(
    line: CreditLine, customer: Organization, staff: Client, ann: User
) -> None:
    page = text(staff.get(path(customer)))
    for what in ("Cannot be used any more", "Held: runs on", "is invoiced as ever"):
        assert what in page

    for _ in range(2):
        sent = {"do": "close", "reason": "Left for prepaid"}
        assert staff.post(path(customer), sent).status_code == 302

    assert CreditLine.objects.get().closure == "operator"
    assert money(customer) == (0, 5_000_000)
    assert OrmQ.objects.count() == 1
    (entry,) = entries("credit_line.closed")
    assert (entry.actor, entry.address) == (ann, "127.0.0.1")
    assert entry.after == {"why": "operator", "reason": "Left for prepaid"}
    assert "Approve it again" in text(staff.get(path(customer)))


@pytest.mark.parametrize(
    ("sent", "error"),
    [
        ({"limit_usd": "0"}, "The limit must be more than $0.00 and at most $1,000,000.00."),
        ({"limit_usd": "1000000.01"}, "The limit must be more than $0.00"),
        ({"limit_usd": "1e3"}, "The limit must be dollars"),
        ({"limit_usd": ""}, "The limit must be dollars"),
        ({"net_days": "91"}, "The days to pay must be 0 to 90."),
        ({"net_days": "-1"}, "The days to pay must be 0 to 90."),
        ({"net_days": "many"}, "The days to pay must be 0 to 90."),
        ({"do": "close", "reason": ""}, "The reason must have 1 to 200 characters."),
    ],
)
def test_bad_input_is_said_at_its_field_and_changes_nothing(
    line: CreditLine, customer: Organization, staff: Client, sent: dict[str, str], error: str
) -> None:
    for do in ("preview", "approve"):
        refused = staff.post(path(customer), {"do": do, **TERMS, **sent})
        assert refused.status_code == 400
        assert error in text(refused)

    line.refresh_from_db()
    assert (line.limit_cents, line.net_days, line.state) == (100_00, 30, "open")
    assert len(entries("credit_line.approved")) == 1
    assert money(customer) == (65_000_000, 5_000_000)


def test_a_sandbox_gets_none(customer: Organization, staff: Client) -> None:
    Organization.objects.filter(pk=customer.pk).update(is_sandbox=True)

    refused = staff.post(path(customer), {"do": "approve", **TERMS})

    assert refused.status_code == 400
    assert "A sandbox has free credits" in text(refused)
    assert not CreditLine.objects.exists()


def test_nothing_is_closed_where_there_is_no_line(customer: Organization, staff: Client) -> None:
    assert staff.post(path(customer), {"do": "close", "reason": "why"}).status_code == 400
    assert not AuditEntry.objects.filter(action="credit_line.closed").exists()


def test_an_overdue_invoice_stands_in_the_list_and_on_its_line(
    line: CreditLine, customer: Organization, staff: Client
) -> None:
    now = timezone.now()
    Invoice.objects.create(
        organization=customer,
        stripe_id="in_1",
        number="SEED-0042",
        state="overdue",
        period_started_at=now - timedelta(days=40),
        period_ended_at=now - timedelta(days=10),
        total_cents=64_54,
        created_at=now,
    )

    for where in (LIST, path(customer)):
        page = text(staff.get(where))
        assert "SEED-0042" in page
        assert "$64.54" in page


def test_the_queries_do_not_grow_with_the_lines(
    line: CreditLine, make_organization: Callable[..., Organization], ann: User, staff: Client
) -> None:
    def count() -> int:
        with CaptureQueriesContext(connection) as asked:
            assert staff.get(LIST).status_code == 200
        return len(asked)

    before = count()
    for number in range(5):
        other = make_organization(f"Other {number}", credits_usd="0")
        credit_lines.approve(other, limit_cents=100_00, net_days=30, actor=ann)

    assert count() == before


@pytest.mark.tampers  # of how the invoice came to be only the row is there
def test_what_banks_took_back_is_shown_before_it_is_forgiven(
    customer: Organization, line: CreditLine, ann: User, staff: Client
) -> None:
    """$20.00 were paid and taken back; opened again, the line has its limit but for what is used and held."""
    Invoice.objects.create(
        organization=customer,
        stripe_id="in_disputed",
        number="7F2C91AB-0001",
        state=Invoice.State.PAID,
        is_settled=True,
        period_started_at=timezone.now() - timedelta(days=31),
        period_ended_at=timezone.now(),
        usage_microusd=20_000_000,
        disputed_microusd=20_000_000,
        created_at=timezone.now(),
    )
    credit_lines.close(customer, CreditLine.Closure.OPERATOR, actor=ann)

    page = plain(staff.post(path(customer), {**TERMS, "do": "preview"}))

    assert "forgiven with this, and written off" in page
    assert "$20.0000 disputed" in page

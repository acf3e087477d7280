"""Purchases, refunds and disputes, as an operator finds and reads them."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import Organization, User
from billing import refunds
from billing.models import Invoice, Purchase, Reversal
from billing.operator_pages import purchases
from tests.billing.bought import bought, settle
from tests.pages.conftest import text
from tests.stripe_account import StripeAccount

DISPUTES = "4000000000000259"


@pytest.fixture
def purchase(
    acme: Organization,
    member_of: Callable[..., User],
    stripe_account: StripeAccount,
    run_queue: Callable[[], int],
) -> Purchase:
    return bought(acme, member_of(acme), stripe_account, run_queue)


@pytest.fixture
def disputed(
    rival: Organization,
    member_of: Callable[..., User],
    stripe_account: StripeAccount,
    run_queue: Callable[[], int],
) -> Purchase:
    made = bought(rival, member_of(rival), stripe_account, run_queue, cents=50_00, card=DISPUTES)
    settle(stripe_account, run_queue)
    return made


def make(organization: Organization, count: int, **fields: Any) -> None:
    now = timezone.now()
    for _ in range(count):
        Purchase.objects.create(
            **{
                "organization": organization,
                "origin": "checkout",
                "state": "expired",
                "amount_cents": 50_00,
                "due_at": now,
                "created_at": now,
                **fields,
            }
        )


def found(staff: Client, **asked: str) -> list[str]:
    context = staff.get("/operator/purchases", asked).context
    return [purchase.id for purchase in context["piece"].rows]


def test_nothing_bought_says_what_will_stand_here(acme: Organization, staff: Client) -> None:
    assert "Nobody has bought anything yet" in text(staff.get("/operator/purchases"))
    assert "No money has gone back" in text(staff.get("/operator/money-back"))


def test_each_filter_finds_what_it_names(
    acme: Organization, rival: Organization, purchase: Purchase, disputed: Purchase, staff: Client
) -> None:
    make(acme, 1, state="failed")
    make(acme, 1, state="open", created_at=timezone.now() - timedelta(days=2))
    failed, slow = (Purchase.objects.get(state=state).id for state in ("failed", "open"))
    dispute = Reversal.objects.get()

    assert found(staff) == [slow, failed, disputed.id, purchase.id]
    assert found(staff, state="failed") == [failed]
    assert found(staff, state="long") == [slow]
    assert found(staff, organization=rival.id) == [disputed.id]
    assert found(staff, organization="riv") == [disputed.id]
    assert found(staff, organization="acme", state="paid") == [purchase.id]
    for id in (purchase.id, purchase.intent_id, purchase.session_id):
        assert found(staff, id=id) == [purchase.id]
    for id in (dispute.id, dispute.stripe_id):
        assert found(staff, id=id) == [disputed.id]
    assert "No purchase fits this filter" in text(staff.get("/operator/purchases?id=pur_1"))


def test_older_ones_are_one_link_away_within_the_filter(
    acme: Organization, rival: Organization, staff: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(purchases, "PIECE", 3)
    make(acme, 5)
    make(rival, 2)
    path = "/operator/purchases?organization=" + acme.id
    seen: list[str] = []
    cursor: str | None = ""
    while cursor is not None:
        piece = staff.get(path + (f"&cursor={cursor}" if cursor else "")).context["piece"]
        seen += [one.id for one in piece.rows]
        cursor = piece.next_cursor

    expected = Purchase.objects.filter(organization=acme).order_by("-id")
    assert seen == list(expected.values_list("id", flat=True))
    assert f"organization={acme.id}&amp;cursor=" in staff.get(path).content.decode()


def test_the_page_of_one_has_everything_of_it(
    purchase: Purchase,
    ann: User,
    staff: Client,
    stripe_account: StripeAccount,
    run_queue: Callable[[], int],
) -> None:
    row = refunds.request(purchase, amount_cents=100_00, reason="Bought twice", actor=ann)
    settle(stripe_account, run_queue)
    row.refresh_from_db()

    page = text(staff.get(f"/operator/purchases/{purchase.id}"))

    for expected in (
        purchase.intent_id,
        purchase.session_id,
        "visa •••• 4242",
        row.stripe_id,
        "Bought twice · ann@operator.example",
        f"purchase:{purchase.id}",
        f"bonus:{purchase.id}",
        f"refund:{row.id}",
        f"refund:{row.id}:2:bonus",
        'data-label="Withdrawn">',
    ):
        assert expected in page
    assert "dashboard.stripe.com" not in page  # the simulated Stripe has none


def test_a_real_account_has_links_to_its_dashboard(
    purchase: Purchase, disputed: Purchase, staff: Client, settings: Any
) -> None:
    settings.STRIPE_SIMULATED = False
    dispute = Reversal.objects.get()
    address = "https://dashboard.stripe.com"

    page = text(staff.get(f"/operator/purchases/{purchase.id}"))
    assert f'href="{address}/test/payments/{purchase.intent_id}"' in page
    settings.STRIPE_SECRET_KEY = "sk_live_1"
    page = text(staff.get("/operator/money-back"))
    assert f'href="{address}/disputes/{dispute.stripe_id}"' in page


def test_a_dispute_stands_with_the_day_until_which_it_waits(
    disputed: Purchase, staff: Client
) -> None:
    page = text(staff.get("/operator/money-back?kind=dispute&state=open"))

    assert "Rival" in page
    assert "fraudulent" in page
    assert "in 6 days" in page or "in 7 days" in page
    assert "Nothing fits this filter" in text(staff.get("/operator/money-back?kind=refund"))


def test_what_banks_ask_about_an_invoice_stands_there_too(
    acme: Organization, rival: Organization, staff: Client
) -> None:
    now = timezone.now()
    invoice = Invoice.objects.create(
        organization=acme,
        stripe_id="in_1",
        number="7F2C91AB-0001",
        state="paid",
        period_started_at=now - timedelta(days=31),
        period_ended_at=now,
        created_at=now,
    )
    Reversal.objects.create(
        invoice=invoice,
        kind="dispute",
        stripe_id="dp_1",
        amount_cents=40_00,
        state="inquiry",
        evidence_due_at=now + timedelta(days=6, hours=1),
    )

    page = text(staff.get(f"/operator/money-back?kind=dispute&state=open&organization={acme.pk}"))

    assert f'href="/operator/lines/{acme.pk}"' in page
    assert "Acme, invoice 7F2C91AB-0001" in page
    assert "in 6 days" in page
    assert "Nothing fits" in text(staff.get(f"/operator/money-back?organization={rival.pk}"))


@pytest.fixture
def queries(staff: Client) -> Callable[[str], int]:
    def count(path: str) -> int:
        with CaptureQueriesContext(connection) as asked:
            assert staff.get(path).status_code == 200
        return len(asked)

    return count


@pytest.mark.parametrize("path", ["/operator/purchases", "/operator/money-back"])
def test_the_queries_do_not_grow_with_the_rows(
    acme: Organization,
    purchase: Purchase,
    ann: User,
    queries: Callable[[str], int],
    path: str,
) -> None:
    refunds.request(purchase, amount_cents=1_00, reason="once", actor=ann)
    before = queries(path)
    make(acme, 10)
    for _ in range(10):
        refunds.request(purchase, amount_cents=1_00, reason="again", actor=ann)

    assert queries(path) == before


def test_the_queries_of_one_do_not_grow_with_its_refunds(
    purchase: Purchase, ann: User, queries: Callable[[str], int]
) -> None:
    path = f"/operator/purchases/{purchase.id}"
    refunds.request(purchase, amount_cents=1_00, reason="once", actor=ann)
    before = queries(path)
    for _ in range(10):
        refunds.request(purchase, amount_cents=1_00, reason="again", actor=ann)

    assert queries(path) == before

"""Every page of money in every state, in every look.

What it looked like is kept in `.data/test/screens`.
"""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import httpx
import pytest
from django.db import transaction
from django.utils import timezone

from accounts.models import Organization, User
from billing import auto_top_up_terms, credit_lines, ledger, purchases, usage
from billing.auto_top_up_terms import Terms
from billing.ledger import Wanted
from billing.models import AutoTopUp, CreditLine, Invoice, MeterEvent, Purchase
from tests.browser.conftest import Look
from tests.browser.people import sent
from tests.browser.shop import Shop, wait_until
from tests.stripe_account import VISA
from tests.world import make_user

LABELS = {"model": "seedance-2.0-fast-text-to-video", "resolution": "480p"}


def row(organization: Organization, state: str, **fields: Any) -> Purchase:
    now = timezone.now()
    return Purchase.objects.create(
        **{
            "organization": organization,
            "origin": "checkout",
            "state": state,
            "amount_cents": 200_00,
            "created_at": now,
            "due_at": now + timedelta(hours=1),
            **fields,
        }
    )


def bought(organization: Organization, by: User, cents: int, number: str = VISA) -> Purchase:
    newest = purchases.newest_paid(organization)
    purchase = purchases.begin(
        organization,
        amount_cents=cents,
        made_by=by,
        token=f"{cents:032x}",
        last_paid_id=newest.id if newest else "",
    )
    purchase = purchases.open_checkout(purchase)
    form = {"number": number, "expiry": "12/34", "cvc": "123", "email": "ann@acme.example"}
    with httpx.Client(trust_env=False) as client:
        client.post(purchase.session_url, data=form)
    wait_until(lambda: Purchase.objects.get(pk=purchase.pk).state == "paid")
    return Purchase.objects.get(pk=purchase.pk)


def use(organization: Organization, reference: str, microusd: int, end_user: str) -> None:
    with transaction.atomic():
        wanted = Wanted(reference, microusd, end_user_id=end_user)
        ledger.hold(organization, [wanted], now=timezone.now())
        hold = ledger.capture(organization, reference, amount_microusd=microusd)
        usage.record(organization, hold, seconds=4, labels=LABELS)


def test_purchases_and_auto_top_up(
    shop: Shop, acme: Organization, member_of: Callable[..., User], look: Look
) -> None:
    look("/billing", "billing-new")
    look("/billing/purchases", "purchases-none")
    ann = member_of(acme)
    paid = bought(acme, ann, 1_000_00)
    purchases_of = {
        "open": row(acme, "open", made_by=ann, session_url="http://127.0.0.1/"),
        "declined": row(
            acme,
            "open",
            made_by=make_user(),
            session_url="http://127.0.0.1/",
            failure_code="generic_decline",
            failure_message="Your card was declined.",
            card_brand="visa",
            card_last4="0002",
        ),
        "processing": row(acme, "processing", card_brand="us_bank_account"),
        "expired": row(acme, "expired"),
        "closing": row(acme, "closing"),
        "auto-failed": row(
            acme,
            "failed",
            origin="auto_top_up",
            failure_code="authentication_required",
            failure_message="Your card was declined. This transaction requires authentication.",
            card_brand="mastercard",
            card_last4="4444",
        ),
    }
    for name, purchase in purchases_of.items():
        look(f"/billing/purchases/{purchase.id}", f"purchase-{name}")
    look(f"/billing/purchases/{purchases_of['open'].id}?returned=1", "purchase-returned")
    look(f"/billing/purchases/{paid.id}", "purchase-paid")
    look(f"/billing/purchases/{paid.id}/receipt", "receipt")
    look("/billing/purchases", "purchases")
    look("/billing/purchases?state=paid&since=2020-01-01", "purchases-filtered")
    look("/billing/buy", "buy-wrong", do=sent("Pay", amount_usd="12"))
    look("/billing/auto-top-up", "top-up-off")
    look("/billing/auto-top-up", "top-up-wrong", do=sent("Switch on", ceiling_usd="1"))
    look("/billing/auto-top-up", "top-up-asked", do=sent("Switch on"))

    auto_top_up_terms.set_terms(acme, Terms(True, 100_000_000, 200_00, None, 800_00), actor=ann)
    look("/billing", "billing-bought")
    look("/billing/auto-top-up", "top-up-on")
    AutoTopUp.objects.update(suspension="authentication")
    look("/billing/auto-top-up", "top-up-suspended")
    look(f"/billing/purchases/{purchases_of['auto-failed'].id}", "purchase-auto-suspended")
    look("/", "home-attention")

    charge = shop.stripe("GET", f"/v1/payment_intents/{paid.intent_id}")["latest_charge"]
    use(acme, "generation:gen_1", 900_000_000, "u_jane")
    shop.stripe("POST", "/control/disputes", charge=charge)
    wait_until(lambda: paid.reversals.exists())
    look(f"/billing/purchases/{paid.id}", "purchase-disputed")
    look(f"/billing/purchases/{paid.id}/receipt", "receipt-disputed")
    look("/billing", "billing-debt")

    Organization.objects.update(is_sandbox=True)
    look("/billing", "billing-sandbox")
    look("/billing/auto-top-up", "top-up-sandbox")


@pytest.mark.tampers  # the invoice is written here, not followed from Stripe
def test_a_line_and_its_invoices(
    shop: Shop, acme: Organization, member_of: Callable[..., User], look: Look
) -> None:
    ann = member_of(acme)
    look("/billing/invoices", "invoices-none")
    credit_lines.approve(acme, limit_cents=500_00, net_days=30, actor=ann)
    wait_until(lambda: CreditLine.objects.get().state == "open")
    for number in range(30):
        use(acme, f"generation:gen_line{number}", 3_024_001 + number * 7, f"customer-{number % 12}")
    use(acme, "generation:gen_line30", 1_000_000, "")
    now = timezone.now()
    invoice = Invoice.objects.create(
        organization=acme,
        stripe_id="in_1",
        number="7F2C91AB-0001",
        state="open",
        period_started_at=now - timedelta(days=31),
        period_ended_at=now,
        amount_cents=68_73,
        total_cents=68_73,
        hosted_url="http://127.0.0.1/",
        pdf_url="http://127.0.0.1/",
        pay_until=now + timedelta(days=30),
        created_at=now,
    )
    MeterEvent.objects.filter(meter="invoiced").update(invoice=invoice)
    draft = Invoice.objects.create(
        organization=acme,
        stripe_id="in_2",
        state="draft",
        period_started_at=now,
        period_ended_at=now + timedelta(days=31),
        created_at=now,
    )
    look("/billing", "billing-line")
    look("/billing/invoices", "invoices")
    look(f"/billing/invoices/{invoice.id}", "invoice-open")
    look(f"/billing/invoices/{draft.id}", "invoice-draft")

    Invoice.objects.filter(pk=invoice.pk).update(state="overdue")
    CreditLine.objects.update(state="closed", closure="unpaid")
    gone_back = MeterEvent.objects.filter(meter="invoiced").order_by("id")[:2]
    MeterEvent.objects.filter(pk__in=[one.pk for one in gone_back]).update(credited_on=draft)
    look("/billing", "billing-line-closed")
    look(f"/billing/invoices/{invoice.id}", "invoice-overdue")
    look(f"/billing/invoices/{draft.id}", "invoice-with-credits")
    look("/", "home-overdue")

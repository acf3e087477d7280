"""What time does with money at Stripe: every state that can wait has an owner here.

    a purchase under way       follow_purchases
    a refund or dispute        follow_reversals
    an auto top-up that is due charge_saved_cards
    a line that is opening     open_lines
    an invoice not yet final   follow_invoices
    a webhook nobody handled   handle_again
    a meter event to be sent   usage_reports.send_due

A sweep finds and enqueues; it never talks to Stripe itself.
"""

import logging
from datetime import timedelta
from operator import attrgetter
from typing import Any

from django.db import models, transaction
from django.utils import timezone

from accounts.models import Organization
from billing import auto_top_ups
from billing.models import CreditLine, Invoice, Purchase, Reversal, StripeEvent
from seedance_saas import queue

logger = logging.getLogger(__name__)

BATCH = 200
PAUSE = timedelta(minutes=1)  # until whoever was sent to look has certainly looked


def _send(task: str, rows: models.QuerySet[Any], key: str = "pk") -> None:
    """Enqueue `task` for each row that is due. It is handed out once, and due again after PAUSE."""
    now = timezone.now()
    with transaction.atomic():
        due = list(
            rows.filter(due_at__lte=now)
            .select_for_update(skip_locked=True, no_key=True, of=("self",))
            .order_by("due_at")[:BATCH]
        )
        rows.model.objects.filter(pk__in=[row.pk for row in due]).update(due_at=now + PAUSE)
        for row in due:
            queue.enqueue(task, attrgetter(key)(row))


def follow_purchases() -> None:
    """The person is at Stripe's page, or the answer or the webhook was lost."""
    _send("billing.tasks.follow_purchase", Purchase.objects.filter(state__in=Purchase.UNDER_WAY))


def follow_reversals() -> None:
    """A refund that was not asked for yet is; what Stripe has not ended is looked at once a day."""
    waiting = Reversal.objects.filter(due_at__isnull=False)
    requested = Reversal.State.REQUESTED
    _send("billing.tasks.send_refund", waiting.filter(state=requested))
    told = waiting.exclude(state=requested).select_related("invoice")
    _send("billing.tasks.follow_purchase", told.filter(invoice=None), "purchase_id")
    _send("billing.tasks.follow_invoice", told.filter(purchase=None), "invoice.stripe_id")


def charge_saved_cards() -> None:
    for organization_id in auto_top_ups.due():
        auto_top_ups.consider(Organization.objects.get(pk=organization_id))


def open_lines() -> None:
    opening = CreditLine.objects.filter(state=CreditLine.State.OPENING)
    _send("billing.tasks.open_line", opening)


def follow_invoices() -> None:
    """A draft is completed when its time has come; an open one is overdue some day, or paid without a webhook."""
    _send("billing.tasks.follow_invoice", Invoice.objects.filter(due_at__isnull=False), "stripe_id")


def handle_again() -> None:
    _send(
        "billing.tasks.handle_stripe_event",
        StripeEvent.objects.filter(state=StripeEvent.State.PENDING),
    )


OWNERS = (
    follow_purchases,
    follow_reversals,
    charge_saved_cards,
    open_lines,
    follow_invoices,
    handle_again,
)


def unstick() -> None:
    """Every owner. One that fails stops no other."""
    for owner in OWNERS:
        try:
            owner()
        except Exception:
            logger.exception("sweep.failed owner=%s", owner.__name__)

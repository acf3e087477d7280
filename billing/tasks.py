"""What the queue runs for this room."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

from django.conf import settings
from django.utils import timezone

from accounts.models import Organization
from billing import (
    alerts,
    cards,
    checking,
    closing,
    comparing,
    credit_lines,
    invoices,
    ledger,
    purchases,
    refunds,
    statements,
    stripe_webhook,
    sweeps,
    usage_reports,
)
from billing.models import (
    CreditLine,
    Grant,
    MeterEvent,
    Purchase,
    Reversal,
    StripeCustomer,
    StripeEvent,
)
from billing.stripe_gateway.connection import StripeUnavailable

logger = logging.getLogger(__name__)

EXPIRE_BATCH = 500


def check_ledger() -> None:
    """The nightly proof. A difference is an error in the log, which somebody is paged for."""
    checking.check()


def expire_grants() -> None:
    """What is left of the grants whose time has come goes to breakage. A hold never took it meanwhile."""
    due = Grant.objects.filter(expires_at__lte=timezone.now(), account__balance_microusd__gt=0)
    for grant in due.order_by("expires_at")[:EXPIRE_BATCH]:
        amount_microusd = ledger.expire(grant)
        logger.info("grant.expired id=%s amount_microusd=%s", grant.id, amount_microusd)


def settle_closed() -> None:
    """What closed organizations have again goes back to their cards, or is forfeited."""
    closing.settle_due()


def close_statements() -> None:
    """Close the days that are over. It runs every hour: a day that was missed is closed by a later run."""
    closed = statements.close_all(seconds_max=settings.TASK_TIMEOUT_SECONDS / 2)
    logger.info("statements.closed days=%s", closed)


def watch_money() -> None:
    """Tell every organization whose money has moved. One that fails is looked at again by the next run."""
    for organization_id in alerts.due():
        try:
            alerts.watch(Organization.objects.get(pk=organization_id))
        except Exception:
            logger.exception("alerts.failed organization=%s", organization_id)


# -- Stripe -------------------------------------------------------------------------------------------


@contextmanager
def _another_time(what: str, id: str) -> Iterator[None]:
    """Stripe could not be asked. The owner of the state asks again, sooner than a redelivery."""
    try:
        yield
    except StripeUnavailable as error:
        logger.warning("stripe.unavailable %s=%s why=%s", what, id, error)


def follow_purchase(purchase_id: str) -> None:
    with _another_time("purchase", purchase_id):
        purchases.follow(Purchase.objects.select_related("organization").get(pk=purchase_id))


def send_refund(reversal_id: str) -> None:
    with _another_time("reversal", reversal_id):
        refunds.send(Reversal.objects.select_related("purchase__organization").get(pk=reversal_id))


def follow_card(organization_id: str) -> None:
    with _another_time("card", organization_id):
        cards.follow(StripeCustomer.objects.get(organization_id=organization_id).stripe_id)


def open_line(organization_id: str) -> None:
    with _another_time("line", organization_id):
        credit_lines.open(CreditLine.objects.select_related("organization").get(pk=organization_id))


def end_line(subscription_id: str) -> None:
    """If Stripe is away the queue brings it again; the daily comparison finds one that lives on."""
    credit_lines.end(subscription_id)


def follow_invoice(stripe_id: str) -> None:
    with _another_time("invoice", stripe_id):
        invoices.follow(stripe_id)


def handle_stripe_event(event_id: str) -> None:
    stripe_webhook.handle(StripeEvent.objects.get(pk=event_id))


def send_meter_events() -> None:
    usage_reports.send_due(seconds_max=settings.TASK_TIMEOUT_SECONDS / 2)


def cancel_meter_event(event_id: str) -> None:
    """If Stripe is away the queue brings it again; what it does not take any more, the invoice corrects."""
    usage_reports.cancel(MeterEvent.objects.get(pk=event_id))


def unstick_money() -> None:
    sweeps.unstick()


def compare_with_stripe() -> None:
    comparing.compare()


def compare_usage(organization_id: str, since: str) -> None:
    with _another_time("usage", organization_id):
        organization = Organization.objects.get(pk=organization_id)
        comparing.compare_usage(organization, datetime.fromisoformat(since))

"""What the queue runs for this room."""

import logging

from django.conf import settings
from django.utils import timezone

from accounts.models import Event, Organization
from billing import alert_mails, alerts, checking, ledger, statements
from billing.models import Grant

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


def mail_alert(event_id: str) -> None:
    """To whoever reads the organization's money. A repeat, which the queue rarely makes, mails again."""
    event = Event.objects.select_related("organization").filter(pk=event_id).first()
    if event:
        alert_mails.send(event)

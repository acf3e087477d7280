"""What the queue runs for this room."""

import logging

from accounts.models import Event, Organization
from billing import alert_mails, alerts, checking

logger = logging.getLogger(__name__)


def check_ledger() -> None:
    """The nightly proof. A difference is an error in the log, which somebody is paged for."""
    found = checking.differences()
    for difference in found:
        logger.error("ledger.difference %s", difference)
    if not found:
        logger.info("ledger.proved")


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

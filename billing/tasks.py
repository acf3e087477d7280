"""What the queue runs for this room."""

import logging

from billing import checking

logger = logging.getLogger(__name__)


def check_ledger() -> None:
    """The nightly proof. A difference is an error in the log, which somebody is paged for."""
    found = checking.differences()
    for difference in found:
        logger.error("ledger.difference %s", difference)
    if not found:
        logger.info("ledger.proved")

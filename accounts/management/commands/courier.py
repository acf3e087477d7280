"""The process that sends webhooks. `manage.py worker` keeps one running; several share the work."""

import logging
import signal
import threading
from types import FrameType
from typing import Any

from django.core.management.base import BaseCommand
from django.db import Error, connection

from accounts import courier

logger = logging.getLogger(__name__)

PAUSE_SECONDS = 0.5
STUCK_SECONDS = (
    120  # it looks round twice a second: after so long it hangs, and ends, to be started anew
)


class Command(BaseCommand):
    help = "Send webhooks until SIGTERM or SIGINT. `manage.py worker` does this, too."

    def handle(self, *args: Any, **options: Any) -> None:
        stop = threading.Event()

        def ask_to_stop(number: int, frame: FrameType | None) -> None:
            stop.set()

        def must_stop() -> bool:
            signal.alarm(STUCK_SECONDS)  # the kernel ends us, unless we come by here again
            return stop.is_set()

        signal.signal(signal.SIGTERM, ask_to_stop)
        signal.signal(signal.SIGINT, ask_to_stop)
        available = True
        logger.info("courier.started")
        while not must_stop():
            try:
                courier.run(must_stop=must_stop)
            except Error as error:  # also while migrations are not applied yet
                connection.close()
                if available:
                    logger.error("courier.database_unavailable why=%s", type(error).__name__)
                available = False
            else:
                available = True
            stop.wait(PAUSE_SECONDS)
        logger.info("courier.stopped")

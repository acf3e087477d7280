"""The clock process. Several may run: if one dies, another has already taken over."""

import logging
import signal
import threading
from types import FrameType
from typing import Any

from django.core.management.base import BaseCommand
from django.db import Error, connection

from seedance_saas import clock

logger = logging.getLogger(__name__)

TICK_SECONDS = 0.5


class Command(BaseCommand):
    help = "Enqueue what time makes due (settings.CLOCK) until SIGTERM or SIGINT."

    def handle(self, *args: Any, **options: Any) -> None:
        stop = threading.Event()

        def ask_to_stop(number: int, frame: FrameType | None) -> None:
            stop.set()

        signal.signal(signal.SIGTERM, ask_to_stop)
        signal.signal(signal.SIGINT, ask_to_stop)
        registered = False
        available: bool | None = None
        logger.info("clock.started")
        while not stop.is_set():
            try:
                if not registered:
                    clock.register()
                    registered = True
                clock.tick()
            except Error as error:  # also while migrations are not applied yet
                connection.close()
                if available is not False:
                    logger.error("clock.database_unavailable why=%s", type(error).__name__)
                available = False
            else:
                if not available:
                    logger.info("clock.ticking")
                available = True
            stop.wait(TICK_SECONDS)
        logger.info("clock.stopped")

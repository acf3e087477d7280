"""The clock process. Several may run: if one dies, another has already taken over."""

import logging
import signal
import threading
from types import FrameType
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand
from django.db import Error, connection
from django.utils.module_loading import import_string

from seedance_saas import clock

logger = logging.getLogger(__name__)

TICK_SECONDS = 0.5
WATCH_SECONDS = 30


class Command(BaseCommand):
    help = "Enqueue what time makes due (settings.CLOCK) until SIGTERM or SIGINT."

    def handle(self, *args: Any, **options: Any) -> None:
        stop = threading.Event()

        def ask_to_stop(number: int, frame: FrameType | None) -> None:
            stop.set()

        signal.signal(signal.SIGTERM, ask_to_stop)
        signal.signal(signal.SIGINT, ask_to_stop)
        threading.Thread(target=watch, args=[stop], daemon=True).start()
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


def watch(stop: threading.Event) -> None:
    """Look for trouble until `stop`. Beside the ticks: a mail server that is slow must not stop time."""
    while not stop.wait(WATCH_SECONDS):
        try:
            import_string(settings.WATCH)()
        except Error as error:  # what else may fail, it bears itself
            connection.close()
            logger.error("clock.watch_failed why=%s", type(error).__name__)

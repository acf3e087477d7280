"""The process that writes to strangers' servers: webhooks and mails. `manage.py worker` keeps one running; several
share the work."""

import logging
import os
import signal
import threading
import time
from collections.abc import Callable
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from types import FrameType
from typing import Any

from django.core.management.base import BaseCommand
from django.db import Error, connection

from accounts import courier, mails

logger = logging.getLogger(__name__)

PAUSE_SECONDS = 0.5
STUCK_SECONDS = 180  # each looks round once a second, or once a mail: who does not, hangs


class Command(BaseCommand):
    help = "Send webhooks and mails until SIGTERM or SIGINT. `manage.py worker` does this, too."

    def handle(self, *args: Any, **options: Any) -> None:
        self.stop = threading.Event()
        self.seen = dict.fromkeys(("webhooks", "mails"), time.monotonic())
        signal.signal(signal.SIGTERM, self._ask_to_stop)
        signal.signal(signal.SIGINT, self._ask_to_stop)
        logger.info("courier.started")
        with ThreadPoolExecutor(2) as pool:
            loops = [
                pool.submit(self._repeat, "webhooks", courier.run),
                pool.submit(self._repeat, "mails", mails.run),
            ]
            self._watch(loops)
        for one in loops:
            one.result()
        logger.info("courier.stopped")

    def _ask_to_stop(self, number: int, frame: FrameType | None) -> None:
        self.stop.set()

    def _watch(self, loops: list[Future[None]]) -> None:
        """Until both have ended. If one breaks the other stops, too: whoever started us starts us again."""
        while waiting := wait(loops, timeout=1, return_when=FIRST_EXCEPTION).not_done:
            if len(waiting) < len(loops):
                self.stop.set()
            if time.monotonic() - min(self.seen.values()) > STUCK_SECONDS:
                logger.error("courier.stuck")
                os._exit(1)  # what hangs in a thread ends in no other way

    def _repeat(self, what: str, work: Callable[..., int]) -> None:
        def must_stop() -> bool:
            self.seen[what] = time.monotonic()
            return self.stop.is_set()

        available = True
        while not must_stop():
            try:
                work(must_stop=must_stop)
            except Error as error:  # also while migrations are not applied yet
                connection.close()
                if available:
                    logger.error("courier.no_database for=%s why=%s", what, type(error).__name__)
                available = False
            else:
                available = True
            self.stop.wait(PAUSE_SECONDS)
        connection.close()

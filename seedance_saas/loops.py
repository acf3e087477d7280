"""A process that does its work again and again until it must stop: what `manage.py worker` runs beside its tasks."""

import logging
import os
import signal
import threading
import time
from collections.abc import Callable
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from types import FrameType

from django.db import Error, connection

logger = logging.getLogger(__name__)

PAUSE_SECONDS = 0.5
STUCK_SECONDS = 180  # each looks round about once a second: who does not for so long, hangs


class Loops:
    """`works` by name: each is given `must_stop`, asks it often, and returns when it has nothing to do."""

    def __init__(self, process: str, works: dict[str, Callable[..., int]]) -> None:
        self.process, self.works = process, works
        self.stop = threading.Event()
        self.seen = dict.fromkeys(works, time.monotonic())

    def run(self) -> None:
        """Until SIGTERM or SIGINT."""
        signal.signal(signal.SIGTERM, self._ask_to_stop)
        signal.signal(signal.SIGINT, self._ask_to_stop)
        logger.info("%s.started", self.process)
        with ThreadPoolExecutor(len(self.works)) as pool:
            loops = [pool.submit(self._repeat, what, work) for what, work in self.works.items()]
            self._watch(loops)
        for one in loops:
            one.result()
        logger.info("%s.stopped", self.process)

    def _ask_to_stop(self, number: int, frame: FrameType | None) -> None:
        self.stop.set()

    def _watch(self, loops: list[Future[None]]) -> None:
        """Until all have ended. If one breaks the others stop, too: whoever started us starts us again."""
        while waiting := wait(loops, timeout=1, return_when=FIRST_EXCEPTION).not_done:
            if len(waiting) < len(loops):
                self.stop.set()
            if time.monotonic() - min(self.seen.values()) > STUCK_SECONDS:
                logger.error("%s.stuck", self.process)
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
                    why = type(error).__name__
                    logger.error("%s.no_database for=%s why=%s", self.process, what, why)
                available = False
            else:
                available = True
            self.stop.wait(PAUSE_SECONDS)
        connection.close()

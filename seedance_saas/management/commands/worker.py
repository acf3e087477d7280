"""The worker process: a django-q2 cluster, and above it a supervisor that outlives the cluster's accidents.

The cluster is started again when its main process ends in any way, and when it has come to a stop
(progress.py). Its whole process group is killed first, so there are never two; and the tasks it had
taken are made due again at once, instead of after the queue's `retry`. Beside the cluster run the commands of
settings.BESIDE_TASKS, which are started again whenever they end.
"""

import argparse
import logging
import os
import select
import signal
import sys
import time
from types import FrameType
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser
from django.db import Error, connection

from seedance_saas import processes, queue
from seedance_saas.progress import Progress

logger = logging.getLogger(__name__)

STOP_SECONDS_MAX = 6  # what still runs then is killed, and delivered again: every task bears that
LOOK_SECONDS = 0.5
ASK_SECONDS = 1


class Command(BaseCommand):
    help = "Run queued tasks until SIGTERM or SIGINT; a stop is complete within 8 seconds."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--cluster", type=int, metavar="FD", help=argparse.SUPPRESS)

    def handle(self, *args: Any, **options: Any) -> None:
        if options["cluster"] is not None:
            run_cluster(options["cluster"])
        else:
            Supervisor().run()


def run_cluster(progress_fd: int) -> None:
    """Be the cluster's main process. Every process of the cluster dies with its parent."""
    from django_q.cluster import Cluster

    processes.forks_die_with_us()
    queue.report_progress(progress_fd)
    Cluster().start()


class Supervisor:
    def __init__(self) -> None:
        self.cluster = processes.Process("cluster", [])
        self.beside = [processes.Process(name, _manage(name)) for name in settings.BESIDE_TASKS]
        self.progress = self._fresh_progress()
        self.pipe = -1
        self.must_stop = False
        self.asked_at = 0.0

    def run(self) -> None:
        processes.adopt_orphans()
        signal.signal(signal.SIGTERM, self._note_stop)
        signal.signal(signal.SIGINT, self._note_stop)
        while not self.must_stop:
            if self.cluster.is_due():
                self._start()
            self._keep_beside()
            self._read(LOOK_SECONDS)
            if self.cluster.has_ended():
                logger.error("worker.cluster_ended code=%s", self.cluster.exit_code)
                self._clear_up()
            elif self.cluster.popen and (why := self._why_stuck()):
                logger.error("worker.cluster_stuck why=%r", why)
                self.cluster.kill()
                self._clear_up()
        self._stop()

    def _note_stop(self, number: int, frame: FrameType | None) -> None:
        self.must_stop = True

    def _fresh_progress(self) -> Progress:
        return Progress(time.monotonic(), task_seconds_max=settings.TASK_TIMEOUT_SECONDS)

    def _start(self) -> None:
        self.pipe, theirs = os.pipe()
        self.cluster.command = _manage("worker", "--cluster", str(theirs))
        self.cluster.start(pass_fds=[theirs])
        os.close(theirs)
        self.progress = self._fresh_progress()
        logger.info("worker.cluster_started pid=%s", self.cluster.pid)

    def _keep_beside(self) -> None:
        for process in self.beside:
            if process.has_ended():
                logger.error("worker.%s_ended code=%s", process.name, process.exit_code)
            if process.is_due():
                process.start()

    def _read(self, seconds: float) -> bool:
        """Wait for news of the cluster; False when there are none, or never will be."""
        if self.pipe < 0:
            time.sleep(seconds)
            return False
        ready, _, _ = select.select([self.pipe], [], [], seconds)
        data = os.read(self.pipe, 65_536) if ready else b""
        self.progress.note(data, now=time.monotonic())
        if ready and not data:
            time.sleep(seconds)  # its last process is about to end
        return bool(data)

    def _why_stuck(self) -> str | None:
        now = time.monotonic()
        if now - self.asked_at < ASK_SECONDS:
            return None
        self.asked_at = now
        wait = 0.0
        if self.progress.quiet_seconds(now) > ASK_SECONDS:
            try:
                wait = queue.oldest_wait_seconds()
            except Error:
                connection.close()
        return self.progress.why_stuck(now=now, oldest_wait_seconds=wait)

    def _stop(self) -> None:
        everybody = [self.cluster, *self.beside]
        for process in everybody:
            process.ask_to_stop()
        deadline = time.monotonic() + STOP_SECONDS_MAX
        while [one for one in everybody if one.popen and not one.has_ended()]:
            if time.monotonic() > deadline:
                logger.warning("worker.killed_at_stop tasks=%s", len(self.progress.unfinished))
                break
            self._read(0.1)
        for process in everybody:
            process.kill()
        self._clear_up()
        logger.info("worker.stopped")

    def _clear_up(self) -> None:
        """The cluster is dead: read its last words, and give back what it had taken."""
        if self.pipe < 0:
            return
        while self._read(0):
            pass
        os.close(self.pipe)
        self.pipe = -1
        if rows := self.progress.unfinished:
            try:
                logger.info("worker.released tasks=%s", queue.release(rows))
            except Error as error:
                connection.close()  # they are delivered again when their `retry` has passed
                logger.error("worker.release_failed why=%s", type(error).__name__)


def _manage(*arguments: str) -> list[str]:
    return [sys.executable, str(settings.BASE_DIR / "manage.py"), *arguments]

"""The worker outlives its accidents, and leaves nothing behind."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from django_q.models import OrmQ

from seedance_saas import queue
from seedance_saas.settings import BESIDE_TASKS, WORKERS
from tests.kernel.programs import (
    beside,
    cluster_of,
    descendants,
    is_alive,
    manage,
    on_test_database,
    wait_until,
)

pytestmark = [
    pytest.mark.slow,
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(sys.platform != "linux", reason="reads /proc"),
]

FAMILY = 1 + 1 + WORKERS + 1 + 1  # main process, sentinel, workers, monitor, pusher


class Worker:
    def __init__(self, program: subprocess.Popen[bytes], log: Path, notes: Path) -> None:
        self.program, self.log, self.notes = program, log, notes

    def family(self) -> list[int]:
        """Main process, sentinel, workers, monitor, pusher, in this order."""
        return cluster_of(self.program.pid)

    def complete_family(self) -> list[int]:
        assert wait_until(lambda: len(self.family()) == FAMILY, seconds=30), self.log.read_text()
        return self.family()

    def works(self, *, within: float) -> bool:
        """Whether it does a new task."""
        before = self.count("ended")
        queue.enqueue("tests.kernel.tasks.append_pid", str(self.notes), 0)
        return wait_until(lambda: self.count("ended") > before, seconds=within)

    def count(self, what: str) -> int:
        return self.notes.read_text().count(what)


@pytest.fixture
def worker(tmp_path: Path) -> Iterator[Worker]:
    notes = tmp_path / "notes"
    notes.touch()
    log = tmp_path / "worker.log"
    with manage("worker", environment=on_test_database(), log=log) as program:
        worker = Worker(program, log, notes)
        worker.complete_family()
        yield worker
        program.kill()  # quicker than asking, and it leaves nothing behind: see below


def test_a_cluster_without_its_main_process_is_replaced_whole(worker: Worker) -> None:
    queue.enqueue("tests.kernel.tasks.append_pid", str(worker.notes), 600)
    assert wait_until(lambda: worker.count("began") == 1, seconds=20)
    before = worker.family()

    os.kill(before[0], signal.SIGKILL)

    assert wait_until(lambda: not any(is_alive(pid) for pid in before), seconds=5)
    # The task that was killed with it is delivered again at once, not after the queue's `retry`.
    assert wait_until(lambda: worker.count("began") == 2, seconds=30), worker.log.read_text()
    assert not set(before) & set(worker.family())
    assert worker.works(within=20)


def test_a_cluster_that_hangs_is_noticed_within_some_ten_seconds(worker: Worker) -> None:
    for pid in worker.family()[2 : 2 + WORKERS]:  # one of the idle ones holds the queue's lock
        os.kill(pid, signal.SIGKILL)

    assert worker.works(within=20), worker.log.read_text()
    assert "1 tasks were taken and nobody starts one" in worker.log.read_text()


@pytest.mark.parametrize("name", BESIDE_TASKS)
def test_what_runs_beside_the_cluster_is_started_again(worker: Worker, name: str) -> None:
    assert wait_until(lambda: beside(worker.program.pid, name), seconds=10)
    (before,) = beside(worker.program.pid, name)

    os.kill(before, signal.SIGKILL)

    assert wait_until(lambda: beside(worker.program.pid, name) not in ([], [before]), seconds=10), (
        worker.log.read_text()
    )
    assert f"worker.{name}_ended" in worker.log.read_text()
    assert worker.works(within=20)


def test_nobody_survives_a_killed_supervisor(worker: Worker) -> None:
    family = descendants(worker.program.pid)

    worker.program.kill()

    assert wait_until(lambda: not any(is_alive(pid) for pid in family), seconds=5)


def test_a_stop_is_complete_within_eight_seconds_and_gives_back_what_ran(worker: Worker) -> None:
    queue.enqueue("tests.kernel.tasks.append_pid", str(worker.notes), 600)
    assert wait_until(lambda: worker.count("began") == 1, seconds=20)
    family = descendants(worker.program.pid)
    began = time.monotonic()

    worker.program.send_signal(signal.SIGTERM)
    worker.program.wait(10)

    assert time.monotonic() - began < 8
    assert worker.program.returncode == 0
    assert not any(is_alive(pid) for pid in family)
    assert OrmQ.objects.count() == 1
    assert queue.oldest_wait_seconds() > 0

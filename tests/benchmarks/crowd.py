"""Several processes, each with a connection of its own, started at one moment."""

import multiprocessing
import statistics
import time
from collections.abc import Callable, Iterable
from typing import Any

from django.db import connections

WORKERS = 8
ROUNDS = 5
_fork = multiprocessing.get_context("fork")


def rate(prepare: Callable[[int], Callable[[int], object]], *, count: int) -> float:
    """Calls a second: each worker makes its connection, and then calls `count` times with 0, 1, …"""
    connections.close_all()
    start, spans = _fork.Barrier(WORKERS), _fork.SimpleQueue()

    def work(worker: int) -> None:
        call = prepare(worker)
        start.wait(60)
        began = time.perf_counter()
        for number in range(count):
            call(number)
        spans.put((began, time.perf_counter()))

    workers = [_fork.Process(target=work, args=(worker,)) for worker in range(WORKERS)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
        if worker.exitcode:
            raise SystemExit("A worker of the benchmark failed: see above.")
    times: list[tuple[float, float]] = [spans.get() for _ in workers]
    return WORKERS * count / (max(end for _, end in times) - min(began for began, _ in times))


def in_a_child(call: Callable[[], Any]) -> Any:
    """What `call` returns in a process of its own, whose memory is then only its own."""
    connections.close_all()
    answer = _fork.SimpleQueue()
    child = _fork.Process(target=lambda: answer.put(call()))
    child.start()
    child.join()
    if child.exitcode:
        raise SystemExit("A child of the benchmark failed: see above.")
    return answer.get()


def p95_milliseconds(call: Callable[[], object], *, count: int = 40) -> float:
    call()
    times = []
    for _ in range(count):
        began = time.perf_counter()
        call()
        times.append((time.perf_counter() - began) * 1_000)
    return statistics.quantiles(times, n=20)[-1]


def medians(rounds: Iterable[tuple[float, float]]) -> tuple[float, float]:
    """Of both sides, measured in turn."""
    value, baseline = zip(*rounds, strict=True)
    return statistics.median(value), statistics.median(baseline)

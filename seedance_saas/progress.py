"""What a worker cluster is doing, from the lines that its processes write: has it come to a stop?

A task is taken from the database by one process, started and finished by another and recorded by a
third, and queues with locks lie between them. A process that is killed while it holds such a lock
stops all the others for ever, and none of them says so. Measured, not feared.
"""

import os
from dataclasses import dataclass, field

IDLE_SECONDS_MAX = 8  # nobody works and a task lies between two processes: normally milliseconds
BLIND_SECONDS_MAX = 20  # nobody works and nothing is taken: after a database error it rests for ten


@dataclass
class Progress:
    """The steps of one cluster's life, which began at `since`. Times are monotonic seconds."""

    since: float
    task_seconds_max: int
    taken: dict[int, float] = field(default_factory=dict)  # row -> when
    running: dict[int, int] = field(default_factory=dict)  # row -> pid
    finished: dict[int, float] = field(default_factory=dict)  # row -> when
    last_at: dict[str, float] = field(default_factory=dict)  # step -> when
    _half_line: bytes = b""

    def note(self, data: bytes, *, now: float) -> None:
        """Take in what was read: lines of `step row pid`, the last of them perhaps only begun."""
        *lines, self._half_line = (self._half_line + data).split(b"\n")
        for line in lines:
            step, row, pid = line.decode().split()
            self._note_step(step, int(row), int(pid), now)

    def _note_step(self, step: str, row: int, pid: int, now: float) -> None:
        self.last_at[step] = now
        self.taken.pop(row, None)
        self.running.pop(row, None)
        self.finished.pop(row, None)
        if step == "taken":
            self.taken[row] = now
        elif step == "started":
            self.running[row] = pid
        elif step == "finished":
            self.finished[row] = now

    @property
    def unfinished(self) -> set[int]:
        """The tasks that would wait for their redelivery if the cluster were killed now."""
        return {*self.taken, *self.running, *self.finished}

    def quiet_seconds(self, now: float) -> float:
        return now - max(self.last_at.values(), default=self.since)

    def why_stuck(self, *, now: float, oldest_wait_seconds: float) -> str | None:
        """Why the cluster must be killed, or None.

        A cluster in which nobody works loses nothing when it is killed, so that verdict is quick.
        While a task runs, it gets all its time.
        """
        self.running = {row: pid for row, pid in self.running.items() if _is_alive(pid)}
        grace = self.task_seconds_max if self.running else 0
        if self._nothing_moves(self.taken, "started", now) > grace + IDLE_SECONDS_MAX:
            return f"{len(self.taken)} tasks were taken and nobody starts one"
        if self._nothing_moves(self.finished, "recorded", now) > grace + IDLE_SECONDS_MAX:
            return f"{len(self.finished)} results are there and nobody records one"
        if "asked" not in self.last_at:
            grace = self.task_seconds_max  # it is still starting, on a machine that is slow
        if min(oldest_wait_seconds, self.quiet_seconds(now)) > grace + BLIND_SECONDS_MAX:
            return "tasks wait and nobody takes one"
        return None

    def _nothing_moves(self, waiting: dict[int, float], step: str, now: float) -> float:
        """For how many seconds something has waited for `step` while nothing made that step."""
        if not waiting:
            return 0.0
        return now - max(min(waiting.values()), self.last_at.get(step, self.since))


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True

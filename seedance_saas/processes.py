"""Child processes that never outlive us: each leads a group of its own, which ends with its leader."""

import contextlib
import ctypes
import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

logger = logging.getLogger(__name__)

RESTART_PAUSE_SECONDS_MAX = 30.0
STEADY_SECONDS = 10  # a process that lived as long did not fail at its start

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36
_libc = ctypes.CDLL(None) if sys.platform == "linux" else None


def die_with(parent: int, number: int) -> None:
    """Let the kernel send us signal `number` when `parent`, our parent, dies, even by kill -9.

    Linux only; elsewhere it does nothing. Forks do not inherit it, programs we become do.
    """
    if _libc is not None:
        _libc.prctl(_PR_SET_PDEATHSIG, number)
        if os.getppid() != parent:  # it died before we asked
            os.kill(os.getpid(), number)


def forks_die_with_us() -> None:
    """From now on every fork of this process, and their forks, is killed when its parent dies."""
    parent = os.getpid()

    def note_parent() -> None:
        nonlocal parent
        parent = os.getpid()

    os.register_at_fork(before=note_parent, after_in_child=lambda: die_with(parent, signal.SIGKILL))


def adopt_orphans() -> None:
    """Become the parent of descendants whose parent died, so that we can bury them at once.

    Linux only. Elsewhere, and without this, `init` does it, in its own time.
    """
    if _libc is not None:
        _libc.prctl(_PR_SET_CHILD_SUBREAPER, 1)


class Process:
    """One program that should always run: its owner looks often, and starts it when it is due.

    A restart comes at once, unless the program does not live long: then after 1, 2, 4 … 30 s.
    """

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        *,
        death_signal: signal.Signals = signal.SIGKILL,
        directory: Path | None = None,
        log: Path | None = None,
    ) -> None:
        self.name = name
        self.command = command
        self.death_signal = death_signal
        self.directory = directory
        self.log = log
        self.popen: subprocess.Popen[bytes] | None = None
        self.exit_code: int | None = None
        self._started_at = self._pause_until = self._pause_seconds = 0.0

    def start(self, *, pass_fds: Sequence[int] = ()) -> None:
        us = os.getpid()
        with contextlib.ExitStack() as stack:
            output = stack.enter_context(self.log.open("ab")) if self.log else None
            self.popen = subprocess.Popen(
                self.command,
                cwd=self.directory,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
                pass_fds=pass_fds,
                # Safe: the supervisors that use this have one thread.
                preexec_fn=lambda: die_with(us, self.death_signal),
            )
        self._started_at = time.monotonic()

    @property
    def pid(self) -> int:
        assert self.popen is not None, self.name
        return self.popen.pid

    def has_ended(self) -> bool:
        """True once per life: the program ended, by itself or not; the rest of its group is killed."""
        if self.popen is None or (code := self.popen.poll()) is None:
            return False
        self.exit_code = code
        self._bury()
        return True

    def is_due(self) -> bool:
        """It does not run, and the pause after its last end is over."""
        return self.popen is None and time.monotonic() >= self._pause_until

    def ask_to_stop(self) -> None:
        if self.popen is not None:
            self.popen.terminate()

    def kill(self) -> None:
        """Kill the whole group, at once."""
        if self.popen is not None:
            self._signal_group(signal.SIGKILL)
            self.exit_code = self.popen.wait()
            self._bury()

    def _bury(self) -> None:
        self._signal_group(signal.SIGKILL)
        self._wait_for_group()
        self.popen = None
        now = time.monotonic()
        if now - self._started_at > STEADY_SECONDS:
            self._pause_seconds = 0.0
        self._pause_until = now + self._pause_seconds
        self._pause_seconds = min(max(1.0, self._pause_seconds * 2), RESTART_PAUSE_SECONDS_MAX)

    def _signal_group(self, number: int) -> bool:
        """False when the group has no member any more."""
        try:
            os.killpg(self.pid, number)
        except (ProcessLookupError, PermissionError):  # macOS forbids when only zombies are left
            return False
        return True

    def _wait_for_group(self) -> None:
        for _ in range(100):  # a killed process needs a moment
            with contextlib.suppress(ChildProcessError):
                while os.waitpid(-self.pid, os.WNOHANG)[0]:  # one that we adopted
                    pass
            if not self._signal_group(0):
                return
            time.sleep(0.02)

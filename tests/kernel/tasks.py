"""Tasks and sweeps for the tests of the queue: they write down that they ran."""

import os
import time
from pathlib import Path

from django.core.exceptions import ObjectDoesNotExist

ran: list[str] = []


def note(what: str) -> None:
    ran.append(what)


def sweep() -> None:
    ran.append("sweep")


def fail() -> None:
    raise ObjectDoesNotExist("planted")


def append_pid(path: str, seconds: int) -> None:
    """A line when it starts and a line when it ends, with the pid of its worker."""
    _append(path, "began")
    time.sleep(seconds)
    _append(path, "ended")


def _append(path: str, what: str) -> None:
    with Path(path).open("a") as file:
        file.write(f"{what} {os.getpid()}\n")

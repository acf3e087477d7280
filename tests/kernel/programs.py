"""Starts the product's own processes, and looks at what becomes of them."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from django.db import connection

from tests.settings import ROOT


def wait_until(condition: Callable[[], object], *, seconds: float) -> bool:
    """True as soon as `condition` holds; False when it did not within `seconds`."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.05)
    return False


def on_test_database() -> dict[str, str]:
    """The environment for a process that works on this test's own database."""
    url = urlsplit(os.environ["DATABASE_URL"])._replace(path=f"/{connection.settings_dict['NAME']}")
    return {"DJANGO_SETTINGS_MODULE": "tests.settings", "DATABASE_URL": urlunsplit(url)}


def alone_in(data_dir: Path, port: int) -> dict[str, str]:
    """The environment of a machine of its own: embedded database and all."""
    return {"DATA_DIR": str(data_dir), "PORT": str(port), "DATABASE_URL": "", "SECRET_KEY": ""}


@contextmanager
def manage(
    *arguments: str, environment: dict[str, str], log: Path
) -> Iterator[subprocess.Popen[bytes]]:
    """`manage.py` with these arguments; in the end it is gone, with all its descendants."""
    with log.open("wb") as output:
        program = subprocess.Popen(
            [sys.executable, str(ROOT / "manage.py"), *arguments],
            env={**os.environ, "DJANGO_SETTINGS_MODULE": "seedance_saas.settings", **environment},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    try:
        yield program
    finally:
        family = [program.pid, *descendants(program.pid)]
        program.terminate()
        try:
            program.wait(10)
        except subprocess.TimeoutExpired:
            program.kill()
            program.wait()
        for pid in family:
            if is_alive(pid):
                os.kill(pid, signal.SIGKILL)


def descendants(pid: int) -> list[int]:
    """Children before grandchildren, each generation by age."""
    children = _children(pid)
    return children + [grandchild for child in children for grandchild in descendants(child)]


def cluster_of(worker_pid: int) -> list[int]:
    """Main process, sentinel, workers, monitor and pusher of its cluster, in this order, without what runs beside."""
    leaders = [pid for pid in _children(worker_pid) if "--cluster" in _command(pid)]
    return [*leaders, *(pid for leader in leaders for pid in descendants(leader))]


def beside(worker_pid: int, name: str) -> list[int]:
    """The processes that the worker runs beside its cluster with the command `name`."""
    return [pid for pid in _children(worker_pid) if name in _command(pid)]


def _command(pid: int) -> list[str]:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text().split("\0")
    except (FileNotFoundError, ProcessLookupError):
        return []


def _children(pid: int) -> list[int]:
    try:
        return [
            int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        ]
    except FileNotFoundError:
        return []


def is_alive(pid: int) -> bool:
    """A process that is dead but not yet buried does not count."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False

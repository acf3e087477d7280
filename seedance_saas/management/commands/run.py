"""`make run`: everything that the product needs, on this machine, until Ctrl-C.

A process that dies alone is started again, so that one accident never stops the product; that is
why this is not a Procfile runner, which would stop the others. What the processes say goes to
`.data/logs/`, so that the terminal keeps what people look for.
"""

import contextlib
import errno
import fcntl
import hashlib
import http.client
import io
import json
import os
import signal
import socket
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib.staticfiles.finders import get_finders
from django.core.management import call_command
from django.core.management.base import BaseCommand
from django.db import OperationalError, connection
from django.db.migrations.executor import MigrationExecutor

from seedance_saas import env
from seedance_saas.processes import Process

STOP_SECONDS_MAX = 8.5  # the worker takes up to 8
LOOK_SECONDS = 0.2
IMPATIENT_SECONDS = 20
LOG_BYTES_MAX = 10_000_000
LOGS = settings.DATA_DIR / "logs"


class Command(BaseCommand):
    help = "Prepare what is not yet prepared, then serve everything on this machine until Ctrl-C."
    requires_system_checks = []  # the database may still be empty

    def handle(self, *args: Any, **options: Any) -> None:
        self.signals = 0
        host = env.text("HOST", "127.0.0.1")
        try:
            _require_free_port(host, settings.PORT, "choose another: make run PORT=8100")
            simulator = urlsplit(settings.SIMULATOR_URL)
            _require_free_port(
                *(simulator.hostname or "", simulator.port or 80),
                "choose another PORT: the simulator takes the next one",
            )
            LOGS.mkdir(parents=True, exist_ok=True)
            with _alone(settings.DATA_DIR / "run.lock"):
                self._prepare()
        except OSError as error:
            sys.exit(f"error: {error.filename or settings.DATA_DIR}: {error.strerror}.")
        except KeyboardInterrupt:
            sys.exit(130)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._note_signal)
        processes = _processes(host, simulator.netloc)
        self._serve(processes, host)
        self._stop(processes)

    def _note_signal(self, number: int, frame: FrameType | None) -> None:
        self.signals += 1

    def _prepare(self) -> None:
        try:
            executor = MigrationExecutor(connection)
        except OperationalError as error:
            where = "The embedded database" if settings.EMBEDDED else "The database at DATABASE_URL"
            sys.exit(f"error: {where} cannot be reached: {str(error).splitlines()[0]}.")
        if executor.migration_plan(executor.loader.graph.leaf_nodes()):
            self.stdout.write("Preparing the database ...")
            call_command("migrate", verbosity=0, interactive=False)
        collected = settings.STATIC_ROOT / ".collected"
        if not collected.exists() or collected.read_text() != _digest_of_static_files():
            self.stdout.write("Preparing the static files ...")
            call_command("collectstatic", verbosity=0, interactive=False)
            collected.write_text(_digest_of_static_files())
        call_command("seed_demo", stdout=io.StringIO())  # the banner says it
        connection.close()

    def _serve(self, processes: list[Process], host: str) -> None:
        self.stdout.write("Starting ...")
        announced, patience_until = False, time.monotonic() + IMPATIENT_SECONDS
        while not self.signals:
            for process in processes:
                if process.has_ended():
                    self.stdout.write(
                        f"{process.name}: ended with code {process.exit_code} and is started"
                        f" again; see {_short(LOGS / process.name)}.log."
                    )
                if process.is_due():
                    process.start()
            if not announced:
                why_not = _why_not_ready(host)
                if why_not is None:
                    if settings.STRIPE_SIMULATED:
                        call_command("stripe_setup", stdout=io.StringIO())
                    self._announce()
                    announced = True
                elif time.monotonic() > patience_until:
                    self.stdout.write(f"Not ready yet: {why_not} See {_short(LOGS)}.")
                    patience_until = time.monotonic() + IMPATIENT_SECONDS
            time.sleep(LOOK_SECONDS)

    def _announce(self) -> None:
        demo = dict(
            line.split("=", 1)
            for line in (settings.DATA_DIR / "demo.env").read_text().splitlines()
            if "=" in line
        )
        self.stdout.write(
            f"\n  Ready at    {settings.PUBLIC_URL}\n"
            f"  Sign in as  {demo['SEEDANCE_DEMO_EMAIL']}"
            f"  with the password  {demo['SEEDANCE_DEMO_PASSWORD']}\n"
            f"  API key     in {_short(settings.DATA_DIR / 'demo.env')}\n"
            f"  Operators   {settings.PUBLIC_URL}/{settings.OPERATOR_PATH}/"
            "  (manage.py createsuperuser makes one)\n"
            f"  Logs        in {_short(LOGS)}\n"
            "  Ctrl-C stops everything.\n"
        )
        self.stdout.flush()

    def _stop(self, processes: list[Process]) -> None:
        self.stdout.write("Stopping ...")
        for process in processes:
            process.ask_to_stop()
        deadline = time.monotonic() + STOP_SECONDS_MAX
        # A second Ctrl-C wants it now.
        while self.signals < 2 and time.monotonic() < deadline:
            if not [p for p in processes if p.popen and not p.has_ended()]:
                break
            time.sleep(0.05)
        for process in processes:
            process.kill()
        self.stdout.write("Stopped.")


def _processes(host: str, simulator_netloc: str) -> list[Process]:
    os.environ["PYTHONUNBUFFERED"] = "1"  # for the logs: mail, too, goes there by default
    manage = [sys.executable, str(settings.BASE_DIR / "manage.py")]
    web = [
        *(sys.executable, "-m", "gunicorn", "seedance_saas.wsgi", "--no-control-socket"),
        *("--bind", f"{_bracketed(host)}:{settings.PORT}", "--graceful-timeout", "5"),
        *("--worker-class", "gthread", "--workers", "2", "--threads", "4"),
    ]
    name, _, port = simulator_netloc.rpartition(":")
    if settings.STRIPE_SIMULATED:
        # So that what it tells us is signed with what we believe.
        os.environ["SIMULATOR_STRIPE_WEBHOOK_SECRET"] = settings.STRIPE_WEBHOOK_SECRETS[0]
    simulator = [
        *(sys.executable, "-m", "seedance_saas.simulators", "--host", name, "--port", port),
        *("--data-dir", str(settings.DATA_DIR / "simulator")),
    ]
    commands = {
        "web": web,
        "worker": [*manage, "worker"],
        "clock": [*manage, "clock"],
        "simulator": simulator,  # sandboxes need it whatever keys there are
    }
    for name in commands:
        log = LOGS / f"{name}.log"
        if log.exists() and log.stat().st_size > LOG_BYTES_MAX:
            log.replace(log.with_suffix(".log.1"))
    return [
        # Should we be killed, each of them stops in good order by itself.
        Process(
            name,
            command,
            death_signal=signal.SIGTERM,
            directory=settings.BASE_DIR,
            log=LOGS / f"{name}.log",
        )
        for name, command in commands.items()
    ]


def _require_free_port(host: str, port: int, how_to_change: str) -> None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        socket.create_server((host, port), family=family).close()
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            sys.exit(f"error: port {port} is in use. Stop what uses it, or {how_to_change}.")
        where = f"{_bracketed(host)}:{port}"
        why = os.strerror(error.errno) if error.errno and error.errno > 0 else "unknown name"
        sys.exit(f"error: cannot listen on {where}: {why.lower()}.")


def _why_not_ready(host: str) -> str | None:
    """What GET /readyz finds missing; None when all is there."""
    here = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - asked, not bound
    asking = http.client.HTTPConnection(here, settings.PORT, timeout=2)
    try:
        asking.request("GET", "/readyz", headers={"Host": urlsplit(settings.PUBLIC_URL).netloc})
        response = asking.getresponse()
        body = response.read()
        if response.status == http.HTTPStatus.OK:
            return None
        return str(json.loads(body)["error"]["message"])
    except (OSError, http.client.HTTPException):
        return "the web server does not answer."
    except (ValueError, KeyError, TypeError):
        return f"/readyz answers {response.status}."
    finally:
        asking.close()


def _digest_of_static_files() -> str:
    digest = hashlib.sha256()
    for finder in get_finders():
        for path, storage in finder.list([]):
            status = Path(storage.path(path)).stat()
            digest.update(f"{path} {status.st_size} {status.st_mtime_ns}\n".encode())
    return digest.hexdigest()


@contextlib.contextmanager
def _alone(lock: Path) -> Iterator[None]:
    """Two starts at the same time prepare one after the other."""
    with lock.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _short(path: Path) -> str:
    """As seen from where the command was given, if that is shorter."""
    return min(str(path), os.path.relpath(path), key=len)

"""`manage.py run`: from nothing to a product that answers, and back to nothing."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

from tests.kernel.programs import alone_in, descendants, is_alive, manage, wait_until
from tests.settings import ROOT


def two_free_ports() -> int:
    """The first of two: one for the web server, the next one for the simulator."""
    while True:
        with socket.create_server(("127.0.0.1", 0)) as first:
            port: int = first.getsockname()[1]
            if port < 65_534:
                try:
                    socket.create_server(("127.0.0.1", port + 1)).close()
                except OSError:
                    continue
                return port


def refusal(tmp_path: Path, **environment: str) -> str:
    """What `run` says when it ends with code 1, without a traceback."""
    done = subprocess.run(
        [sys.executable, str(ROOT / "manage.py"), "run"],
        env={
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "seedance_saas.settings",
            "DATA_DIR": str(tmp_path / "data"),
            **environment,
        },
        capture_output=True,
        check=False,
        text=True,
        timeout=30,
    )
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1, done.stderr
    return done.stderr.strip()


def test_a_busy_port_is_named(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as busy:
        port = busy.getsockname()[1]

        assert refusal(tmp_path, PORT=str(port)) == (
            f"error: port {port} is in use. Stop what uses it, or choose another: make run PORT=8100."
        )


def test_the_simulators_busy_port_is_named(tmp_path: Path) -> None:
    port = two_free_ports()
    with socket.create_server(("127.0.0.1", port + 1)):
        assert refusal(tmp_path, PORT=str(port)) == (
            f"error: port {port + 1} is in use. Stop what uses it,"
            " or choose another PORT: the simulator takes the next one."
        )


def test_a_database_that_is_away_is_named_without_its_password(tmp_path: Path) -> None:
    said = refusal(
        tmp_path, PORT=str(two_free_ports()), DATABASE_URL="postgres://u:pass-word@127.0.0.1:1/x"
    )

    assert said.startswith("error: The database at DATABASE_URL cannot be reached: ")
    assert "pass-word" not in said


def test_a_bad_value_is_named(tmp_path: Path) -> None:
    assert refusal(tmp_path, PORT="many") == "error: PORT must be a whole number, not 'many'."


def test_a_folder_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    (tmp_path / "data").touch()

    said = refusal(tmp_path, PORT=str(two_free_ports()), DATABASE_URL="")

    assert said == f"error: The embedded database cannot use {tmp_path}/data: File exists."


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_from_nothing_to_ready_and_back(tmp_path: Path) -> None:
    port, log = two_free_ports(), tmp_path / "log"
    with manage("run", environment=alone_in(tmp_path / "data", port), log=log) as program:
        assert wait_until(lambda: "Ready at" in log.read_text(), seconds=60), log.read_text()
        said = log.read_text()
        assert f"Ready at    http://127.0.0.1:{port}\n" in said
        assert re.search(r"Sign in as  demo@example.com  with the password  \S{8,}\n", said)
        assert httpx.get(f"http://127.0.0.1:{port}/readyz").json() == {"status": "ready"}
        assert httpx.get(f"http://127.0.0.1:{port}/accounts/login/").status_code == 200
        secret = tmp_path / "data" / "secret_key"
        assert secret.stat().st_mode & 0o777 == 0o600

        for child in descendants(program.pid)[:4]:
            os.kill(child, signal.SIGKILL)
        assert wait_until(lambda: log.read_text().count("is started again") == 4, seconds=20)
        assert wait_until(lambda: _is_ready(port), seconds=30), log.read_text()

        family = descendants(program.pid)
        asked_at = time.monotonic()
        program.send_signal(signal.SIGINT)
        program.wait(15)

        assert time.monotonic() - asked_at < 10
        assert program.returncode == 0
        assert not any(is_alive(pid) for pid in family)
        assert not (tmp_path / "data" / "postgres" / "postmaster.pid").exists()
        assert "Traceback" not in log.read_text()
        assert log.read_text().endswith("Stopping ...\nStopped.\n")


def _is_ready(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/readyz").status_code == 200
    except httpx.TransportError:
        return False

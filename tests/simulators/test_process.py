"""`python -m seedance_saas.simulators` as a process."""

import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

from seedance_saas.simulators.__main__ import parse
from tests.simulators.conftest import TEXT, wait_until


def test_it_says_one_line_and_ends_at_once_even_while_it_renders(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "seedance_saas.simulators", "--port", str(port)]
    command += ["--data-dir", str(tmp_path), "--work-seconds", "0"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == f"simulators: {url} (work 0 s, {tmp_path})\n"
        wait_until(lambda: _answers(url), 10)
        body = {"model": TEXT, "input": {"prompt": "A kite simulate: seconds 60"}}
        job_id = httpx.post(
            f"{url}/eachlabs/v1/prediction", json=body, headers={"X-API-Key": "k"}
        ).json()["id"]
        with pytest.raises(httpx.ReadTimeout):
            httpx.get(f"{url}/cdn/{job_id}.mp4", timeout=0.3)
        started = time.monotonic()
        process.send_signal(signal.SIGTERM)
        process.wait(10)
        assert time.monotonic() - started < 5  # the film would take longer
        assert process.stdout.read() == ""
    finally:
        process.kill()
        process.communicate()


def _answers(url: str) -> bool:
    try:
        return httpx.get(url).status_code == 200
    except httpx.TransportError:
        return False


def test_options_come_from_the_environment_and_the_command_line_wins(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SIMULATOR_PORT", "9001")
    monkeypatch.setenv("SIMULATOR_WORK_SECONDS", "1.5")
    monkeypatch.setenv("SIMULATOR_OPEN_1080P", "true")

    config = parse(["--work-seconds", "2"])

    assert (config.port, config.work_seconds, config.open_1080p) == (9001, 2.0, True)
    assert config.names == {"media.example.com": "http://127.0.0.1:9000"}
    assert parse(["--names", "a.org=http://b"]).names == {"a.org": "http://b"}

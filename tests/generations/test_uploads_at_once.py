"""The web server's memory stays flat while many large files arrive at once."""

import http.client
import os
import re
import socket
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from accounts import api_keys
from generations.models import StoredFile, Upload
from tests.generations.files import atom, picture, video
from tests.kernel.programs import descendants, on_test_database, wait_until
from tests.settings import ROOT

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]
FILES, SIZE = 50, 30_000_000
GROWN_BYTES_MAX = 40_000_000
BOUNDARY = "----boundary"


def peak_bytes(pid: int) -> int:
    found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    assert found
    return int(found[1]) * 1024


def body(content: bytes) -> bytes:
    head = (
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n'
        "Content-Type: application/octet-stream\r\n\r\n"
    )
    return head.encode() + content + f"\r\n--{BOUNDARY}--\r\n".encode()


def send(port: int, secret: str, content: bytes) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=300)
    connection.request(
        "POST",
        "/api/v1/uploads",
        content,
        {
            "Authorization": f"Bearer {secret}",
            "Content-Type": f"multipart/form-data; boundary={BOUNDARY}",
        },
    )
    status = connection.getresponse().status
    connection.close()
    return status


def test_fifty_files_of_thirty_megabytes(make_organization: Any, tmp_path: Path) -> None:
    acme = make_organization()
    _, secret = api_keys.issue(acme, "test")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    log = (tmp_path / "log").open("wb")
    server = subprocess.Popen(
        [
            *(sys.executable, "-m", "gunicorn", "seedance_saas.wsgi", "--no-control-socket"),
            *("--bind", f"127.0.0.1:{port}", "--timeout", "300"),
            *("--worker-class", "gthread", "--workers", "2", "--threads", "4"),
        ],
        env={**os.environ, **on_test_database(), "PYTHONPATH": str(ROOT)},
        cwd=ROOT,
        stdout=log,
        stderr=subprocess.STDOUT,
    )
    still = picture()
    still = body(still + bytes(SIZE - len(still)))
    film = video()
    film = body(film + atom(b"free", bytes(SIZE - len(film) - 8)))
    try:
        assert wait_until(lambda: len(descendants(server.pid)) >= 2, seconds=20)
        small = body(picture("PNG"))
        assert wait_until(lambda: _ready(port), seconds=20)
        for _ in range(20):  # each worker has done all that it does once
            assert send(port, secret, small) == 201
        workers = descendants(server.pid)
        before = {pid: peak_bytes(pid) for pid in workers}

        with ThreadPoolExecutor(FILES) as pool:
            content = [still if number % 2 else film for number in range(FILES)]
            statuses = list(pool.map(lambda one: send(port, secret, one), content))

        assert statuses == [201] * FILES, (tmp_path / "log").read_text()[-3000:]
        grown = {pid: peak_bytes(pid) - before[pid] for pid in workers}
        print(f"grown by at most {max(grown.values()):,} bytes, from {max(before.values()):,}")  # noqa: T201
        assert max(grown.values()) < GROWN_BYTES_MAX
        assert Upload.objects.count() == FILES + 20
        assert StoredFile.objects.count() == 3
    finally:
        server.terminate()
        server.wait(30)
        log.close()
        for row in StoredFile.objects.all():
            (ROOT / ".data" / "test" / "media" / row.name).unlink(missing_ok=True)


def _ready(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/healthz")
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()

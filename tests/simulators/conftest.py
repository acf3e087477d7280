"""A simulator that works in no time, a client of its EachLabs, and a receiver of webhooks."""

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx
import pytest

from seedance_saas.simulators.config import SimulatorConfig
from seedance_saas.simulators.thread import SimulatorThread

TEXT = "bytedance-seedance-2-0-text-to-video"
IMAGE = "bytedance-seedance-2-0-image-to-video"
REFERENCE = "bytedance-seedance-2-0-reference-to-video"


@dataclass
class Received:
    headers: dict[str, str]
    body: bytes


@dataclass
class Receiver:
    """Keeps what is posted to `url`; answers with `statuses` in turn, then 200."""

    url: str
    statuses: list[int] = field(default_factory=list)
    posts: list[Received] = field(default_factory=list)

    def wait_for(self, count: int) -> list[Received]:
        wait_until(lambda: len(self.posts) >= count)
        return self.posts


def wait_until(holds: Callable[[], bool], seconds: float = 20.0) -> None:
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.01)


@pytest.fixture(scope="session")
def running_simulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimulatorThread]:
    folder = tmp_path_factory.mktemp("simulators")
    config = SimulatorConfig(folder, work_seconds=0, webhook_retry_seconds=0.1)
    with SimulatorThread(config) as simulator:
        yield simulator


@pytest.fixture
def simulator(running_simulator: SimulatorThread) -> SimulatorThread:
    """As new: without jobs, every knob turned back."""
    running_simulator.reset()
    return running_simulator


@pytest.fixture
def api(simulator: SimulatorThread) -> Iterator[httpx.Client]:
    with httpx.Client(
        base_url=f"{simulator.url}/eachlabs",
        headers={"X-API-Key": "k1"},
        timeout=20,
        trust_env=False,
        verify=False,  # noqa: S501 (loading certificates is slow, and nothing here uses them)
    ) as client:
        yield client


Create = Callable[..., httpx.Response]


@pytest.fixture
def create(api: httpx.Client) -> Create:
    """create(prompt, model=…, webhook_url=…, **input) posts a prediction."""

    def post(
        prompt: str = "A red kite",
        *,
        model: str = TEXT,
        webhook_url: str | None = None,
        webhook_secret: str | None = None,
        **given: Any,
    ) -> httpx.Response:
        body: dict[str, Any] = {"model": model, "version": "0.0.1"}
        body["input"] = {"prompt": prompt, "duration": "4", "resolution": "480p"} | given
        if webhook_url is not None:
            body["webhook_url"] = webhook_url
        if webhook_secret is not None:
            body["webhook_secret"] = webhook_secret
        return api.post("/v1/prediction", json=body)

    return post


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    box = Receiver("")

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            status = box.statuses.pop(0) if box.statuses else 200
            box.posts.append(Received(dict(self.headers), body))
            self.send_response(status)
            self.end_headers()
            self.wfile.write(b"seen")

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    box.url = f"http://127.0.0.1:{server.server_port}/hook"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield box
    server.shutdown()
    thread.join()
    server.server_close()

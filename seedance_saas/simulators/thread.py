"""A simulator in a thread of one's own process: for tests and small demonstrations."""

import copy
import http.client
import socket
import threading
from types import TracebackType
from typing import Self

import uvicorn

from seedance_saas.simulators.app import create_app
from seedance_saas.simulators.config import SimulatorConfig

START_SECONDS, STOP_SECONDS = 10, 10


class SimulatorThread:
    """`with SimulatorThread(config) as simulator:` serves at `simulator.url` until the block ends.

    `simulator.config` may be changed meanwhile; each request reads it anew. `reset` takes everything
    back, so that many tests can share one.
    """

    def __init__(self, config: SimulatorConfig) -> None:
        self.config = config
        # asyncio turns Nagle's delay off only where the protocol is named; it would cost 40 ms a request.
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._socket.bind((config.host, config.port))
        config.port = self._socket.getsockname()[1]
        self._initial = copy.deepcopy(vars(config))
        self._server = uvicorn.Server(uvicorn_config(config))
        self._thread = threading.Thread(
            target=self._server.run, kwargs={"sockets": [self._socket]}, daemon=True
        )

    @property
    def url(self) -> str:
        return self.config.url

    def reset(self) -> None:
        """Forget all jobs and webhooks and turn every knob back."""
        vars(self.config).update(copy.deepcopy(self._initial))
        connection = http.client.HTTPConnection(self.config.host, self.config.port, timeout=10)
        connection.request("POST", "/reset")
        assert connection.getresponse().status == 200
        connection.close()

    def __enter__(self) -> Self:
        self._thread.start()
        for _ in range(START_SECONDS * 200):
            if self._server.started:
                return self
            if not self._thread.is_alive():
                break
            self._thread.join(0.005)
        raise RuntimeError("The simulator did not start.")

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._server.should_exit = True
        self._thread.join(STOP_SECONDS)
        self._socket.close()


def uvicorn_config(config: SimulatorConfig) -> uvicorn.Config:
    return uvicorn.Config(
        create_app(config),
        host=config.host,
        port=config.port,
        log_config=None,
        access_log=False,
        log_level="warning",
        http="h11",
        ws="none",
        timeout_graceful_shutdown=1,
        proxy_headers=False,
        server_header=False,
    )

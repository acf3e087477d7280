"""A simulator in a thread of one's own process: for tests and small demonstrations."""

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

    `simulator.config` may be changed meanwhile; each request reads it anew.
    """

    def __init__(self, config: SimulatorConfig) -> None:
        self.config = config
        self._socket = socket.create_server((config.host, config.port), backlog=128)
        config.port = self._socket.getsockname()[1]
        self._server = uvicorn.Server(uvicorn_config(config))
        self._thread = threading.Thread(
            target=self._server.run, kwargs={"sockets": [self._socket]}, daemon=True
        )

    @property
    def url(self) -> str:
        return self.config.url

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
        http="h11",
        ws="none",
        timeout_graceful_shutdown=1,
        proxy_headers=False,
        server_header=False,
    )

"""A transport whose every wait ends at one moment: connecting, TLS, headers and body share what is left.

A time-out per read is no limit: who sends a byte every ten seconds is never late.
"""

import ssl
import time
from collections.abc import Iterable, Iterator
from functools import cache
from typing import Any

import httpcore
import httpx

Late = httpcore.ReadTimeout  # nothing came in time, or the moment has come
# What may happen on the wire; httpcore's errors have no common ancestor.
FAULTS = (
    httpcore.TimeoutException,
    httpcore.NetworkError,
    httpcore.ProtocolError,
    httpcore.UnsupportedProtocol,
)


@cache
def _trust() -> ssl.SSLContext:
    """Reading the certificates takes a tenth of a second: once per process."""
    return httpx.create_ssl_context(trust_env=False)


class Transport(httpx.BaseTransport):
    """One connection, closed with it. Raises FAULTS, among them Late."""

    def __init__(self, deadline: float, *, connect_seconds: float, read_seconds: float) -> None:
        """`deadline` is a moment of time.monotonic()."""
        self._pool = httpcore.ConnectionPool(
            ssl_context=_trust(), network_backend=_Network(deadline), max_connections=1
        )
        self._timeout = {"connect": connect_seconds, "read": read_seconds, "write": read_seconds}

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        response = self._pool.handle_request(
            httpcore.Request(
                request.method,
                httpcore.URL(str(request.url)),
                headers=request.headers.raw,
                content=request.stream,
                extensions={**request.extensions, "timeout": self._timeout},
            )
        )
        return httpx.Response(
            response.status, headers=response.headers, stream=_Body(response.stream)
        )

    def close(self) -> None:
        self._pool.close()


class _Body(httpx.SyncByteStream):
    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def __iter__(self) -> Iterator[bytes]:
        yield from self._stream

    def close(self) -> None:
        self._stream.close()


def _left(deadline: float, at_most: float | None) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise Late("The moment has come.")
    return left if at_most is None else min(left, at_most)


class _Network(httpcore.NetworkBackend):
    def __init__(self, deadline: float) -> None:
        self._deadline = deadline
        self._inner = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        stream = self._inner.connect_tcp(
            host, port, _left(self._deadline, timeout), local_address, socket_options
        )
        return _Stream(stream, self._deadline)


class _Stream(httpcore.NetworkStream):
    def __init__(self, inner: httpcore.NetworkStream, deadline: float) -> None:
        self._inner, self._deadline = inner, deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._inner.read(max_bytes, _left(self._deadline, timeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._inner.write(buffer, _left(self._deadline, timeout))

    def close(self) -> None:
        self._inner.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.NetworkStream:
        wait = _left(self._deadline, timeout)
        return _Stream(self._inner.start_tls(ssl_context, server_hostname, wait), self._deadline)

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)

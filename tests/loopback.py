"""A wall around this machine: a test that would reach the internet fails, wherever it runs."""

import ipaddress
import socket
from collections.abc import Iterator
from typing import Any

import pytest

_connect = socket.socket.connect
_connect_ex = socket.socket.connect_ex
_getaddrinfo = socket.getaddrinfo


@pytest.fixture(scope="session", autouse=True)
def loopback_only() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket.socket, "connect", _guarded_connect)
        patch.setattr(socket.socket, "connect_ex", _guarded_connect_ex)
        patch.setattr(socket, "getaddrinfo", _guarded_getaddrinfo)
        yield


def _is_here(host: object) -> bool:
    if host is None or host in {"", b"", "localhost", b"localhost"}:
        return True
    try:
        return ipaddress.ip_address(host if isinstance(host, str) else "").is_loopback
    except ValueError:
        return False


def _refuse_elsewhere(connecting: socket.socket, address: Any) -> None:
    if connecting.family != socket.AF_UNIX and not _is_here(address[0]):
        raise RuntimeError(f"A test tried to reach {address}.")


def _guarded_connect(self: socket.socket, address: Any) -> None:
    _refuse_elsewhere(self, address)
    _connect(self, address)


def _guarded_connect_ex(self: socket.socket, address: Any) -> int:
    _refuse_elsewhere(self, address)
    return _connect_ex(self, address)


def _guarded_getaddrinfo(host: Any, *args: Any, **kwargs: Any) -> Any:
    """No name is asked of a DNS server; an address needs none."""
    if not _is_here(host):
        try:
            ipaddress.ip_address(host)
        except ValueError:
            raise socket.gaierror(socket.EAI_NONAME, "Tests do not ask DNS.") from None
    return _getaddrinfo(host, *args, **kwargs)

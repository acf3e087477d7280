"""Whatever a stranger names, nothing of ours is reached: real names, real sockets, a canary on loopback.

Every connection to a loopback, private or unspecified address, whatever its port, ends at the canary.
"""

import io
import socket
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import quote, unquote

import pytest

from seedance_saas import http
from seedance_saas.http import FetchFailed, fetch
from tests.kernel.dns import NameServer

PUBLIC = "93.184.216.34"  # where the honest server seems to be


class Servers:
    """The honest server and the canary; `connected` is every address that was connected to."""

    def __init__(self) -> None:
        self.honest = _server(_Honest)
        self.canary = _server(_Canary)
        self.connected: list[str] = []
        self.connect = socket.socket.connect

    def guarded(self, connecting: socket.socket, address: Any) -> None:
        host = str(address[0])
        self.connected.append(host)
        server = self.honest if host == PUBLIC else self.canary
        self.connect(connecting, ("127.0.0.1", server.server_port))

    def stop(self) -> None:
        for server in (self.honest, self.canary):
            server.shutdown()
            server.server_close()


def _server(handler: type[BaseHTTPRequestHandler]) -> ThreadingHTTPServer:
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    serve = {"poll_interval": 0.02}
    threading.Thread(target=server.serve_forever, kwargs=serve, daemon=True).start()
    return server


class _Honest(BaseHTTPRequestHandler):
    """/file is a file, /to/<address> redirects there, /drip-… never ends."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        if self.path.startswith("/to/"):
            self.send_response(302)
            self.send_header("Location", unquote(self.path[4:]))
            self.send_header("Content-Length", "0")
            self.end_headers()
        elif self.path == "/drip-headers":
            self._drip(b"HTTP/1.1 200 OK\r\nX-Slow: ")
        elif self.path == "/drip-body":
            self._drip(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
        elif self.path == "/silent":
            self.rfile.read(1)
        else:
            self.send_response(200)
            self.send_header("Content-Length", "3")
            self.end_headers()
            self.wfile.write(b"abc")

    def _drip(self, start: bytes) -> None:
        self.wfile.write(start)
        self.close_connection = True
        for _ in range(1000):
            try:
                self.wfile.write(b"a")
                self.wfile.flush()
            except OSError:
                return
            time.sleep(0.02)

    def log_message(self, format: str, *args: Any) -> None:
        pass


class _Canary(_Honest):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "6")
        self.end_headers()
        self.wfile.write(b"secret")


NAMES = {
    "honest.example": [[PUBLIC]],
    "rebind.example": [[PUBLIC], ["127.0.0.1"]],
    "loopback.example": [["127.0.0.1"]],
    "private.example": [["10.0.0.1"]],
    "metadata.example": [["169.254.169.254"]],
    "shared.example": [["100.64.0.1"]],
    "zero.example": [["0.0.0.0"]],  # noqa: S104 (an answer, not a place to listen at)
    "multicast.example": [["224.0.0.1"]],
    "six.example": [["::1"]],
    "mapped.example": [["::ffff:127.0.0.1"]],
    "nat64.example": [["64:ff9b::7f00:1"]],
    "sixtofour.example": [["2002:7f00:1::1"]],
    "unique.example": [["fd00::1"]],
    "mixed.example": [[PUBLIC, "127.0.0.1"]],
    "mixed-the-other-way.example": [["127.0.0.1", PUBLIC]],
}


@pytest.fixture(scope="module")
def both() -> Iterator[Servers]:
    servers = Servers()
    yield servers
    servers.stop()


@pytest.fixture
def servers(both: Servers, monkeypatch: pytest.MonkeyPatch, settings: Any) -> Servers:
    both.connected.clear()
    monkeypatch.setattr(
        socket.socket, "connect", lambda connecting, address: both.guarded(connecting, address)
    )
    settings.SIMULATED_INTERNET_URL, settings.FETCH_HTTP = "", True
    return both


@pytest.fixture
def dns(servers: Servers, monkeypatch: pytest.MonkeyPatch) -> Iterator[NameServer]:
    with NameServer().running() as server:
        server.names = dict(NAMES)
        system = socket.getaddrinfo

        def look_up(host: Any, port: Any, *args: Any, **kwargs: Any) -> Any:
            """A socket that connects looks its address up once more; an address needs no server."""
            if args or "family" in kwargs or host == PUBLIC:
                return system(host, port, *args, **kwargs)
            return server.getaddrinfo(host, port, **kwargs)

        monkeypatch.setattr(socket, "getaddrinfo", look_up)
        yield server


def get(url: str, *, seconds_max: float = 10) -> bytes:
    into = io.BytesIO()
    fetch(url, into, bytes_max=1000, seconds_max=seconds_max)
    return into.getvalue()


# Hosts that lead, or would like to lead, inside. Each is tried plainly and as the aim of a redirect.
HOSTS = [
    # IPv4, in every spelling that inet_aton reads
    "127.0.0.1", "127.0.0.2", "127.255.255.254", "127.1", "127.0.1", "2130706433", "017700000001",
    "0x7f000001", "0x7f.1", "0x7f.0.0.1", "0177.0.0.1", "0177.0.0.01", "127.0x0.0.1", "00000177.1",
    "0", "0.0.0.0", "0x0", "127.0.0.1.",  # noqa: S104 (an aim, not a place to listen at)
    "10.0.0.1", "10.1", "172.16.0.1", "172.31.255.254",
    "192.168.0.1", "3232235521", "0xC0A80001", "169.254.169.254", "2852039166", "0xa9fea9fe",
    "0251.0376.0251.0376", "100.64.0.1", "100.100.100.200", "168.63.129.16", "192.0.0.192",
    "224.0.0.1", "239.255.255.250", "255.255.255.255", "198.18.0.1", "240.0.0.1",
    # digits and dots of other scripts, which become the plain ones
    "①②⑦.⓪.⓪.①", "１２７.0.0.1", "127。0。0。1", "127．0．0．1", "127｡0｡0｡1", "ⅼoopback.example",
    # IPv6, and IPv4 inside it
    "[::1]", "[::]", "[0:0:0:0:0:0:0:1]", "[0000::0001]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]",
    "[::127.0.0.1]", "[::ffff:0:127.0.0.1]", "[64:ff9b::127.0.0.1]", "[64:ff9b:1::7f00:1]",
    "[2002:7f00:1::]", "[2001:0:0:0:0:0:80ff:fffe]", "[fe80::1]", "[fe80::1%25lo]", "[fc00::1]",
    "[fd00:ec2::254]", "[fec0::1]", "[ff02::1]", "[ff0e::1]", "[2001:db8::1]", "[::ffff:a9fe:a9fe]",
    # names whose answers lead inside
    *(name for name in NAMES if name not in {"honest.example", "rebind.example"}),
    "LOOPBACK.example", "loopback.example.", "localhost", "localhost.localdomain",
]  # fmt: skip
URLS = [f"http://{host}/" for host in HOSTS] + [
    # user names, which hide the host, and characters on which parsers disagree
    "http://honest.example@127.0.0.1/",
    "http://honest.example:80@127.0.0.1/",
    "http://@127.0.0.1/",
    "http://:@honest.example/",
    "http://127.0.0.1#@honest.example/",
    "http://127.0.0.1?@honest.example/",
    "http://127.0.0.1\\@honest.example/",
    "http://honest.example\\@127.0.0.1/",
    "http://127.0.0.1%2f@honest.example/",
    "http://127.0.0.1%00.honest.example/",
    "http://%31%32%37.0.0.1/",
    "http://127.0.0.1\t/",
    "http://127.0.0.1\r\nX-Injected: 1/",
    "ht\ntp://127.0.0.1/",
    "http:/\\127.0.0.1/",
    "http:127.0.0.1/",
    "http:///127.0.0.1/",
    "//127.0.0.1/",
    # other ports and other schemes
    "http://127.0.0.1:22/",
    "http://honest.example:22/",
    "http://honest.example:443/",
    "https://honest.example:80/",
    "http://honest.example:0/",
    "http://honest.example:65616/",
    "file:///etc/passwd",
    "ftp://127.0.0.1/",
    "gopher://127.0.0.1:6379/_INFO",
    "dict://127.0.0.1:11211/",
    "data:text/plain,secret",
    "jar:http://127.0.0.1!/",
    "netdoc:///etc/passwd",
    "unix:///var/run/docker.sock",
]


def test_the_canary_would_sing(
    servers: Servers, dns: NameServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http, "is_public", lambda address: True)

    assert get("http://127.0.0.1/") == b"secret"
    assert get("http://loopback.example/") == b"secret"
    assert servers.connected == ["127.0.0.1", "127.0.0.1"]


def test_an_honest_file_is_had(servers: Servers, dns: NameServer) -> None:
    assert get("http://honest.example/file") == b"abc"
    assert servers.connected == [PUBLIC]


@pytest.mark.parametrize("url", URLS)
def test_no_address_reaches_the_canary(servers: Servers, dns: NameServer, url: str) -> None:
    with pytest.raises(FetchFailed):
        get(url)

    assert servers.connected == []


@pytest.mark.parametrize("url", URLS)
def test_no_redirect_reaches_the_canary(servers: Servers, dns: NameServer, url: str) -> None:
    into = io.BytesIO()
    try:
        fetch(
            f"http://honest.example/to/{quote(url, safe='')}", into, bytes_max=1000, seconds_max=10
        )
    except FetchFailed:
        pass
    else:  # a relative address, which leads to where it came from
        assert into.getvalue() == b"abc"

    assert set(servers.connected) == {PUBLIC}


def test_a_name_whose_answer_changes_is_asked_once(servers: Servers, dns: NameServer) -> None:
    """The first answer is public, and every later one is loopback."""
    assert get("http://rebind.example/file") == b"abc"

    assert (dns.asked["rebind.example"], servers.connected) == (1, [PUBLIC])


def test_a_name_whose_answer_has_changed_is_refused(servers: Servers, dns: NameServer) -> None:
    assert get("http://rebind.example/file") == b"abc"

    with pytest.raises(FetchFailed, match="not public"):
        get("http://rebind.example/file")

    assert servers.connected == [PUBLIC]


def test_a_name_whose_answer_changes_between_two_redirects(
    servers: Servers, dns: NameServer
) -> None:
    with pytest.raises(FetchFailed, match="not public"):
        get("http://rebind.example/to/http%3A%2F%2Frebind.example%2Ffile")

    assert (dns.asked["rebind.example"], servers.connected) == (2, [PUBLIC])


@pytest.mark.parametrize("path", ["drip-headers", "drip-body", "silent"])
def test_a_slow_sender_is_left_at_the_deadline(
    servers: Servers, dns: NameServer, path: str
) -> None:
    started = time.monotonic()

    with pytest.raises(FetchFailed, match="too slow") as failed:
        get(f"http://honest.example/{path}", seconds_max=0.3)

    assert failed.value.retryable
    assert 0.25 < time.monotonic() - started < 5


def test_a_name_server_that_never_answers_is_left_at_the_deadline(
    servers: Servers, monkeypatch: pytest.MonkeyPatch
) -> None:
    is_over = threading.Event()

    def hang(*args: Any, **kwargs: Any) -> None:
        is_over.wait(30)
        raise socket.gaierror(socket.EAI_AGAIN, "nobody answered")

    monkeypatch.setattr(socket, "getaddrinfo", hang)
    monkeypatch.setattr(http, "LOOK_UP_SECONDS", 0.1)
    began = time.monotonic()

    with pytest.raises(FetchFailed, match="not found in time") as failed:
        fetch("https://slow.example/", io.BytesIO(), bytes_max=10, seconds_max=30)

    is_over.set()
    assert failed.value.retryable
    assert time.monotonic() - began < 5
    assert servers.connected == []


@pytest.mark.parametrize("allowed", [True, False])
def test_http_is_fetched_only_where_the_settings_say_so(
    servers: Servers, dns: NameServer, settings: Any, allowed: bool
) -> None:
    settings.FETCH_HTTP = allowed
    if allowed:
        assert get("http://honest.example/file") == b"abc"
        return

    with pytest.raises(FetchFailed, match=r"Only https:// addresses"):
        get("http://honest.example/file")

    assert servers.connected == []

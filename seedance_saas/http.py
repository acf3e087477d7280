"""Talks to whom strangers name: public addresses only, the checked address is the one connected to, with
a limit on redirects, bytes and time. Files come in by `fetch`, webhooks go out by `post`, and nothing
that a stranger names is reached in any other way."""

import hashlib
import ipaddress
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, BinaryIO
from urllib.parse import urljoin, urlsplit, urlunsplit

import httpx
from django.conf import settings

from seedance_saas import deadline

REDIRECTS_MAX = 3
LOOK_UP_SECONDS, CONNECT_SECONDS, READ_SECONDS = 5.0, 5.0, 20.0
ANSWER_BYTES_MAX = 64 * 1024  # of what a webhook's receiver says; the rest is not read
URL_LENGTH_MAX = 2048
PORTS = {"https": {None, 443}, "http": {None, 80}}
LATER = {408, 425, 429}  # the same address may answer in a moment
# What Python's registry, which changes with its version, may take for public and is not for strangers.
_RESERVED = [
    ipaddress.ip_network(network)
    for network in (
        "192.0.0.0/24",  # IETF protocols; a cloud's metadata service
        "192.88.99.0/24",  # 6to4 relays (RFC 7526)
        "168.63.129.16/32",  # a cloud's platform service, reachable only from inside it
        "2001::/23",  # IETF protocols, Teredo among them (RFC 2928)
        "2002::/16",  # 6to4: an IPv4 address inside (RFC 3056)
        "3fff::/20",  # documentation (RFC 9637)
    )
]
# All that is routed of IPv6. Outside of it are also the mapped (::ffff:0:0/96) and translated (64:ff9b::/96)
# forms of IPv4: a public server needs none of them, and who hides an address in one has a reason.
_GLOBAL_UNICAST = ipaddress.ip_network("2000::/3")
TRANSPORT: httpx.BaseTransport | None = None  # the wire; tests put another one here


class FetchFailed(Exception):
    """The file could not be had. `retryable`: the same address may answer later."""

    def __init__(self, message: str, *, retryable: bool = False) -> None:
        super().__init__(message)
        self.message, self.retryable = message, retryable


class FileTooLarge(FetchFailed):
    """It has more bytes than allowed, whatever it said before."""


@dataclass(frozen=True)
class Fetched:
    bytes: int
    sha256: str


@dataclass(frozen=True)
class Answer:
    """What a webhook's receiver said; `body` is its beginning."""

    status: int
    body: bytes


def what_is_wrong(url: object) -> str | None:
    """Why `url` can be nobody's public address, in words that follow the name of its field. None: it may be one.

    Nothing is looked up: where the name leads is asked when we connect, and again every time.
    """
    if not isinstance(url, str) or len(url) > URL_LENGTH_MAX:
        return f"must be a URL of at most {URL_LENGTH_MAX} characters."
    try:
        parts = urlsplit(url)
        host, port = (parts.hostname or "").rstrip("."), parts.port
    except ValueError:
        return "is not a valid URL."
    if parts.scheme not in schemes() or not host:
        allowed = " or ".join(f"{scheme}://" for scheme in schemes())
        return f"must be a public URL that begins with {allowed}."
    if port not in PORTS[parts.scheme]:
        return f"must use the usual port of {parts.scheme}://."
    if parts.username is not None or parts.password is not None:
        return "must not contain a user name or password."
    is_local = host == "localhost" or host.endswith((".localhost", ".local", ".internal"))
    if is_local or _is_private(host):
        return "must be reachable from the internet."
    return None


def _is_private(host: str) -> bool:
    """Of a literal address, also in the old forms of IPv4: 2130706433, 0x7f.1. A name is looked up later."""
    try:
        if ":" not in host:
            host = socket.inet_ntoa(socket.inet_aton(host))
        return not is_public(host)
    except (OSError, ValueError):
        return False


def schemes() -> tuple[str, ...]:
    """`https`, and `http` where the settings allow it."""
    return ("https", "http") if settings.FETCH_HTTP else ("https",)


def fetch(
    url: str, into: BinaryIO, *, bytes_max: int, seconds_max: float, below: str = ""
) -> Fetched:
    """Write what `url` answers into `into`. Raises FetchFailed, or FileTooLarge.

    What lies below the address `below` is reached although it is not public.
    No transaction may be open: this waits for a stranger.
    """
    ends = time.monotonic() + seconds_max
    for _ in range(REDIRECTS_MAX + 1):
        with _send("GET", url, ends=ends, below=below) as response:
            if response.has_redirect_location:
                url = _redirected(url, response.headers["location"])
                _refuse_if_past(ends)
                continue
            if response.status_code != httpx.codes.OK:
                raise FetchFailed(
                    f"The server answered {response.status_code}.",
                    retryable=response.status_code >= 500 or response.status_code in LATER,
                )
            return _write(response, into, bytes_max=bytes_max, ends=ends)
    raise FetchFailed(f"The server redirects more than {REDIRECTS_MAX} times.")


def post(url: str, content: bytes, headers: dict[str, str], *, seconds_max: float) -> Answer:
    """Send `content` once. A redirect is an answer like any other: it is not followed. Raises FetchFailed.

    No transaction may be open: this waits for a stranger.
    """
    ends = time.monotonic() + seconds_max
    with _send("POST", url, ends=ends, content=content, headers=headers) as response:
        body = b""
        for chunk in _chunks(response, ends):
            body += chunk[: ANSWER_BYTES_MAX - len(body)]
            if len(body) == ANSWER_BYTES_MAX:
                break
        return Answer(response.status_code, body)


def _redirected(url: str, location: str) -> str:
    try:
        return urljoin(url, location)
    except ValueError:
        raise FetchFailed("The server redirects to an address that is not valid.") from None


def _refuse_if_past(ends: float) -> None:
    if time.monotonic() > ends:
        raise FetchFailed("The server is too slow.", retryable=True)


def _chunks(response: httpx.Response, ends: float) -> Iterator[bytes]:
    """The body as it comes. Raw: no compressed stream is unpacked, so none can swell."""
    try:
        for chunk in response.iter_raw():
            _refuse_if_past(ends)
            yield chunk
    except deadline.Late:
        raise FetchFailed("The server is too slow.", retryable=True) from None
    except (httpx.HTTPError, *deadline.FAULTS):
        raise FetchFailed("The connection broke.", retryable=True) from None


def _write(response: httpx.Response, into: BinaryIO, *, bytes_max: int, ends: float) -> Fetched:
    if response.headers.get("content-encoding", "identity").strip().lower() != "identity":
        raise FetchFailed("The server compresses the file, although it was asked not to.")
    digest, size = hashlib.sha256(), 0
    for chunk in _chunks(response, ends):
        size += len(chunk)
        if size > bytes_max:
            raise FileTooLarge(f"The file is larger than {bytes_max:,} bytes.")
        digest.update(chunk)
        into.write(chunk)
    length = response.headers.get("content-length")
    if length is not None and length != str(size):
        raise FetchFailed("The file arrived incomplete.", retryable=True)
    return Fetched(size, digest.hexdigest())


@contextmanager
def _send(
    method: str,
    url: str,
    *,
    ends: float,
    content: bytes | None = None,
    headers: dict[str, str] | None = None,
    below: str = "",
) -> Iterator[httpx.Response]:
    address, ours, extensions = _target(url, below)
    sent = httpx.Headers(headers)
    sent.update(ours)
    transport = TRANSPORT or deadline.Transport(
        ends, connect_seconds=CONNECT_SECONDS, read_seconds=READ_SECONDS
    )
    # trust_env: a proxy of the environment would connect elsewhere than where we checked.
    with httpx.Client(transport=transport, trust_env=False) as client:
        try:
            request = client.build_request(
                method,
                address,
                content=content,
                headers=sent,
                extensions=extensions,
            )
            response = client.send(request, stream=True)
        except httpx.InvalidURL:
            raise FetchFailed("The address is not a valid URL.") from None
        except deadline.Late:
            raise FetchFailed("The server is too slow.", retryable=True) from None
        except (httpx.HTTPError, *deadline.FAULTS):
            raise FetchFailed("The server could not be reached.", retryable=True) from None
        try:
            yield response
        finally:
            response.close()


def _target(url: str, below: str) -> tuple[str, dict[str, str], dict[str, str]]:
    """Where to connect for `url`: the address that was checked, with the name in Host and in TLS."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise FetchFailed("The address is not a valid URL.") from None
    headers = {"Accept-Encoding": "identity", "User-Agent": "seedance-saas"}
    if below and url.startswith(f"{below}/"):
        return url, headers, {}
    if (
        parts.scheme not in schemes()
        or not host
        or port not in PORTS[parts.scheme]
        or parts.username is not None
        or parts.password is not None
    ):
        raise FetchFailed(
            f"Only {':// and '.join(schemes())}:// addresses on the usual port, without a user name, "
            "are fetched."
        )
    if settings.SIMULATED_INTERNET_URL:
        path = parts.path + (f"?{parts.query}" if parts.query else "")
        return f"{settings.SIMULATED_INTERNET_URL}/{host}{path}", headers, {}
    try:
        host = host.encode("idna").decode()
    except UnicodeError:
        raise FetchFailed("The address is not a valid URL.") from None
    netloc = _bracketed(public_address(host)) + (f":{port}" if port else "")
    pinned = urlunsplit((parts.scheme, netloc, parts.path or "/", parts.query, ""))
    return pinned, {**headers, "Host": _bracketed(host)}, {"sni_hostname": host}


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def public_address(host: str) -> str:
    """One address of `host`, all of which must be public, so that no second look-up can differ."""
    try:
        found = _look_up(host)
    except TimeoutError:
        raise FetchFailed("The name was not found in time.", retryable=True) from None
    except (socket.gaierror, UnicodeError):
        raise FetchFailed("The name has no address.", retryable=True) from None
    addresses = [str(entry[4][0]) for entry in found]
    if not all(is_public(address) for address in addresses):
        raise FetchFailed("The address is not public.")
    return addresses[0]


def _look_up(host: str) -> list[Any]:
    """As getaddrinfo. Raises TimeoutError: whoever names a host may own its name server, and the system waits for
    that as long as it likes. The thread that does wait holds up nobody."""
    found: Future[list[Any]] = Future()

    def look() -> None:
        try:
            found.set_result(socket.getaddrinfo(host, 443, type=socket.SOCK_STREAM))
        except BaseException as error:  # noqa: BLE001 (it is raised where it is waited for)
            found.set_exception(error)

    threading.Thread(target=look, daemon=True).start()
    return found.result(LOOK_UP_SECONDS)


def is_public(address: str) -> bool:
    """Reachable over the internet: not private, loopback, link-local, shared, multicast or a tunnel."""
    ip = ipaddress.ip_address(address.split("%")[0])
    if isinstance(ip, ipaddress.IPv6Address) and ip not in _GLOBAL_UNICAST:
        return False
    if any(ip in network for network in _RESERVED):
        return False
    return ip.is_global and not ip.is_multicast

"""What a stranger names is fetched from public addresses only, and only as much and as long as allowed."""

import io
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest

from seedance_saas import http
from seedance_saas.http import Answer, Fetched, FetchFailed, FileTooLarge, fetch, is_public, post

ADDRESS = "93.184.216.34"
SHA256_OF_ABC = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


@dataclass
class Internet:
    """Names with their addresses, and who answers there. `asked` is what was sent, in order."""

    names: dict[str, list[str]] = field(default_factory=dict)
    answer: Callable[[httpx.Request], httpx.Response] = lambda request: httpx.Response(404)
    asked: list[httpx.Request] = field(default_factory=list)
    seconds: float = 0.0

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        return self.answer(request)

    def look_up(self, host: str, port: int, **kwargs: Any) -> list[Any]:
        if host not in self.names:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return [(None, None, None, "", (address, port)) for address in self.names[host]]

    def monotonic(self) -> float:
        return self.seconds

    def serves(self, *chunks: bytes, **headers: str) -> None:
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        self.answer = lambda request: httpx.Response(
            200, headers=names, stream=Stream(iter(chunks))
        )

    def redirects_to(self, *locations: str) -> None:
        """The n-th request is redirected to the n-th of them; what comes after is served."""

        def answer(request: httpx.Request) -> httpx.Response:
            if len(self.asked) > len(locations):
                return httpx.Response(200, stream=Stream(iter([b"abc"])))
            return httpx.Response(302, headers={"Location": locations[len(self.asked) - 1]})

        self.answer = answer


class Stream(httpx.SyncByteStream):
    def __init__(self, chunks: Iterator[bytes]) -> None:
        self.chunks = chunks

    def __iter__(self) -> Iterator[bytes]:
        return self.chunks


@pytest.fixture
def internet(monkeypatch: pytest.MonkeyPatch, settings: Any) -> Internet:
    internet = Internet({"cdn.example": [ADDRESS]})
    settings.SIMULATED_INTERNET_URL = ""
    monkeypatch.setattr(http, "TRANSPORT", httpx.MockTransport(internet))
    monkeypatch.setattr(socket, "getaddrinfo", internet.look_up)
    monkeypatch.setattr(http, "time", internet)
    return internet


def get(url: str, *, bytes_max: int = 1000, below: str = "") -> tuple[Fetched, bytes]:
    into = io.BytesIO()
    return fetch(url, into, bytes_max=bytes_max, seconds_max=30, below=below), into.getvalue()


@pytest.mark.parametrize(
    "address",
    [
        "8.8.8.8",
        ADDRESS,
        "100.63.255.255",
        "100.128.0.0",
        "172.15.0.1",
        "172.32.0.1",
        "2606:4700:4700::1111",
        "2001:4860:4860::8888",
    ],
)
def test_a_public_address(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize(
    "address",
    [
        "0.0.0.0",  # noqa: S104  nobody listens here: it is a row of the table
        "0.1.2.3",
        "10.0.0.1",
        "127.0.0.1",
        "127.255.255.254",
        "169.254.0.1",
        "172.16.0.1",
        "172.31.255.255",
        "192.168.1.1",
        "100.64.0.1",
        "100.127.255.255",
        "192.0.2.1",
        "198.51.100.1",
        "203.0.113.1",
        "198.18.0.1",
        "192.0.0.1",
        "192.88.99.1",
        "224.0.0.1",
        "239.255.255.255",
        "240.0.0.1",
        "255.255.255.255",
        # metadata services
        "169.254.169.254",
        "100.100.100.200",
        "192.0.0.192",
        "168.63.129.16",
        "fd00:ec2::254",
        # IPv6
        "::",
        "::1",
        "fe80::1",
        "fe80::1%eth0",
        "fec0::1",
        "fc00::1",
        "fdff::1",
        "ff02::1",
        "ff0e::1",
        "100::1",
        "2001:db8::1",
        "3fff::1",
        "5f00::1",
        # IPv4 inside IPv6, whatever it is: mapped, compatible, translated, NAT64, 6to4, Teredo
        "::ffff:8.8.8.8",
        "64:ff9b::808:808",
        "2002:808:808::1",
        "::ffff:127.0.0.1",
        "::ffff:10.0.0.1",
        "::ffff:169.254.169.254",
        "::127.0.0.1",
        "::ffff:0:127.0.0.1",
        "64:ff9b::7f00:1",
        "64:ff9b::a9fe:a9fe",
        "64:ff9b:1::808:808",
        "2002:7f00:1::1",
        "2002:a9fe:a9fe::1",
        "2001:0:808:808:0:0:80ff:fffe",
    ],
)
def test_an_address_that_is_not_public(address: str) -> None:
    assert not is_public(address)


def test_a_file_is_written_measured_and_hashed(internet: Internet) -> None:
    internet.serves(b"a", b"bc", Content_Length="3")

    assert get("https://cdn.example/a.mp4") == (Fetched(3, SHA256_OF_ABC), b"abc")


def test_the_checked_address_is_connected_to_under_the_name_that_was_given(
    internet: Internet,
) -> None:
    internet.serves(b"abc")

    get("https://cdn.example:443/a%20b.mp4?x=1#part")

    (request,) = internet.asked
    assert str(request.url) == f"https://{ADDRESS}/a%20b.mp4?x=1"
    assert request.headers["Host"] == "cdn.example"
    assert request.extensions["sni_hostname"] == "cdn.example"
    assert request.headers["Accept-Encoding"] == "identity"


def test_an_ipv6_address_is_connected_to_in_brackets(internet: Internet) -> None:
    internet.names = {"2606:4700::1": ["2606:4700::1"]}
    internet.serves(b"abc")

    get("https://[2606:4700::1]/a.mp4")

    (request,) = internet.asked
    assert str(request.url) == "https://[2606:4700::1]/a.mp4"
    assert request.headers["Host"] == "[2606:4700::1]"
    assert request.extensions["sni_hostname"] == "2606:4700::1"


def test_a_name_with_umlauts_is_asked_for_in_its_ascii_form(internet: Internet) -> None:
    internet.names = {"xn--mnchen-3ya.example": [ADDRESS]}
    internet.serves(b"abc")

    get("https://münchen.example/straße.mp4")

    (request,) = internet.asked
    assert request.headers["Host"] == "xn--mnchen-3ya.example"
    assert str(request.url) == f"https://{ADDRESS}/stra%C3%9Fe.mp4"


@pytest.mark.parametrize(
    "url",
    [
        "http://cdn.example/a",
        "ftp://cdn.example/a",
        "file:///etc/passwd",
        "//cdn.example/a",
        "cdn.example/a",
        "https:///a",
        "https://",
        "",
        "https://user@cdn.example/a",
        "https://user:word@cdn.example/a",
        "https://:word@cdn.example/a",
        "https://cdn.example:80/a",
        "https://cdn.example:8443/a",
        "https://cdn.example:99999/a",
        "https://cdn.example:x/a",
        "https://[::1/a",
        "https://[nonsense]/a",
        "https://cdn.example/\x7f",
        "https://cdn.example/" + "a" * 70_000,
        "https://a..b/a",
        "https://" + "a" * 64 + ".example/a",
        "https://unknown.example/a",
    ],
)
def test_an_address_that_is_not_plain_https_is_not_asked(internet: Internet, url: str) -> None:
    with pytest.raises(FetchFailed):
        get(url)

    assert internet.asked == []


@pytest.mark.parametrize(
    "addresses", [["10.0.0.1"], ["::1"], [ADDRESS, "127.0.0.1"], ["127.0.0.1", ADDRESS]]
)
def test_a_name_with_any_address_that_is_not_public_is_not_asked(
    internet: Internet, addresses: list[str]
) -> None:
    internet.names["inner.example"] = addresses

    with pytest.raises(FetchFailed, match="not public") as failed:
        get("https://inner.example/a")

    assert not failed.value.retryable
    assert internet.asked == []


def test_what_is_not_public_is_fetched_only_below_the_address_that_is_said(
    internet: Internet, settings: Any
) -> None:
    internet.serves(b"abc")
    files = f"{settings.SIMULATOR_URL}/cdn"

    assert get(f"{files}/a.mp4", below=files)[1] == b"abc"
    for url in (
        f"{settings.SIMULATOR_URL}/stripe/secrets",
        f"{files}.example/a",
        "http://10.0.0.1/",
    ):
        with pytest.raises(FetchFailed):
            get(url, below=files)
    with pytest.raises(FetchFailed):
        get(f"{files}/a.mp4")

    assert [str(request.url) for request in internet.asked] == [f"{files}/a.mp4"]


def test_redirects_are_followed_three_times(internet: Internet) -> None:
    internet.names["b.example"] = ["8.8.8.8"]
    internet.redirects_to("/b", "https://b.example/c", "d?e=1")

    assert get("https://cdn.example/a")[1] == b"abc"
    assert [(str(r.url), r.headers["Host"]) for r in internet.asked] == [
        (f"https://{ADDRESS}/a", "cdn.example"),
        (f"https://{ADDRESS}/b", "cdn.example"),
        ("https://8.8.8.8/c", "b.example"),
        ("https://8.8.8.8/d?e=1", "b.example"),
    ]


def test_a_fourth_redirect_is_one_too_many(internet: Internet) -> None:
    internet.redirects_to("/b", "/c", "/d", "/e")

    with pytest.raises(FetchFailed, match="more than 3 times"):
        get("https://cdn.example/a")

    assert len(internet.asked) == 4


@pytest.mark.parametrize(
    "location",
    [
        "http://cdn.example/b",
        "https://inner.example/b",
        "https://127.0.0.1/b",
        "https://user@cdn.example/b",
        "https://cdn.example:22/b",
        "file:///etc/passwd",
        "https://[bad/b",
        "gopher://cdn.example/",
    ],
)
def test_a_redirect_is_checked_like_the_first_address(internet: Internet, location: str) -> None:
    internet.names |= {"inner.example": ["10.0.0.1"], "127.0.0.1": ["127.0.0.1"]}
    internet.redirects_to(location)

    with pytest.raises(FetchFailed):
        get("https://cdn.example/a")

    assert len(internet.asked) == 1


def test_a_name_is_looked_up_again_for_each_redirect(internet: Internet) -> None:
    """What was public a moment ago may point inwards now."""

    def answer(request: httpx.Request) -> httpx.Response:
        internet.names["cdn.example"] = ["127.0.0.1"]
        return httpx.Response(302, headers={"Location": "https://cdn.example/b"})

    internet.answer = answer

    with pytest.raises(FetchFailed, match="not public"):
        get("https://cdn.example/a")

    assert len(internet.asked) == 1


@pytest.mark.parametrize(
    ("status", "retryable"),
    [
        (204, False),
        (206, False),
        (302, False),
        (304, False),
        (404, False),
        (500, True),
        (503, True),
    ],
)
def test_another_answer_than_200_is_no_file(
    internet: Internet, status: int, retryable: bool
) -> None:
    internet.answer = lambda request: httpx.Response(status)

    with pytest.raises(FetchFailed, match=str(status)) as failed:
        get("https://cdn.example/a")

    assert failed.value.retryable is retryable


@pytest.mark.parametrize("length", [None, "1001", "3", "0"])
def test_a_file_is_too_large_whatever_its_length_says(
    internet: Internet, length: str | None
) -> None:
    sent = []

    def endless() -> Iterator[bytes]:
        while True:
            sent.append(500)
            yield b"a" * 500

    headers = {"Content-Length": length} if length else {}
    internet.answer = lambda request: httpx.Response(200, headers=headers, stream=Stream(endless()))
    into = io.BytesIO()

    with pytest.raises(FileTooLarge, match="larger than 1,000 bytes"):
        fetch("https://cdn.example/a", into, bytes_max=1000, seconds_max=30)

    assert len(sent) == 3
    assert len(into.getvalue()) == 1000


def test_a_file_of_exactly_the_limit_is_not_too_large(internet: Internet) -> None:
    internet.serves(b"a" * 1000)

    assert get("https://cdn.example/a")[0].bytes == 1000


def test_a_file_shorter_than_announced_is_incomplete(internet: Internet) -> None:
    internet.serves(b"abc", Content_Length="4")

    with pytest.raises(FetchFailed, match="incomplete") as failed:
        get("https://cdn.example/a")

    assert failed.value.retryable


def test_a_compressed_stream_is_not_unpacked(internet: Internet) -> None:
    internet.serves(b"\x1f\x8b\x08", Content_Encoding="gzip")

    with pytest.raises(FetchFailed, match="compresses"):
        get("https://cdn.example/a")


def test_a_stream_that_is_called_identity_is_not_compressed(internet: Internet) -> None:
    internet.serves(b"abc", Content_Encoding="Identity")

    assert get("https://cdn.example/a")[1] == b"abc"


def test_a_file_that_drips_is_given_up(internet: Internet) -> None:
    def drip() -> Iterator[bytes]:
        for _ in range(100):
            internet.seconds += 9
            yield b"a"

    internet.answer = lambda request: httpx.Response(200, stream=Stream(drip()))

    with pytest.raises(FetchFailed, match="too slow") as failed:
        get("https://cdn.example/a")

    assert failed.value.retryable
    assert internet.seconds == 36


def test_redirects_that_take_their_time_are_given_up(internet: Internet) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        internet.seconds += 16
        return httpx.Response(302, headers={"Location": "/again"})

    internet.answer = answer

    with pytest.raises(FetchFailed, match="too slow"):
        get("https://cdn.example/a")

    assert len(internet.asked) == 2


@pytest.mark.parametrize(
    "fault",
    [httpx.ConnectError, httpx.ConnectTimeout, httpx.ReadTimeout, httpx.RemoteProtocolError],
)
def test_a_server_that_does_not_answer_may_answer_later(
    internet: Internet, fault: type[httpx.TransportError]
) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        raise fault("no", request=request)

    internet.answer = answer

    with pytest.raises(FetchFailed, match="could not be reached") as failed:
        get("https://cdn.example/a")

    assert failed.value.retryable


def test_a_connection_that_breaks_may_hold_next_time(internet: Internet) -> None:
    def broken() -> Iterator[bytes]:
        yield b"abc"
        raise httpx.ReadError("reset")

    internet.answer = lambda request: httpx.Response(200, stream=Stream(broken()))

    with pytest.raises(FetchFailed, match="broke") as failed:
        get("https://cdn.example/a")

    assert failed.value.retryable


# -- webhooks -------------------------------------------------------------------------------------


def test_a_webhook_is_posted_to_the_checked_address(internet: Internet) -> None:
    internet.answer = lambda request: httpx.Response(204, stream=Stream(iter([])))

    answer = post(
        "https://cdn.example/hook", b"{}", {"webhook-id": "evt_1", "host": "evil"}, seconds_max=5
    )

    (request,) = internet.asked
    assert answer == Answer(204, b"")
    assert (request.method, str(request.url)) == ("POST", f"https://{ADDRESS}/hook")
    assert (request.headers.get_list("Host"), request.headers["webhook-id"]) == (
        ["cdn.example"],
        "evt_1",
    )
    assert request.read() == b"{}"


def test_a_webhook_follows_no_redirect(internet: Internet) -> None:
    internet.answer = lambda request: httpx.Response(
        302, headers={"Location": "https://cdn.example/b"}, stream=Stream(iter([]))
    )

    assert post("https://cdn.example/hook", b"{}", {}, seconds_max=5).status == 302
    assert len(internet.asked) == 1


@pytest.mark.parametrize(
    "url", ["https://inner.example/", "http://cdn.example/", "https://cdn.example:8443/"]
)
def test_a_webhook_goes_nowhere_that_is_not_public(internet: Internet, url: str) -> None:
    internet.names["inner.example"] = ["10.0.0.1"]

    with pytest.raises(FetchFailed):
        post(url, b"{}", {}, seconds_max=5)

    assert internet.asked == []


def test_only_the_beginning_of_an_endless_answer_is_read(internet: Internet) -> None:
    internet.serves(*[b"a" * 50_000] * 3)

    assert post("https://cdn.example/hook", b"{}", {}, seconds_max=5) == Answer(200, b"a" * 65_536)

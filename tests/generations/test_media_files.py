"""Our files under their signed addresses: whole, in parts, for a while, and inert."""

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
import time_machine
from django.test import Client
from django.utils import timezone

from generations import media
from seedance_saas import headers
from tests.generations.kept import Kept

if TYPE_CHECKING:
    from tests.world import Answer

ON_EVERY_STORAGE = True
CONTENT = bytes(range(256)) * 4
FILE = "org_1/gen_1/cafe.mp4"


@pytest.fixture
def url(db: None, storage: Kept, clock: time_machine.Traveller) -> str:
    storage.write(FILE, CONTENT)
    return media.url(FILE, expires_at=timezone.now() + timedelta(seconds=60))


def get(url: str, **sent: str) -> "Answer":
    return Client().get(url, headers=sent)


def body(response: "Answer") -> bytes:
    return b"".join(response)


def test_who_has_the_address_sees_the_file(url: str) -> None:
    response = get(url)

    assert response.status_code == 200
    assert body(response) == CONTENT
    assert {name: response[name] for name in HEADERS} == HEADERS
    assert response["Content-Length"] == "1024"


HEADERS = {
    "Content-Type": "video/mp4",
    "Accept-Ranges": "bytes",
    "Cache-Control": "private, max-age=3600, immutable",
    "Content-Security-Policy": "default-src 'none'; sandbox",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Resource-Policy": "cross-origin",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Permissions-Policy": headers.PERMISSIONS,
    "Content-Disposition": 'inline; filename="gen_1-cafe.mp4"',
}


def test_a_download_is_an_attachment(url: str) -> None:
    response = get(f"{url}?download")

    assert body(response) == CONTENT
    assert response["Content-Disposition"] == 'attachment; filename="gen_1-cafe.mp4"'


@pytest.mark.parametrize(
    ("span", "first", "last"),
    [
        ("bytes=0-0", 0, 0),
        ("bytes=0-99", 0, 99),
        ("bytes=100-199", 100, 199),
        ("bytes=1000-", 1000, 1023),
        ("bytes=0-", 0, 1023),
        ("bytes=1000-9999", 1000, 1023),
        ("bytes=-24", 1000, 1023),
        ("bytes=-9999", 0, 1023),
    ],
)
def test_a_range_is_a_part(url: str, span: str, first: int, last: int) -> None:
    response = get(url, Range=span)

    assert response.status_code == 206
    assert body(response) == CONTENT[first : last + 1]
    assert response["Content-Range"] == f"bytes {first}-{last}/1024"
    assert response["Content-Length"] == str(last - first + 1)
    assert {name: response[name] for name in HEADERS} == HEADERS


@pytest.mark.parametrize("span", ["bytes=1024-", "bytes=5000-6000", "bytes=-0"])
def test_a_range_beyond_the_end_is_refused(url: str, span: str) -> None:
    response = get(url, Range=span)

    assert (response.status_code, response.content) == (416, b"")
    assert response["Content-Range"] == "bytes */1024"


@pytest.mark.parametrize(
    "span",
    ["bytes=0-9,20-29", "bytes=-", "bytes=9-0", "bytes=a-b", "items=0-9", "", "bytes=٣-٤"],
)
def test_a_range_that_is_not_understood_gives_all(url: str, span: str) -> None:
    response = get(url, Range=span)

    assert response.status_code == 200
    assert body(response) == CONTENT


@pytest.mark.parametrize(
    ("span", "status", "length"), [("", 200, "1024"), ("bytes=0-9", 206, "10")]
)
def test_a_head_tells_without_the_bytes(url: str, span: str, status: int, length: str) -> None:
    response = Client().head(url, headers={"Range": span})

    assert (response.status_code, response["Content-Length"]) == (status, length)
    assert body(response) == b""


def test_an_address_ends(url: str, clock: time_machine.Traveller) -> None:
    clock.shift(58)
    assert body(get(url)) == CONTENT

    clock.shift(3)

    assert get(url).status_code == 404


def test_an_address_that_was_changed_opens_nothing(url: str) -> None:
    _, media_path, expires, signature, file = url.split("/", 4)
    changed = [
        f"/{media_path}/{int(expires) + 1}/{signature}/{file}",
        f"/{media_path}/{expires}/{signature[:-1]}{'0' if signature[-1] != '0' else '1'}/{file}",
        f"/{media_path}/{expires}/{signature}/org_1/gen_1/beef.mp4",
        f"/{media_path}/{expires}/{signature}/../{file}",
        f"/{media_path}/{'9' * 30}/{signature}/{file}",
    ]

    assert [get(path).status_code for path in changed] == [404] * 5


def test_a_file_that_is_gone_is_not_found(url: str, storage: Kept) -> None:
    storage.delete(FILE)

    assert get(url).status_code == 404


@pytest.mark.parametrize("method", ["post", "put", "delete"])
def test_a_file_is_only_read(url: str, method: str) -> None:
    assert getattr(Client(), method)(url).status_code == 405

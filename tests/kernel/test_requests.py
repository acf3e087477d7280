"""Every answer carries a request id: the caller's if it is sane, else ours. And where the caller is."""

import re
from typing import Any

import pytest
from django.test import Client, RequestFactory

from seedance_saas.requests import client_address

OURS = re.compile(r"req_[0-9a-f]{24}")
PATHS = ["/healthz", "/api/v1/balance", "/api/v1/nothing", "/nothing", "/accounts/login/"]


@pytest.mark.parametrize("path", PATHS)
def test_every_answer_has_an_id_of_ours(db: None, path: str) -> None:
    first, second = (Client().get(path).headers["X-Request-Id"] for _ in range(2))

    assert OURS.fullmatch(first)
    assert first != second


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("given", ["abcdefgh", "a" * 64, "0af7651916cd43dd-8448.eb_2"])
def test_a_sane_id_of_the_callers_is_kept(db: None, path: str, given: str) -> None:
    assert Client().get(path, headers={"X-Request-Id": given}).headers["X-Request-Id"] == given


@pytest.mark.parametrize(
    "given",
    [
        "",
        "short12",
        "a" * 65,
        "has spaces in it",
        "line\nbreak-1",
        "<script>1",
        "é" * 10,
        "12345678\n",
    ],
)
def test_an_odd_id_of_the_callers_is_replaced(db: None, given: str) -> None:
    response = Client().get("/api/v1/balance", headers={"X-Request-Id": given})

    assert OURS.fullmatch(response.headers["X-Request-Id"])
    assert response.json()["error"]["request_id"] == response.headers["X-Request-Id"]


@pytest.mark.parametrize(
    ("proxies", "header", "address"),
    [
        (0, None, "10.0.0.1"),
        (0, "192.0.2.1", "10.0.0.1"),
        (1, "192.0.2.1", "192.0.2.1"),
        (1, "198.51.100.9, 192.0.2.1", "192.0.2.1"),
        (2, "198.51.100.9, 192.0.2.1, 10.0.0.7", "192.0.2.1"),
        (2, "192.0.2.1", "10.0.0.1"),
        (1, None, "10.0.0.1"),
        (1, "not an address", "10.0.0.1"),
        (1, "2001:DB8::1", "2001:db8::1"),
    ],
)
def test_a_caller_is_where_our_outermost_proxy_saw_them(
    settings: Any, proxies: int, header: str | None, address: str
) -> None:
    settings.TRUSTED_PROXIES = proxies
    sent = {"X-Forwarded-For": header} if header else {}
    request = RequestFactory().get("/", headers=sent, REMOTE_ADDR="10.0.0.1")

    assert client_address(request) == address

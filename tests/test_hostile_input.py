"""Whatever a program sends to whatever address: an answer that is described, or a refusal that names what is wrong."""

import json
from typing import Any
from urllib.parse import quote

import pytest

from accounts import api_keys
from generations.openapi import document
from generations.openapi.operations import LIST_QUERY, OPERATIONS
from tests.contract import GOOD, paths
from tests.everything import World
from tests.test_who_may import _undone
from tests.world import Api

pytestmark = pytest.mark.thorough

VALUES: list[Any] = [
    None, True, -1, 1.5, 10**30, "", "x" * 70_000, "1e3", [None], ["x"] * 2_000, {"x": 1},
    {"limit_usd": "1", "period": []}, "9999-12-31T23:59:59-23:59", "0001-01-01T00:00:00+23:59", "https://[::1",
    "data:image/png;base64,@@",
]  # fmt: skip
WORDS = [
    "", "-1", "%", "'", "x" * 5_000, "9999-12-31T23:59:59-23:59", "0001-01-01T00:00:00+23:59", "9999-12-31", "day,day",
]  # fmt: skip
IDS = ["%25", "%FF", "%C3%28", "..", "x" * 3_000, "a%2Fb", "%E2%80%AE", "key_1%0A", "*"]
BODIES = [
    b"{", b"[]", b"null", b'"x"', b"\xff", b"1" * 5_000, b'{"limit_usd": "1", "limit_usd": "2"}',
    b'{"x": ' + b"[" * 5_000, b'{"metadata": {' + b",".join(b'"%d": ""' % n for n in range(90_000)) + b"}}",
]  # fmt: skip
TYPES = [
    "text/plain", "application/json; charset=utf-16", "", "multipart/form-data", "multipart/form-data; boundary=x",
    "multipart/form-data; boundary=" + "y" * 500,
]  # fmt: skip


class Sender:
    """Sends, and takes back what was done. What is answered is held against the description by `tests.contract`."""

    def __init__(self, world: World) -> None:
        self.names = world.names
        self.api = Api(api_keys.issue(world.acme, "of a stranger to good manners")[1])

    def send(
        self, method: str, path: str, body: bytes = b"", kind: str = "application/json", **more: str
    ) -> Any:
        headers = {**self.api.headers, **more}
        with _undone():
            answer = self.api.client.generic(method, f"/api/v1{path}", body, kind, headers=headers)
            if answer.streaming:
                b"".join(answer)
        said = (method, path[:100], body[:100], kind, answer.status_code)
        assert 200 <= answer.status_code < 300 or 400 <= answer.status_code < 500, said
        return answer


@pytest.fixture
def sender(world: World) -> Sender:
    return Sender(world)


def test_a_value_of_any_kind_is_taken_or_refused_by_its_name(sender: Sender) -> None:
    described = document.build()["components"]["schemas"]
    for (method, path), operation in zip(paths(sender.names), OPERATIONS.values(), strict=True):
        if operation.body not in GOOD:
            continue
        for field in described[operation.body]["properties"]:
            for value in VALUES:
                body = {**GOOD[operation.body], field: value}
                answer = sender.send(method, path, json.dumps(body).encode())
                if answer.status_code in (400, 422) and operation.body != "DirectUploadRequest":
                    assert answer.json()["error"]["param"].split(".")[0] == field, (path, body)


def test_a_word_of_any_kind_in_a_query_is_taken_or_refused_by_its_name(sender: Sender) -> None:
    for (method, path), operation in zip(paths(sender.names), OPERATIONS.values(), strict=True):
        if method != "GET":
            continue
        names = [*operation.query, *(LIST_QUERY if operation.is_list else ()), "metadata[k]"]
        for name in names:
            for word in [*map(quote, WORDS), "%FF%FE", f"1&{quote(name)}=2"]:
                answer = sender.send(method, f"{path}?{quote(name)}={word}")
                if answer.status_code == 400:
                    assert answer.json()["error"]["param"] in (name, "from", "to"), (
                        path,
                        name,
                        word,
                    )


def test_a_filter_that_a_list_does_not_have_is_refused(sender: Sender) -> None:
    for (method, path), operation in zip(paths(sender.names), OPERATIONS.values(), strict=True):
        if method == "GET" and operation.is_list:
            answer = sender.send(method, f"{path}?colour=red")
            assert answer.status_code == 400, path
            assert answer.json()["error"]["param"] == "colour"


def test_an_address_of_any_kind_is_answered(sender: Sender) -> None:
    for method, path in OPERATIONS:
        for id in IDS if "{" in path else ():
            there = path.replace("{id}", id).replace("{slug}", id)
            for scope in (
                ("member", "end_user", "organization", "x") if "{scope}" in path else ("",)
            ):
                sender.send(method, there.replace("{scope}", scope), b"{}")


def test_a_body_of_any_kind_is_answered(sender: Sender) -> None:
    for (method, path), operation in zip(paths(sender.names), OPERATIONS.values(), strict=True):
        for body in BODIES:
            answer = sender.send(method, path, body)
            if method in ("POST", "PUT", "PATCH") and operation.body != "multipart":
                assert answer.status_code in (400, 413), (method, path, body[:40])
        for kind in TYPES:
            sender.send(method, path, b"--x\r\n", kind)


def test_a_method_or_header_of_any_kind_is_answered(sender: Sender) -> None:
    for method, path in paths(sender.names):
        for other in ("GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE", "TRACE", "KITE"):
            if other != method:
                sender.send(other, path)
        assert sender.send("OPTIONS", f"{path}/").status_code < 300, path
        sender.send(method, path, b"{}", Accept="text/html", Prefer="wait=, wait=999999999999")
        sender.send(
            method, path, b"{}", **{"Idempotency-Key": "\u00e9", "X-Request-Id": "\u00e9\t"}
        )

"""Files that are handed to the vendor: announced, put, seen under a public name, deleted."""

from typing import Any

import httpx
import pytest

from seedance_saas.simulators.thread import SimulatorThread
from tests.simulators.conftest import IMAGE, Create

ASKED = {"content_type": "image/png", "file_type": "image", "expires_in_seconds": 3600}


def announced(api: httpx.Client, **fields: Any) -> dict[str, Any]:
    response = api.post("/v1/upload/presign", json={**ASKED, **fields})
    assert response.status_code == 200
    body: dict[str, Any] = response.json()
    return body


def put(api: httpx.Client, file: dict[str, Any], **headers: str) -> int:
    sent = {**file["required_headers"], "Content-Type": "image/png", **headers}
    return api.put(file["presigned_url"], content=b"abc", headers=sent).status_code


def seen(simulator: SimulatorThread, file: dict[str, Any]) -> httpx.Response:
    name = file["public_url"].removeprefix("https://")
    return httpx.get(f"{simulator.url}/internet/{name}", trust_env=False)


def test_a_file_is_seen_as_it_was_put(simulator: SimulatorThread, api: httpx.Client) -> None:
    file = announced(api)
    assert seen(simulator, file).status_code == 404

    assert put(api, file) == 200

    response = seen(simulator, file)
    assert (response.content, response.headers["content-type"]) == (b"abc", "image/png")
    assert api.delete(f"/v1/files/{file['id']}").status_code == 204
    assert seen(simulator, file).status_code == 404
    assert api.delete(f"/v1/files/{file['id']}").status_code == 404


@pytest.mark.parametrize(
    "headers", [{"x-amz-meta-file-id": "another"}, {"Content-Type": "image/jpeg"}]
)
def test_only_with_the_announced_headers(api: httpx.Client, headers: dict[str, str]) -> None:
    assert put(api, announced(api), **headers) == 403


def test_only_with_the_token(api: httpx.Client) -> None:
    file = announced(api)
    file["presigned_url"] = file["presigned_url"][:-3]

    assert put(api, file) == 403


@pytest.mark.parametrize(
    "fields", [{"content_type": None}, {"file_type": "text"}, {"expires_in_seconds": "soon"}]
)
def test_what_is_not_said_right_is_refused(api: httpx.Client, fields: dict[str, Any]) -> None:
    assert api.post("/v1/upload/presign", json={**ASKED, **fields}).status_code == 400


def test_without_a_key_nothing_is_deleted(simulator: SimulatorThread, api: httpx.Client) -> None:
    file = announced(api)
    put(api, file)

    answer = httpx.delete(f"{simulator.url}/eachlabs/v1/files/{file['id']}", trust_env=False)

    assert (answer.status_code, answer.json()) == (401, {})
    assert seen(simulator, file).status_code == 200


@pytest.mark.parametrize(
    "url",
    ["data:image/png;base64,AAAA", "https://localhost/a.png", "http://example.com/a.png", "https://127.0.0.1/a.png"],
)  # fmt: skip
def test_an_input_that_is_not_public_is_rejected(create: Create, url: str) -> None:
    response = create(model=IMAGE, image_url=url)

    assert response.status_code == 400
    assert "data URIs and localhost are rejected" in response.text


def test_a_hosted_file_is_an_input_like_any(create: Create, api: httpx.Client) -> None:
    file = announced(api)
    put(api, file)

    assert create(model=IMAGE, image_url=file["public_url"]).status_code == 200

"""GET /cdn/<job>.mp4: ranges, and outputs that are not what they should be."""

import httpx
import pytest

from seedance_saas.simulators.thread import SimulatorThread
from tests.simulators.conftest import Create


def address(api: httpx.Client, create: Create, prompt: str) -> str:
    job_id = create(f"{prompt} simulate: seconds 1", generate_audio=False).json()["id"]
    return str(api.get(f"/v1/prediction/{job_id}").json()["output"])


def test_ranges_give_parts_of_the_same_file(api: httpx.Client, create: Create) -> None:
    url = address(api, create, "A kite")
    whole = api.get(url).content

    first = api.get(url, headers={"Range": "bytes=0-99"})
    rest = api.get(url, headers={"Range": "bytes=100-"})

    assert (first.status_code, rest.status_code) == (206, 206)
    assert first.headers["content-range"] == f"bytes 0-99/{len(whole)}"
    assert first.content + rest.content == whole
    assert api.get(url, headers={"Range": f"bytes={len(whole)}-"}).status_code == 416


def test_head_tells_the_size(api: httpx.Client, create: Create) -> None:
    url = address(api, create, "A kite")

    head = api.head(url)

    assert head.headers["accept-ranges"] == "bytes"
    assert int(head.headers["content-length"]) == len(api.get(url).content)


@pytest.mark.parametrize(
    ("command", "status", "kind"),
    [("html output", 200, "text/html"), ("missing output", 404, "text/plain")],
)
def test_something_else_than_a_film_on_order(
    api: httpx.Client, create: Create, command: str, status: int, kind: str
) -> None:
    response = api.get(address(api, create, f"A kite simulate: {command}"))

    assert response.status_code == status
    assert response.headers["content-type"].startswith(kind)


def test_half_a_file_on_order(api: httpx.Client, create: Create) -> None:
    url = address(api, create, "A kite simulate: truncated output")

    response = api.get(url)

    assert (response.status_code, response.headers["content-type"]) == (200, "video/mp4")
    assert response.content[4:8] == b"ftyp"
    assert int(response.headers["content-length"]) == len(response.content)


def test_a_connection_that_breaks_on_order(api: httpx.Client, create: Create) -> None:
    url = address(api, create, "A kite simulate: broken download")

    with pytest.raises(httpx.RemoteProtocolError):
        api.get(url)


@pytest.mark.parametrize("prompt", ["simulate: fail provider", "simulate: work 60"])
def test_there_is_no_film_unless_the_job_succeeded(
    simulator: SimulatorThread, create: Create, api: httpx.Client, prompt: str
) -> None:
    job_id = create(prompt).json()["id"]

    assert api.get(f"{simulator.url}/cdn/{job_id}.mp4").status_code == 404
    assert api.get(f"{simulator.url}/cdn/nothing.mp4").status_code == 404

"""The public names that the process plays, and those that stand for a real server."""

import io
from collections.abc import Iterator
from pathlib import Path

import av
import httpx
import pytest
from PIL import Image

from seedance_saas.simulators import internet
from seedance_saas.simulators.config import SimulatorConfig
from seedance_saas.simulators.thread import SimulatorThread
from tests.simulators.conftest import IMAGE, Create, wait_until


@pytest.fixture
def web(simulator: SimulatorThread) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=f"{simulator.url}/internet", timeout=20) as client:
        yield client


@pytest.mark.parametrize(
    ("name", "kind", "form"),
    [
        ("lion.jpg", "image/jpeg", "JPEG"),
        ("a/b/lion.PNG", "image/png", "PNG"),
        ("lion.webp", "image/webp", "WEBP"),
    ],
)
def test_a_picture_is_a_picture_the_same_at_every_look(
    web: httpx.Client, name: str, kind: str, form: str
) -> None:
    response = web.get(f"/storage.googleapis.com/{name}")

    assert (response.status_code, response.headers["content-type"]) == (200, kind)
    with Image.open(io.BytesIO(response.content)) as image:
        assert image.format == form
        assert image.size in {(1280, 720), (834, 1112), (1080, 1080)}
    assert web.get(f"/storage.googleapis.com/{name}").content == response.content


@pytest.mark.thorough
def test_a_clip_is_within_the_limits_of_a_reference_video(web: httpx.Client) -> None:
    response = web.get("/your-cdn.example.com/walk.mov")

    assert response.headers["content-type"] == "video/quicktime"
    with av.open(io.BytesIO(response.content), "r") as container:
        video = container.streams.video[0]
        assert 640 * 640 <= video.width * video.height <= 834 * 1112
        assert container.duration == 5 * av.time_base


@pytest.mark.parametrize(
    ("name", "kind", "codec"),
    [("voice.mp3", "audio/mpeg", "mp3float"), ("voice.wav", "audio/wav", "pcm_s16le")],
)
def test_a_sound_is_a_sound(web: httpx.Client, name: str, kind: str, codec: str) -> None:
    response = web.get(f"/x.example.com/{name}")

    assert response.headers["content-type"] == kind
    with av.open(io.BytesIO(response.content), "r") as container:
        assert container.streams.audio[0].codec_context.name == codec
        assert container.duration is not None
        assert 4.9 < container.duration / av.time_base < 5.2


@pytest.mark.parametrize("path", ["/x.example.com/page.html", "/nobody.invalid/lion.jpg"])
def test_other_files_and_other_names_are_not_found(web: httpx.Client, path: str) -> None:
    assert web.get(path).status_code == 404


def test_a_played_name_answers_by_its_host_header(
    simulator: SimulatorThread, web: httpx.Client
) -> None:
    direct = httpx.get(f"{simulator.url}/cat.png", headers={"Host": "your-cdn.example.com"})

    assert direct.content == web.get("/your-cdn.example.com/cat.png").content


@pytest.mark.parametrize(
    ("url", "is_public"),
    [
        ("https://your-cdn.example.com/a.jpg", True),
        ("https://sub.other-site.org/a.jpg", True),
        ("https://user@host.example.com/a.jpg", True),
        ("https://a.localhost/a.jpg", False),
        ("https://localhost./a.jpg", False),
        ("https://192.168.1.2/a.jpg", False),
        ("//example.com/a.jpg", False),
        ("", False),
    ],
)
def test_public_addresses_are_told_by_their_form(url: str, is_public: bool) -> None:
    assert internet.is_public_address(url) is is_public


@pytest.fixture
def product(tmp_path: Path) -> Iterator[SimulatorThread]:
    """Any real server will do; a second simulator is one."""
    (tmp_path / "product").mkdir()
    with SimulatorThread(SimulatorConfig(tmp_path / "product")) as server:
        yield server


def test_a_name_that_stands_for_a_real_server_is_relayed(
    simulator: SimulatorThread, product: SimulatorThread, web: httpx.Client
) -> None:
    simulator.config.names["media.example.com"] = f"{product.url}/internet/x.example.com"

    relayed = web.get("/media.example.com/own.png?signature=1")

    assert relayed.headers["content-type"] == "image/png"
    assert relayed.content == httpx.get(f"{product.url}/internet/x.example.com/own.png").content
    assert web.get("/media.example.com/own.txt").status_code == 404


@pytest.mark.parametrize(("name", "status"), [("own.png", "success"), ("own.txt", "error")])
def test_an_input_on_a_real_server_is_fetched_before_the_work_ends(
    simulator: SimulatorThread,
    product: SimulatorThread,
    api: httpx.Client,
    create: Create,
    name: str,
    status: str,
) -> None:
    simulator.config.names["media.example.com"] = f"{product.url}/internet/x.example.com"
    job_id = create(model=IMAGE, image_url=f"https://media.example.com/{name}").json()["id"]

    def body() -> dict[str, object]:
        answer = api.get(f"/v1/prediction/{job_id}").json()
        assert isinstance(answer, dict)
        return answer

    wait_until(lambda: body()["status"] in {"success", "error"})

    assert body()["status"] == status
    if status == "error":
        assert body()["details"] == "INPUT_DOWNLOAD_ERROR"

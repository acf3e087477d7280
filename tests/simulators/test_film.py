"""The rendered files, measured."""

import io
import threading
from pathlib import Path

import av
import httpx
import pytest
from PIL import Image

from seedance_saas.simulators import film, scenery
from seedance_saas.simulators.order import PIXELS, FilmOrder, nearest_ratio
from seedance_saas.simulators.thread import SimulatorThread
from tests.simulators.conftest import IMAGE, Create


def measure(content: bytes) -> dict[str, object]:
    with av.open(io.BytesIO(content), "r") as container:
        video = container.streams.video[0]
        frames = sum(1 for _ in container.decode(video=0))
        assert container.duration is not None
        assert video.duration is not None
        assert video.time_base is not None
        return {
            "codec": (video.codec_context.name, video.pix_fmt),
            "pixels": (video.width, video.height),
            "rate": video.average_rate,
            "frames": frames,
            "video_seconds": video.duration * video.time_base,
            "seconds": container.duration / av.time_base,
            "sound": [stream.codec_context.name for stream in container.streams.audio],
        }


def output(api: httpx.Client, create: Create, prompt: str, **given: object) -> bytes:
    job_id = create(prompt, **given).json()["id"]
    response = api.get(api.get(f"/v1/prediction/{job_id}").json()["output"])
    assert (response.status_code, response.headers["content-type"]) == (200, "video/mp4")
    return response.content


@pytest.mark.thorough
def test_a_film_is_exactly_what_was_ordered(api: httpx.Client, create: Create) -> None:
    content = output(api, create, "A kite over the sea simulate: seconds 2", resolution="720p")

    assert measure(content) == {
        "codec": ("h264", "yuv420p"),
        "pixels": (1280, 720),
        "rate": 24,
        "frames": 48,
        "video_seconds": 2,
        "seconds": 2.0,
        "sound": ["aac"],
    }


def test_a_film_without_sound_has_no_sound_track(api: httpx.Client, create: Create) -> None:
    content = output(api, create, "A city simulate: seconds 1", generate_audio=False)

    assert (measure(content)["sound"], measure(content)["frames"]) == ([], 24)


@pytest.mark.parametrize("ratio", ["21:9", "4:3", "1:1", "3:4", "9:16"])
def test_every_shape_has_its_pixels(api: httpx.Client, create: Create, ratio: str) -> None:
    content = output(api, create, "Dunes simulate: seconds 1", aspect_ratio=ratio)

    assert measure(content)["pixels"] == PIXELS["480p", ratio]


def test_another_resolution_on_order(api: httpx.Client, create: Create) -> None:
    content = output(api, create, "simulate: seconds 1 simulate: wrong resolution")

    assert measure(content)["pixels"] == (1280, 720)


def test_the_table_of_pixels_has_even_numbers_only() -> None:
    assert not [size for size in PIXELS.values() if size[0] % 2 or size[1] % 2]
    assert PIXELS["720p", "1:1"] == (960, 960)


@pytest.mark.parametrize(
    ("size", "ratio"),
    [((1280, 720), "16:9"), ((834, 1112), "3:4"), ((500, 500), "1:1"), ((100, 900), "9:16")],
)
def test_auto_takes_the_shape_of_the_image(size: tuple[int, int], ratio: str) -> None:
    order = FilmOrder("A kite", 4, "480p", "auto", False)

    assert nearest_ratio(*size) == ratio
    assert film.pixels(order, [Image.new("RGB", size)]) == PIXELS["480p", ratio]
    assert film.pixels(order, []) == (864, 480)


def test_a_film_of_a_given_image_shows_that_image(tmp_path: Path) -> None:
    image = io.BytesIO()
    Image.new("RGB", (600, 600), (200, 40, 40)).save(image, "PNG")
    order = FilmOrder("A kite", 1, "480p", "auto", False, ["https://x.example.com/red.png"])

    film.render(order, [image.getvalue()], tmp_path / "f.mp4", threading.Event())

    with av.open(str(tmp_path / "f.mp4"), "r") as container:
        frame = next(container.decode(video=0)).to_image()  # type: ignore[no-untyped-call]
    assert frame.size == (640, 640)
    pixel = frame.getpixel((320, 200))
    assert isinstance(pixel, tuple)
    assert max(abs(a - b) for a, b in zip(pixel, (200, 40, 40), strict=True)) < 12


def test_the_picture_moves_and_is_the_same_for_the_same_prompt() -> None:
    first, again = (scenery.Landscape("A quiet harbour", (320, 180)) for _ in range(2))

    assert first.frame(0.2).tobytes() == again.frame(0.2).tobytes()
    assert first.frame(0.2).tobytes() != first.frame(0.8).tobytes()


def test_a_film_that_nobody_waits_for_is_abandoned(tmp_path: Path) -> None:
    stop = threading.Event()
    stop.set()

    with pytest.raises(film.Abandoned):
        film.render(FilmOrder("A kite", 15, "720p", "auto", True), [], tmp_path / "f.mp4", stop)


def test_an_image_to_video_job_takes_the_shape_of_its_image(
    simulator: SimulatorThread, api: httpx.Client, create: Create
) -> None:
    url = "https://your-cdn.example.com/start.jpg"
    content = output(api, create, "simulate: seconds 1", model=IMAGE, image_url=url)

    assert measure(content)["pixels"] == (864, 480)

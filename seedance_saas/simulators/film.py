"""Renders a film to an MP4: H.264, yuv420p, 24 frames a second, exactly as long as ordered."""

import contextlib
import threading
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Protocol

import av
from PIL import Image

from seedance_saas.simulators import sound
from seedance_saas.simulators.caption import Caption
from seedance_saas.simulators.order import PIXELS, FilmOrder, nearest_ratio
from seedance_saas.simulators.pan import Pan, read
from seedance_saas.simulators.scenery import Landscape

FRAMES_PER_SECOND = 24
INVENTED_SIZE = (1280, 720)
BT709 = 1
ENCODING = {"preset": "veryfast", "crf": "24", "me_method": "dia", "subq": "1"}


class Abandoned(Exception):
    """The process is ending; nobody waits for this file any more."""


class Scene(Protocol):
    def frame(self, at: float) -> Image.Image: ...


def render(
    order: FilmOrder, pictures: Sequence[bytes | str], path: Path, stop: threading.Event
) -> None:
    """Write the film to `path`. `pictures` are images, or addresses for which to invent one.

    Raises Abandoned when `stop` is set meanwhile.
    """
    images = [_image(picture) for picture in pictures]
    size = pixels(order, images)
    stage = stage_size(size)
    scene: Scene = Pan(order.prompt, images, stage) if images else Landscape(order.prompt, stage)
    note = f"Simulated · {order.resolution} · {order.seconds} s"
    caption = Caption(order.prompt, note, size)
    sound_text = order.prompt if order.sound else None
    write(path, scene, size, order.seconds, caption=caption, sound_text=sound_text, stop=stop)


def pixels(order: FilmOrder, images: Sequence[Image.Image]) -> tuple[int, int]:
    ratio = order.ratio
    if ratio == "auto":
        ratio = nearest_ratio(*images[0].size) if images else "16:9"
    return PIXELS[order.resolution, ratio]


def stage_size(size: tuple[int, int]) -> tuple[int, int]:
    """Scenes are drawn smaller and enlarged by the video library, which takes half the time."""
    return size[0] * 2 // 3, size[1] * 2 // 3


def write(
    path: Path,
    scene: Scene,
    size: tuple[int, int],
    seconds: int,
    *,
    caption: Caption | None,
    sound_text: str | None,
    stop: threading.Event,
) -> None:
    """Encode `scene`. The index comes first, so that a browser can start at once."""
    count = seconds * FRAMES_PER_SECOND
    with av.open(str(path), "w", options={"movflags": "faststart"}) as container:
        video = container.add_stream("libx264", rate=FRAMES_PER_SECOND, options=ENCODING)
        video.width, video.height = size
        video.pix_fmt = "yuv420p"
        video.codec_context.colorspace = BT709
        video.codec_context.color_primaries = video.codec_context.color_trc = BT709
        audio = (
            container.add_stream("aac", rate=sound.RATE, layout="stereo") if sound_text else None
        )
        for index in range(count):
            if stop.is_set():
                raise Abandoned
            picture = av.VideoFrame.from_image(scene.frame(index / count))  # type: ignore[no-untyped-call]
            frame = picture.reformat(
                *size, "yuv420p", dst_colorspace="ITU709", interpolation="BICUBIC"
            )
            if caption is not None:
                caption.put_on(frame, index / FRAMES_PER_SECOND)
            frame.pts, frame.time_base = index, Fraction(1, FRAMES_PER_SECOND)
            container.mux(video.encode(frame))
        container.mux(video.encode())
        if audio is not None and sound_text is not None:
            for piece in sound.frames(sound_text, seconds * sound.RATE):
                container.mux(audio.encode(piece))
            container.mux(audio.encode())


def _image(picture: bytes | str) -> Image.Image:
    if isinstance(picture, bytes):
        with contextlib.suppress(OSError, ValueError, SyntaxError):
            return read(picture)
        picture = "unreadable"
    return Landscape(picture, INVENTED_SIZE).frame(0.35)

"""The files of the simulated internet: a picture, a clip or a sound for any address."""

import hashlib
import threading
from pathlib import Path

import av
from PIL import Image

from seedance_saas.simulators import film, sound
from seedance_saas.simulators.scenery import Landscape

PICTURE_SIZES = ((1280, 720), (1280, 720), (834, 1112), (1080, 1080))
# Within what the reference-to-video page accepts: 640x640 to 834x1112 in area.
CLIP_SIZES = ((720, 720), (834, 1112), (1112, 834), (960, 540))
CLIP_SECONDS = 5
FORMATS = {".jpg": "JPEG", ".jpeg": "JPEG", ".png": "PNG", ".webp": "WEBP"}
CODECS = {".mp3": "libmp3lame", ".wav": "pcm_s16le"}


def render(address: str, path: Path, stop: threading.Event) -> None:
    """Write what is found at `address` to `path`, whose extension says what kind it is."""
    kind = path.suffix.lower()
    number = hashlib.sha256(address.encode()).digest()[0]
    text = address.replace("-", " ").replace("_", " ").replace("/", " ")
    if kind in FORMATS:
        picture(text, PICTURE_SIZES[number % len(PICTURE_SIZES)]).save(
            path, FORMATS[kind], quality=88
        )
    elif kind in CODECS:
        _write_sound(text, path, CODECS[kind])
    else:
        size = CLIP_SIZES[number % len(CLIP_SIZES)]
        film.write(
            path,
            Landscape(text, film.stage_size(size)),
            size,
            CLIP_SECONDS,
            caption=None,
            sound_text=text,
            stop=stop,
        )


def picture(text: str, size: tuple[int, int]) -> Image.Image:
    return Landscape(text, size).frame(0.3)


def _write_sound(text: str, path: Path, codec: str) -> None:
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=sound.RATE, layout="stereo")
        assert isinstance(stream, av.AudioStream)
        resampler = av.AudioResampler(stream.codec_context.format, "stereo", sound.RATE)
        for frame in sound.frames(text, CLIP_SECONDS * sound.RATE):
            for piece in resampler.resample(frame):
                container.mux(stream.encode(piece))
        container.mux(stream.encode())

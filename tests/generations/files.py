"""Small real files of every kind, made by code and made once."""

import functools
import io
import struct
import tempfile
import wave
import zlib
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
from PIL import Image

from generations.prober import boxes

EXIF_MAKE, EXIF_ORIENTATION, EXIF_GPS = 0x010F, 0x0112, 0x8825


@functools.cache
def picture(
    format: str = "JPEG",
    width: int = 8,
    height: int = 6,
    *,
    mode: str = "RGB",
    orientation: int = 0,
    gps: bool = False,
    **how: Any,
) -> bytes:
    """Its right half is light and the rest is dark, so that one can see which way is up."""
    image = Image.new("L", (width, height), 20)
    image.paste(220, (width // 2, 0, width, height))
    exif = Image.Exif()
    if orientation:
        exif[EXIF_ORIENTATION] = orientation
    if gps:
        exif[EXIF_MAKE] = "A telephone"
        exif.get_ifd(EXIF_GPS)[2] = (48.0, 8.0, 14.0)
    return saved(image.convert(mode), format, **(how | ({"exif": exif} if len(exif) else {})))


def saved(image: Image.Image, format: str, **how: Any) -> bytes:
    into = io.BytesIO()
    image.save(into, format, **how)
    return into.getvalue()


@functools.cache
def animation(format: str) -> bytes:
    frames = [Image.new("RGB", (8, 6), colour) for colour in ("red", "green", "blue")]
    return saved(frames[0], format, save_all=True, append_images=frames[1:], duration=50)


@functools.cache
def video(
    seconds: Fraction | int = 2,
    width: int = 640,
    height: int = 640,
    *,
    codec: str = "libx264",
    format: str = "mp4",
    rate: int = 4,
    sound: bool = False,
    start_with_index: bool = False,
    fragments: bool = False,
    pixels: str = "yuv420p",
) -> bytes:
    """A real film of one colour: `rate` pictures a second, and a silent track if it has sound."""
    flags = ("faststart" if start_with_index else "") + (
        "frag_keyframe+empty_moov" if fragments else ""
    )
    options = {"movflags": flags} if flags else {}
    # Whoever puts the index first reads the file that it has written: there must be one.
    with (
        tempfile.NamedTemporaryFile() as file,
        av.open(file.name, "w", format=format, options=options) as container,
    ):
        fast = {"preset": "ultrafast"} if codec.startswith("libx26") else {}
        stream: Any = container.add_stream(codec, rate=rate, options=fast)
        stream.width, stream.height, stream.pix_fmt = width, height, pixels
        if codec == "libx265":
            stream.options |= {"x265-params": "log-level=none"}
            stream.codec_context.codec_tag = "hvc1"
        noise: Any = container.add_stream("aac", rate=48_000) if sound else None
        frame = av.VideoFrame(width, height, pixels)
        for plane in frame.planes:
            plane.update(bytes([128]) * plane.buffer_size)
        for number in range(round(seconds * rate)):
            frame.pts = number
            container.mux(stream.encode(frame))
        if noise:
            for number in range(round(seconds * 48_000 / 1024)):
                silence = _silence(1024, "fltp", 48_000)
                silence.pts = number * 1024
                container.mux(noise.encode(silence))
            container.mux(noise.encode(None))
        container.mux(stream.encode(None))
        container.close()
        return Path(file.name).read_bytes()


@functools.cache
def bare(film: bytes) -> bytes:
    """The film as we keep it: what its maker wrote beside it is gone."""
    with tempfile.TemporaryDirectory() as folder:
        whole, clean = Path(folder) / "whole", Path(folder) / "clean"
        whole.write_bytes(film)
        return clean.read_bytes() if boxes.strip(whole, clean) else film


def _silence(samples: int, format: str, rate: int) -> av.AudioFrame:
    frame = av.AudioFrame(format=format, layout="mono", samples=samples)
    for plane in frame.planes:
        plane.update(bytes(plane.buffer_size))
    frame.sample_rate = rate
    return frame


@functools.cache
def sound(
    codec: str = "libmp3lame",
    format: str = "mp3",
    *,
    milliseconds: int = 2000,
    samples: str = "s16p",
    rate: int = 48_000,
) -> bytes:
    buffer = io.BytesIO()
    with av.open(buffer, "w", format=format) as container:
        stream: Any = container.add_stream(codec, rate=rate)
        stream.layout, stream.format = "mono", samples
        left, done = milliseconds * rate // 1000, 0
        while left > done:
            block = min(1024, left - done)
            silence = _silence(block, samples, rate)
            silence.pts = done
            container.mux(stream.encode(silence))
            done += block
        container.mux(stream.encode(None))
    return buffer.getvalue()


@functools.cache
def wav(milliseconds: int = 2000, *, rate: int = 8000, width: int = 2, channels: int = 1) -> bytes:
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(width)
        file.setframerate(rate)
        file.writeframes(bytes(milliseconds * rate // 1000 * width * channels))
    return buffer.getvalue()


def png_chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png(width: int, height: int, data: bytes, *extra: bytes) -> bytes:
    """A grey PNG that says so many pixels and holds this data."""
    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"".join(
        [
            b"\x89PNG\r\n\x1a\n",
            png_chunk(b"IHDR", head),
            *extra,
            png_chunk(b"IDAT", data),
            png_chunk(b"IEND", b""),
        ]
    )


def atom(kind: bytes, *bodies: bytes) -> bytes:
    body = b"".join(bodies)
    return struct.pack(">I4s", 8 + len(body), kind) + body


def after(data: bytes, mark: bytes, offset: int, new: bytes) -> bytes:
    """With `new` written `offset` bytes after the first `mark`, over what was there."""
    place = data.index(mark) + len(mark) + offset
    return data[:place] + new + data[place + len(new) :]

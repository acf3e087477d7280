"""Odd and hostile files, each with the answer that was decided for it. All are made by code.

An answer is what an accepted file measures ("image/jpeg 8x6", "video/mp4 640x640 2000", "audio/wav 2000"), or
the code, the limit and words of the refusal ("unsupported_media readable: animated").
"""

import random
import struct
import zlib
from collections.abc import Iterable, Iterator
from fractions import Fraction

from PIL import Image

from tests.generations.files import (
    after,
    animation,
    atom,
    picture,
    png,
    png_chunk,
    saved,
    sound,
    video,
    wav,
)

Row = tuple[str, bytes, str]
ZIP = b"PK\3\4" + b"\0" * 40 + b"PK\5\6" + b"\0" * 18
PAGE = b"<!doctype html><script>alert(1)</script>"
READABLE = "unsupported_media readable: "
TYPES = "unsupported_media types: "
DAMAGED = READABLE + "damaged"


def rows() -> Iterator[Row]:
    for part in (
        _good_pictures,
        _polyglots,
        _broken_pictures,
        _picture_bombs,
        _other_types,
        _good_films,
        _broken_films,
        _film_limits,
        _sounds,
        _bare_beginnings,
    ):
        yield from part()


def _good_pictures() -> Iterator[Row]:
    yield "jpeg", picture(), "image/jpeg 8x6"
    yield "jpeg grey", picture(mode="L"), "image/jpeg 8x6"
    yield "jpeg cmyk", picture(mode="CMYK"), "image/jpeg 8x6"
    yield "jpeg progressive", picture(progressive=True), "image/jpeg 8x6"
    yield "jpeg full colour", picture(subsampling=0), "image/jpeg 8x6"
    yield "jpeg one pixel", picture("JPEG", 1, 1), "image/jpeg 1x1"
    yield "jpeg long and thin", picture("JPEG", 4000, 1), "image/jpeg 4000x1"
    yield "jpeg restarts", picture("JPEG", 64, 64, restart_marker_blocks=1), "image/jpeg 64x64"
    yield "jpeg with gps", picture(gps=True), "image/jpeg 8x6"
    yield "jpeg comment", picture(comment=b"x" * 60_000), "image/jpeg 8x6"
    filled = picture().replace(b"\xff\xdb", b"\xff\xff\xff\xdb")
    yield "jpeg with fill bytes", filled, "image/jpeg 8x6"
    for orientation in range(1, 9):
        size = "6x8" if orientation > 4 else "8x6"
        yield f"jpeg turned {orientation}", picture(orientation=orientation), f"image/jpeg {size}"
    yield "jpeg turned 9", picture(orientation=9), "image/jpeg 8x6"
    second = picture("JPEG", 16, 16)
    views = saved(
        Image.new("RGB", (8, 6)), "MPO", save_all=True, append_images=[Image.new("RGB", (8, 6))]
    )
    yield "jpeg of two views", views, "image/jpeg 8x6"
    yield "jpeg and a second one", picture() + second, "image/jpeg 8x6"
    yield "jpeg cmyk and turned", picture(mode="CMYK", orientation=6), "image/jpeg 6x8"
    for mode in ("1", "L", "LA", "P", "RGB", "RGBA", "I;16"):
        yield f"png {mode}", _png(mode), "image/png 8x6"
    yield "png turned", picture("PNG", orientation=8), "image/png 6x8"
    yield "png with gps", picture("PNG", gps=True), "image/png 8x6"
    yield "png text", _with_chunk(png_chunk(b"tEXt", b"Comment\0hello")), "image/png 8x6"
    yield "png unknown chunk", _with_chunk(png_chunk(b"teSt", b"hello")), "image/png 8x6"
    chunks = png_chunk(b"teSt", b"") * 50_000
    yield "png of very many chunks", _with_chunk(chunks), "image/png 8x6"
    yield "webp", picture("WEBP"), "image/webp 8x6"
    yield "webp lossless", picture("WEBP", lossless=True), "image/webp 8x6"
    yield "webp with alpha", picture("WEBP", mode="RGBA"), "image/webp 8x6"
    yield "webp with gps", picture("WEBP", gps=True), "image/webp 8x6"
    yield "webp turned", picture("WEBP", orientation=6), "image/webp 6x8"
    yield "webp with xmp", picture("WEBP", xmp=b"<x:xmpmeta/>"), "image/webp 8x6"


def _png(mode: str) -> bytes:
    return saved(Image.new(mode, (8, 6)), "PNG")


def _with_chunk(chunk: bytes) -> bytes:
    """The chunk stands behind the header."""
    whole = picture("PNG")
    return whole[:33] + chunk + whole[33:]


def _polyglots() -> Iterator[Row]:
    """Two files in one: the picture is used, and only the picture is kept (test_probing.py)."""
    for format, content_type in (("JPEG", "jpeg"), ("PNG", "png"), ("WEBP", "webp")):
        for name, more in (("zip", ZIP), ("page", PAGE), ("php", b"<?php system($_GET[0]); ?>")):
            yield f"{content_type} and {name}", picture(format) + more, f"image/{content_type} 8x6"
    yield "jpeg with a page inside", picture(comment=PAGE), "image/jpeg 8x6"
    yield "png with a page inside", _with_chunk(png_chunk(b"tEXt", b"a\0" + PAGE)), "image/png 8x6"
    yield "mp4 and zip", video() + ZIP, "video/mp4 640x640 2000"
    yield "page and jpeg", PAGE + picture(), TYPES + "web page"
    yield "zip and jpeg", ZIP + picture(), TYPES + "ZIP"
    yield "pdf and jpeg", b"%PDF-1.4\n" + picture(), TYPES + "PDF"
    yield "gif and script", b"GIF89a/*" + animation("GIF")[8:] + b"*/=1;alert(1)", TYPES + "GIF"
    yield "id3 and page", b"ID3\4\0\0\0\0\0\0" + PAGE, READABLE
    yield "wav and page", b"RIFF\x40\0\0\0WAVE" + PAGE, READABLE
    yield "ftyp and page", atom(b"ftyp", b"isom\0\0\0\0isom") + PAGE, READABLE


def _broken_pictures() -> Iterator[Row]:
    for format in ("JPEG", "PNG", "WEBP"):
        whole = picture(format, 64, 64)
        for percent in (10, 30, 50, 70, 90):
            part = whole[: len(whole) * percent // 100]
            answer = DAMAGED if len(part) > 12 else TYPES
            yield f"{percent} % of a {format.lower()}", part, answer
    yield "jpeg without its end", picture()[:-2], DAMAGED
    yield "png without its end", picture("PNG")[:-12], DAMAGED
    yield (
        "jpeg without a picture",
        b"\xff\xd8\xff\xe0\0\x10JFIF\0\1\1\0\0\1\0\1\0\0\xff\xd9",
        DAMAGED,
    )
    yield "png of no pixels", png(0, 0, zlib.compress(b"")), DAMAGED
    yield "png of too little data", png(64, 64, zlib.compress(b"\0" * 9)), DAMAGED
    yield "png of no data", png(8, 6, b""), DAMAGED
    yield "png of no zlib", png(8, 6, b"not zlib at all"), DAMAGED
    whole = picture("PNG")
    yield "png with a wrong checksum", after(whole, b"IDAT", 2, b"\xaa"), DAMAGED
    yield "png with a wrong header", after(whole, b"IHDR", 8, b"\x63"), DAMAGED
    yield (
        "png chunk of 4 GB",
        after(whole, b"IHDR", 17, b"\xff\xff\xff\xff"),
        READABLE + "the file needs more than 512 MB",
    )
    yield "webp of 4 GB", after(picture("WEBP"), b"WEBPVP8 ", 0, b"\xff\xff\xff\xff"), DAMAGED
    yield "webp in name only", b"RIFF\4\0\0\0WEBP", DAMAGED
    yield "jpeg of a wrong length", after(picture(), b"\xff\xdb", 0, b"\xff\xff"), DAMAGED
    yield "jpeg of no channels", after(picture(), b"\xff\xc0", 7, b"\0"), DAMAGED


def _picture_bombs() -> Iterator[Row]:
    big = "media_wrong_size image_pixels_max: "
    yield (
        "png says 50,000 x 50,000",
        png(50_000, 50_000, zlib.compress(b"\0" * 99)),
        big + "50000x50000",
    )
    yield "png says 2 billion wide", png(2_000_000_000, 1, zlib.compress(b"")), big
    yield "jpeg says 65,500 x 65,500", after(picture(), b"\xff\xc0", 3, b"\xff\xdc\xff\xdc"), big
    yield "webp says 16,383 x 16,383", _large_webp(), DAMAGED
    grey = Image.new("L", (6001, 6000))
    yield "png of a pixel row too many", saved(grey, "PNG"), big + "36,006,000"
    yield (
        "png of as many as allowed",
        saved(Image.new("1", (6000, 6000)), "PNG"),
        "image/png 6000x6000",
    )
    yield "jpeg of as many as allowed", picture("JPEG", 6000, 6000), "image/jpeg 6000x6000"
    yield (
        "jpeg of as many, turned",
        picture("JPEG", 9000, 4000, orientation=6),
        "image/jpeg 4000x9000",
    )
    much = zlib.compress(b"\0" * 200_000_000, 9)
    yield "png whose data swells", png(8, 6, much), "image/png 8x6"
    yield "png whose text swells", _with_chunk(png_chunk(b"zTXt", b"a\0\0" + much)), READABLE
    yield (
        "png whose profile swells",
        _with_chunk(png_chunk(b"iCCP", b"a\0\0" + much)),
        READABLE,
    )
    whole = picture("JPEG", 3000, 3000, progressive=True)
    scan = whole[whole.index(b"\xff\xda") : -2]
    last = scan[scan.rindex(b"\xff\xda") :]
    yield "jpeg of 4,000 scans", whole[:-2] + last * 4000 + b"\xff\xd9", READABLE
    yield "animated webp", animation("WEBP"), READABLE + "animated"
    yield "animated png", animation("PNG"), READABLE + "animated"


def _large_webp() -> bytes:
    """A WebP whose header of the extended form says the most that it can."""
    body = b"\0\0\0\0" + (16_382).to_bytes(3, "little") * 2
    inner = picture("WEBP")[12:]
    content = b"WEBPVP8X" + struct.pack("<I", 10) + body + inner
    return b"RIFF" + struct.pack("<I", len(content)) + content


def _other_types() -> Iterator[Row]:
    small = Image.new("RGB", (8, 6))
    for format, words in (
        ("GIF", "GIF"), ("BMP", "BMP"), ("TIFF", "TIFF"), ("ICO", "icon"), ("AVIF", "AVIF"),
        ("JPEG2000", "JPEG 2000"), ("PPM", "no known"), ("TGA", "no known"), ("PDF", "PDF"),
        ("EPS", "no known"), ("PCX", "no known"),
    ):  # fmt: skip
        yield format.lower(), saved(small, format), TYPES + words
    yield "animated gif", animation("GIF"), TYPES + "GIF"
    for brand in (b"heic", b"heix", b"mif1", b"msf1"):
        yield f"heic {brand.decode()}", atom(b"ftyp", brand, b"\0\0\0\0mif1heic"), TYPES + "HEIC"
    svg = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'
    yield "svg", svg, TYPES + "SVG"
    yield "svg with a prolog", b'<?xml version="1.0"?>' + svg, TYPES + "SVG"
    yield "svg behind a space", b"\xef\xbb\xbf \n" + svg, TYPES + "SVG"
    entities = (
        b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><svg>&b;</svg>'
    )
    yield "svg that reads a file", entities, TYPES + "SVG"
    yield "page", PAGE, TYPES + "web page"
    yield "page in capitals", b"\n<HTML>", TYPES + "web page"
    yield "nothing", b"", TYPES + "empty"
    yield "one byte", b"\xff", TYPES + "no known"
    yield "text", b"hello", TYPES + "no known"
    yield "zeroes", bytes(1000), TYPES + "no known"
    yield "program", b"\x7fELF" + bytes(60), TYPES + "program"
    yield "program for Windows", b"MZ" + bytes(60), TYPES + "program"
    yield "gzip", b"\x1f\x8b\x08" + bytes(60), TYPES + "compressed"
    yield "playlist", b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n", TYPES + "playlist"
    yield "list of files", b"ffconcat version 1.0\nfile /etc/passwd\n", TYPES + "playlist"
    yield "postscript", b"%!PS-Adobe-3.0 EPSF-3.0\n(/etc/passwd) (r) file", TYPES + "no known"


def _good_films() -> Iterator[Row]:
    yield "mp4", video(), "video/mp4 640x640 2000"
    yield "mov", video(format="mov"), "video/quicktime 640x640 2000"
    yield "mp4 in H.265", video(codec="libx265"), "video/mp4 640x640 2000"
    yield "mp4 with its index first", video(start_with_index=True), "video/mp4 640x640 2000"
    yield "mp4 in fragments", video(fragments=True), "video/mp4 640x640 2000"
    yield "mp4 with sound", video(sound=True, rate=24), "video/mp4 640x640 2000"
    yield "mp4 of 15 s", video(15), "video/mp4 640x640 15000"
    yield "mp4 of one picture", video(1, rate=1), "video/mp4 640x640 1000"
    yield "mp4 as large as allowed", video(2, 834, 1112), "video/mp4 834x1112 2000"
    yield "mp4 wide", video(2, 1280, 720), "video/mp4 1280x720 2000"
    yield "mov without its first atom", _without_ftyp(), "video/quicktime 640x640 2000"
    free = atom(b"free", b"x" * 100)
    yield "mp4 with empty atoms behind it", video() + free * 100, "video/mp4 640x640 2000"


def _without_ftyp() -> bytes:
    """The positions in its index stay true: what was ftyp is an atom that nobody reads."""
    return atom(b"wide", video(format="mov")[8:20]) + video(format="mov")[20:]


def _broken_films() -> Iterator[Row]:
    for percent in (10, 50, 90):
        whole = video()
        yield f"{percent} % of an mp4", whole[: len(whole) * percent // 100], READABLE
        whole = video(8, 640, 640, start_with_index=True)
        head = whole.index(b"mdat") + 4
        part = whole[: head + (len(whole) - head) * percent // 100]
        yield f"{percent} % of an mp4 with its index first", part, READABLE
    yield "mp4 of ftyp alone", atom(b"ftyp", b"isom\0\0\0\0isom"), READABLE
    yield (
        "mp4 without pictures",
        sound("aac", "mp4", samples="fltp"),
        READABLE + "no moving picture",
    )
    yield "mp4 in MPEG-4", video(codec="mpeg4"), READABLE + "H.264"
    yield "mp4 in VP9", video(codec="libvpx-vp9"), READABLE + "H.264"
    yield "mp4 of 500 pictures a second", video(2, rate=500), READABLE + "120"
    hour = struct.pack(">I", 3600 * 16_384)
    whole = video()
    # What a header says is not believed; what the samples say is.
    yield "mp4 whose header says an hour", after(whole, b"mdhd", 16, hour), "video/mp4 640x640 2000"
    yield "mp4 whose samples last an hour", after(whole, b"stts", 12, hour), "media_too_long"
    yield (
        "mp4 of two billion samples",
        after(whole, b"stts", 8, b"\x7f\xff\xff\xff"),
        "video/mp4 640x640 2000",
    )
    yield "mp4 with a table of 4 GB", after(whole, b"stsz", 8, b"\xff\xff\xff\xf0"), READABLE
    yield "mp4 with its pictures elsewhere", after(whole, b"stco", 8, b"\x7f\0\0\0"), READABLE
    deep = b""
    for _ in range(2000):
        deep = atom(b"moov", deep)
    yield "mp4 of atoms in atoms", atom(b"ftyp", b"isom\0\0\0\0isom") + deep, READABLE
    yield (
        "mp4 with an atom of no size",
        atom(b"ftyp", b"isom\0\0\0\0isom") + b"\0\0\0\0moov",
        READABLE,
    )
    yield "mp4 that names another file", _elsewhere(), READABLE
    yield "mp4 compressed inside", atom(b"ftyp", b"isom\0\0\0\0") + _compressed_index(), READABLE
    for format, codec, words in (
        ("webm", "libvpx-vp9", "WebM"), ("matroska", "libx264", "Matroska"), ("avi", "libx264", "AVI"),
        ("flv", "libx264", "Flash"), ("mpegts", "libx264", "no known"), ("mpeg", "mpeg2video", "MPEG"),
    ):  # fmt: skip
        rate = 25 if format == "mpeg" else 4
        yield format, video(format=format, codec=codec, rate=rate), TYPES + words


def _elsewhere() -> bytes:
    """Its pictures are said to be in a file of this machine."""
    whole = video(format="mov")
    place = whole.index(b"dref") - 4
    size = struct.unpack_from(">I", whole, place)[0]
    alias = bytes(150)
    path = b"\0\x12\0\x0b/etc/passwd\0" + b"\xff\xff\0\0"
    named = atom(b"dref", b"\0\0\0\0\0\0\0\1", atom(b"alis", b"\0\0\0\0", alias, path))
    return whole[:place] + named + whole[place + size :]


def _compressed_index() -> bytes:
    swelling = zlib.compress(bytes(100_000_000), 9)
    inner = atom(b"dcom", b"zlib") + atom(b"cmvd", struct.pack(">I", 0x7FFFFFFF), swelling)
    return atom(b"moov", atom(b"cmov", inner))


def _film_limits() -> Iterator[Row]:
    yield (
        "mp4 of 15.1 s",
        video(Fraction("15.1"), rate=10),
        "media_too_long videos_milliseconds_max: 15.1 s",
    )
    yield "mp4 of 60 s", video(60), "media_too_long videos_milliseconds_max: 60 s long; 15 s"
    yield "mp4 of 638x640", video(2, 638, 640), "media_wrong_size video_pixels_min: 408,320"
    yield (
        "mp4 of 639x640",
        video(2, 639, 640, pixels="yuv444p"),
        "media_wrong_size video_pixels_min: 639x640 = 408,960",
    )
    yield "mp4 of 836x1112", video(2, 836, 1112), "media_wrong_size video_pixels_max: 929,632"
    yield (
        "mp4 of 4096x4096",
        video(1, 4096, 4096, rate=1),
        "media_wrong_size video_pixels_max: 16,777,216",
    )
    yield "mp4 of 16x16", video(2, 16, 16), "media_wrong_size video_pixels_min"
    yield "jpeg of 30 MB", padded(picture(), 30_000_000), "image/jpeg 8x6"
    yield (
        "jpeg of a byte more",
        padded(picture(), 30_000_001),
        "media_too_large image_bytes_max: 30,000,000",
    )
    room = atom(b"free", bytes(50_000_000 - len(video()) - 8))
    yield "mp4 of 50 MB", video() + room, "video/mp4 640x640 2000"
    crumbs = padded(video(), 50_000_000, atom(b"free"))
    yield "mp4 of six million atoms", crumbs, READABLE + "more than 100,000 parts"
    yield (
        "mp4 of a byte more",
        padded(video(), 50_000_001),
        "media_too_large video_bytes_max: 50,000,000",
    )
    yield (
        "wav of a byte more",
        padded(wav(), 15_000_001),
        "media_too_large audio_bytes_max: 15,000,000",
    )


def padded(data: bytes, size: int, unit: bytes = b"\0") -> bytes:
    return data + (unit * ((size - len(data)) // len(unit) + 1))[: size - len(data)]


def _sounds() -> Iterator[Row]:
    yield "mp3", sound(), "audio/mpeg 2017"
    yield "mp3 of 15 s", sound(milliseconds=15_000), "audio/mpeg 15001"
    yield "mp3 without a tag", sound()[sound().index(b"\xff\xfb") :], "audio/mpeg"
    yield "wav", wav(), "audio/wav 2000"
    yield "wav of 15 s", wav(15_000), "audio/wav 15000"
    yield "wav of bytes", wav(width=1), "audio/wav 2000"
    yield "wav of 24 bits", wav(width=3), "audio/wav 2000"
    yield "wav in stereo", wav(channels=2), "audio/wav 2000"
    yield "wav of floats", sound("pcm_f32le", "wav", samples="flt"), "audio/wav 2000"
    yield "wav of 15.1 s", wav(15_100), "media_too_long audios_milliseconds_max: 15.1 s"
    yield "mp3 of 15.2 s", sound(milliseconds=15_200), "media_too_long audios_milliseconds_max: "
    yield (
        "wav of 10 hours",
        wav(36_000_000, rate=200, width=1),
        "media_too_long audios_milliseconds_max: the sound is 36000 s",
    )
    yield "half a wav", wav(4000)[: len(wav(4000)) // 2], READABLE + "damaged"
    yield "wav that says 4 GB", after(wav(), b"data", 0, b"\xf0\xff\xff\xff"), READABLE + "damaged"
    yield "wav of nothing", wav(0), READABLE
    yield "wav of no channels", after(wav(), b"fmt ", 6, b"\0\0"), READABLE
    yield "wav of no rate", after(wav(), b"fmt ", 8, b"\0\0\0\0"), READABLE
    yield "wav in ADPCM", sound("adpcm_ms", "wav", samples="s16"), READABLE + "MP3 and plain WAV"
    yield "mp3 of a tag alone", b"ID3\4\0\0\0\0\0\0", READABLE
    yield "mp3 of a tag of 256 MB", b"ID3\4\0\0\x7f\x7f\x7f\x7f" + bytes(100), READABLE
    yield "aac", sound("aac", "adts", samples="fltp"), TYPES + "AAC"
    yield "m4a", sound("aac", "ipod", samples="fltp"), TYPES + "M4A"
    yield "flac", sound("flac", "flac", samples="s16"), TYPES + "FLAC"
    yield "opus", sound("libopus", "ogg", samples="s16"), TYPES + "Ogg"
    yield "aiff", sound("pcm_s16be", "aiff", samples="s16"), TYPES + "no known"
    yield "midi", b"MThd\0\0\0\6\0\0\0\1\0\x60", TYPES + "MIDI"


def _bare_beginnings() -> Iterator[Row]:
    """The first bytes of a type, and then chance."""
    chance = random.Random(7)  # noqa: S311 (the same chance each time is what is wanted)
    for name, head in (
        ("jpeg", picture()[:4]), ("png", picture("PNG")[:8]), ("webp", picture("WEBP")[:16]),
        ("mp4", video()[:32]), ("mov", video(format="mov")[:20]), ("wav", wav()[:12]),
    ):  # fmt: skip
        yield f"{name} and chance", head + chance.randbytes(5000), READABLE
        yield f"{name} and zeroes", head + bytes(5000), READABLE
    yield "mp3 tag and chance", b"ID3\4\0\0\0\0\0\0" + chance.randbytes(5000), READABLE


def changed(rows: Iterable[tuple[bytes, str]], count: int) -> Iterator[tuple[str, bytes]]:
    """Good files in which some bytes are others: no answer was decided for them, but there must be one."""
    chance = random.Random(11)  # noqa: S311 (as above)
    good = [data for data, answer in rows if "/" in answer.split(" ")[0] and len(data) < 100_000]
    for number in range(count):
        data = bytearray(chance.choice(good))
        for _ in range(chance.randint(1, 12)):
            data[chance.randrange(len(data))] = chance.randrange(256)
        yield f"changed {number}", bytes(data)

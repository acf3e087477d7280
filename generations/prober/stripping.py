"""Copies a picture without what is not needed to see it: EXIF, GPS, comments, thumbnails, a second file at its end.

The pixels stay as they were compressed. What is copied is a list of the known, never all but the bad.
"""

import struct
import zlib

from generations.prober import Bad

PNG_HEAD = b"\x89PNG\r\n\x1a\n"
PNG_KEPT = {
    b"IHDR",
    b"PLTE",
    b"tRNS",
    b"IDAT",
    b"IEND",
    b"gAMA",
    b"cHRM",
    b"sRGB",
    b"iCCP",
    b"sBIT",
}
WEBP_KEPT = {b"VP8 ", b"VP8L", b"VP8X", b"ALPH", b"ICCP"}
WEBP_ICC, WEBP_ALPHA = 0x20, 0x10  # the flags of VP8X that stay true
JPEG_TABLES = {0xC4, 0xDB, 0xDD, 0xCC}  # Huffman, quantization, restart interval, arithmetic
JPEG_FRAMES = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}
JPEG_IN_SCAN = {0x00, 0xFF, *range(0xD0, 0xD8)}  # may follow an FF inside compressed data
JPEG_BARE = {0x01, *range(0xD0, 0xD8)}  # markers without a length


def strip(format: str, data: bytes) -> bytes:
    """Raises Bad when the file ends too early."""
    copy = {"JPEG": _jpeg, "PNG": _png, "WEBP": _webp}[format]
    try:
        return copy(data)
    except (struct.error, IndexError):
        raise Bad("is damaged: it ends too early.") from None


def _png(data: bytes) -> bytes:
    kept, place = [PNG_HEAD], len(PNG_HEAD)
    while True:
        length, kind = struct.unpack_from(">I4s", data, place)
        end = place + 12 + length
        chunk = data[place:end]
        if len(chunk) < 12 + length:
            raise Bad("is damaged: it ends too early.")
        if kind in PNG_KEPT:
            if zlib.crc32(chunk[4:-4]) != int.from_bytes(chunk[-4:], "big"):
                raise Bad("is damaged: a checksum is wrong.")
            kept.append(chunk)
        if kind == b"IEND":
            return b"".join(kept)
        place = end


def _webp(data: bytes) -> bytes:
    kept: list[bytes] = []
    place, end = 12, min(len(data), 8 + struct.unpack_from("<I", data, 4)[0])
    while place + 8 <= end:
        kind, length = struct.unpack_from("<4sI", data, place)
        body = data[place + 8 : place + 8 + length]
        if len(body) < length:
            raise Bad("is damaged: it ends too early.")
        if kind == b"VP8X":
            body = bytes([body[0] & (WEBP_ICC | WEBP_ALPHA)]) + body[1:]
        if kind in WEBP_KEPT:
            kept.append(struct.pack("<4sI", kind, length) + body + b"\0" * (length % 2))
        place += 8 + length + length % 2
    content = b"WEBP" + b"".join(kept)
    return b"RIFF" + struct.pack("<I", len(content)) + content


def _jpeg(data: bytes) -> bytes:
    kept, place = [b"\xff\xd8"], 2
    while True:
        while data[place] == 0xFF and data[place + 1] == 0xFF:
            place += 1  # fill bytes
        if data[place] != 0xFF:
            raise Bad("is damaged: a marker is missing.")
        marker = data[place + 1]
        if marker == 0xD9:
            return b"".join([*kept, b"\xff\xd9"])
        if marker in JPEG_BARE:
            place += 2
            continue
        end = place + 2 + struct.unpack_from(">H", data, place + 2)[0]
        segment = data[place:end]
        if marker == 0xDA:
            end = _end_of_scan(data, end)
            kept.append(data[place:end])
        elif marker in JPEG_TABLES | JPEG_FRAMES or _is_colour(marker, segment):
            kept.append(segment)
        place = end


def _is_colour(marker: int, segment: bytes) -> bool:
    """JFIF's density, the colour profile, and Adobe's word on what the channels are."""
    name = segment[4:16]
    return (
        (marker == 0xE0 and name.startswith(b"JFIF\0") and len(segment) == 18)
        or (marker == 0xE2 and name.startswith(b"ICC_PROFILE\0"))
        or (marker == 0xEE and name.startswith(b"Adobe"))
    )


def _end_of_scan(data: bytes, place: int) -> int:
    """Where the next marker stands: compressed data holds FF only before 00 and restarts."""
    while True:
        place = data.find(b"\xff", place)
        if place < 0:
            raise Bad("is damaged: it ends too early.")
        following = data[place + 1]
        if following not in JPEG_IN_SCAN:
            return place
        place += 1 if following == 0xFF else 2

"""Copies an MP4 or MOV without what is not needed to play it: the place, the telephone, comments, tracks of data.

Nothing moves: what goes becomes empty space of the same size, so that every position in the index stays true,
and the compressed pictures and sounds are the same bytes. What stays is a list of the known, as in `stripping`.
"""

import shutil
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from generations.prober import Bad

BOXES_MAX = 100_000
ZEROS = bytes(1 << 20)
SPACE = {b"free", b"skip", b"wide"}  # stay, and are emptied
FILE = b""
# What each box that is a container of others may hold. A box that is no container here stays as a whole.
KNOWN: dict[bytes, set[bytes]] = {
    FILE: {b"ftyp", b"moov", b"mdat", b"moof", b"mfra", b"styp", b"sidx"},
    b"moov": {b"mvhd", b"trak", b"mvex", b"iods"},
    b"trak": {b"tkhd", b"edts", b"mdia", b"tapt", b"load"},
    b"edts": {b"elst"},
    b"mdia": {b"mdhd", b"hdlr", b"minf", b"elng"},
    b"minf": {b"vmhd", b"smhd", b"hdlr", b"dinf", b"stbl"},
    b"stbl": {
        b"stsd", b"stts", b"ctts", b"cslg", b"stss", b"stps", b"stsz", b"stz2", b"stsc", b"stco",
        b"co64", b"sdtp", b"sbgp", b"sgpd", b"subs",
    },
    b"mvex": {b"mehd", b"trex"},
    b"moof": {b"mfhd", b"traf"},
    b"traf": {b"tfhd", b"tfdt", b"trun", b"sdtp", b"sbgp", b"sgpd", b"subs"},
}  # fmt: skip
TRACKS = {b"vide", b"soun"}  # all others are data: places over time, chapters, captions


@dataclass(frozen=True)
class Box:
    kind: bytes
    start: int
    content: int  # where it begins
    end: int


@dataclass(frozen=True)
class Hole:
    """Is filled with zeros; a box's own bytes become a box `free`."""

    start: int
    end: int
    is_box: bool = False


def strip(path: Path, clean: Path) -> bool:
    """Write to `clean` unless there is nothing to remove: then False. Raises Bad."""
    with path.open("rb") as file:
        whole = Box(FILE, 0, 0, path.stat().st_size)
        try:
            holes = list(_holes(file, whole))
        except struct.error:
            raise Bad("is damaged: it ends too early.") from None
    if not holes:
        return False
    shutil.copyfile(path, clean)
    with clean.open("r+b") as into:
        for hole in holes:
            _fill(into, hole, whole.end)
    return True


def _holes(file: BinaryIO, whole: Box) -> Iterator[Hole]:
    looked_at, are_data = 0, False
    waiting = [whole]
    has_fragments = False
    while waiting:
        parent = waiting.pop()
        end_of_last = parent.content
        for box in _inside(file, parent):
            looked_at, end_of_last = looked_at + 1, box.end
            if looked_at > BOXES_MAX:
                raise Bad(f"has more than {BOXES_MAX:,} parts.")
            has_fragments |= box.kind == b"moof"
            if box.kind in SPACE:
                if not _is_empty(file, box.content, box.end):
                    yield Hole(box.content, box.end)
            elif box.kind not in KNOWN[parent.kind]:
                yield Hole(box.start, box.end, is_box=True)
            elif box.kind == b"trak" and _handler(file, box) not in TRACKS:
                are_data = True
                yield from _samples(file, box)
                yield Hole(box.start, box.end, is_box=True)
            elif box.kind in KNOWN:
                waiting.append(box)
        if not _is_empty(file, end_of_last, parent.end):  # what is no box
            yield Hole(end_of_last, parent.end, is_box=parent.end - end_of_last >= 8)
    if are_data and has_fragments:
        raise Bad("has a track of data in fragments, which cannot be taken out.")


def _inside(file: BinaryIO, parent: Box) -> Iterator[Box]:
    """The boxes in it, as players read them: one that is longer than its parent ends with it."""
    place = parent.content
    while place + 8 <= parent.end:
        file.seek(place)
        size, kind = struct.unpack(">I4s", file.read(8))
        head = 8
        if size == 1:
            head, (size,) = 16, struct.unpack(">Q", file.read(8))
        end = min(place + size, parent.end) if size else parent.end
        if end < place + head:
            return
        yield Box(kind, place, place + head, end)
        place = end


def _find(file: BinaryIO, parent: Box, *kinds: bytes) -> Box | None:
    for kind in kinds:
        found = [box for box in _inside(file, parent) if box.kind == kind][:1]
        if not found:
            return None
        (parent,) = found
    return parent


def _read(file: BinaryIO, box: Box) -> bytes:
    file.seek(box.content)
    return file.read(box.end - box.content)


def _is_empty(file: BinaryIO, start: int, end: int) -> bool:
    file.seek(start)
    return file.read(end - start).count(0) == end - start


def _handler(file: BinaryIO, trak: Box) -> bytes:
    found = _find(file, trak, b"mdia", b"hdlr")
    return _read(file, found)[8:12] if found else b""


def _samples(file: BinaryIO, trak: Box) -> Iterator[Hole]:
    """Where the content of a track lies, chunk by chunk."""
    stbl = _find(file, trak, b"mdia", b"minf", b"stbl")
    tables = {box.kind: _read(file, box) for box in _inside(file, stbl)} if stbl else {}
    if b"stz2" in tables:
        raise Bad("has a track of data in a rare form, which cannot be taken out.")
    places = _numbers(tables.get(b"stco", b""), 4, "I") or _numbers(
        tables.get(b"co64", b""), 4, "Q"
    )
    sizes, runs = tables.get(b"stsz", b""), _numbers(tables.get(b"stsc", b""), 4, "III")
    if not (places and sizes and runs):
        return
    (same,) = struct.unpack_from(">I", sizes, 4)
    each = [] if same else [size for (size,) in _numbers(sizes, 8, "I")]
    sample, run = 0, 0
    for chunk, (place,) in enumerate(places, start=1):
        while run + 1 < len(runs) and runs[run + 1][0] <= chunk:
            run += 1
        count = runs[run][1]
        length = same * count if same else sum(each[sample : sample + count])
        sample += count
        yield Hole(place, place + length)


def _numbers(table: bytes, place: int, form: str) -> list[tuple[int, ...]]:
    """The rows of a table, of which its count stands at `place`: as many as there are, if it says more."""
    if not table:
        return []
    (count,) = struct.unpack_from(">I", table, place)
    row = struct.Struct(f">{form}")
    rows = min(count, (len(table) - place - 4) // row.size)
    return list(row.iter_unpack(table[place + 4 : place + 4 + rows * row.size]))


def _fill(into: BinaryIO, hole: Hole, file_end: int) -> None:
    start, end = hole.start, min(hole.end, file_end)
    if hole.is_box:
        into.seek(start)
        into.write(struct.pack(">I4s", end - start, b"free"))
        start += 8
    into.seek(start)
    while start < end:
        start += into.write(ZEROS[: end - start])

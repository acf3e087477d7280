"""Where and by whom a video was made is not kept, and what is seen and heard of it stays bit by bit."""

import io
import struct
import tempfile
import time
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import pytest

from generations.limits import BadFile, Measured
from generations.prober import Bad, boxes
from generations.probing import probe
from tests.generations.files import after, atom, video

PLACE = b"+48.8577+002.2950/"
MARKS = (b"48.8577", b"loci", b"A telephone", b"com.apple.quicktime", b"\xa9xyz", b"Lavf")


def clean(data: bytes, folder: Path) -> bytes:
    """What is kept of it; the file itself if nothing goes."""
    (folder / "whole").write_bytes(data)
    (folder / "clean").unlink(missing_ok=True)
    return (
        folder / "clean" if boxes.strip(folder / "whole", folder / "clean") else folder / "whole"
    ).read_bytes()


def telephone(format: str, **how: Any) -> bytes:
    """As telephones write it: the place in `udta`, in numbers (MP4), or under Apple's keys in `meta` (MOV)."""
    names = (
        {"location": PLACE.decode()}
        if format == "mp4"
        else {
            "com.apple.quicktime.location.ISO6709": PLACE.decode(),
            "com.apple.quicktime.make": "A telephone",
        }
    )
    options = {"movflags": "use_metadata_tags" + how.pop("flags", "")} if format == "mov" else {}
    source: Any
    with tempfile.NamedTemporaryFile() as file:
        with (
            av.open(io.BytesIO(video(**how))) as source,
            av.open(file.name, "w", format=format, options=options) as into,
        ):
            into.metadata.update(names)
            streams = {one.index: into.add_stream_from_template(one) for one in source.streams}
            for packet in source.demux():
                if packet.dts is not None:
                    packet.stream = streams[packet.stream.index]
                    into.mux(packet)
        return Path(file.name).read_bytes()


def played(data: bytes) -> list[Any]:
    """Everything that a player gets: packets with their times, pictures and sounds, how it is turned."""
    container: Any
    with av.open(io.BytesIO(data), format="mov") as container:
        heard: list[Any] = [container.duration]
        heard += [
            (one.type, one.codec_context.name, one.duration, one.time_base, one.start_time)
            for one in container.streams
        ]
        for packet in container.demux():
            heard.append(
                (packet.stream.index, packet.pts, packet.dts, packet.duration, bytes(packet))
            )
            for frame in packet.decode():
                picture = [bytes(plane) for plane in frame.planes]
                heard.append((frame.pts, getattr(frame, "rotation", 0), picture))
    return heard


@pytest.mark.parametrize("format", ["mp4", "mov"])
def test_the_place_and_the_maker_go_and_nothing_else_changes(tmp_path: Path, format: str) -> None:
    whole = telephone(format, rate=24, sound=True)
    assert (b"loci" if format == "mp4" else b"48.8577") in whole

    kept = clean(whole, tmp_path)

    assert len(kept) == len(whole)
    assert [mark for mark in MARKS if mark in kept] == []
    assert played(kept) == played(whole)


@pytest.mark.parametrize(
    "how",
    [
        {"sound": True, "rate": 24},
        {"start_with_index": True, "sound": True},
        {"fragments": True},
        {"codec": "libx265"},
        {"format": "mov"},
        {"seconds": Fraction("5.1"), "rate": 10},
    ],
    ids=str,
)
def test_every_form_of_a_file_plays_as_before(tmp_path: Path, how: dict[str, Any]) -> None:
    whole = video(**how)

    assert played(clean(whole, tmp_path)) == played(whole)


@pytest.mark.parametrize("quarter", [(0, 1, -1, 0), (-1, 0, 0, -1), (0, -1, 1, 0)])
def test_a_video_stays_turned_as_it_was(tmp_path: Path, quarter: tuple[int, ...]) -> None:
    a, b, c, d = (n << 16 & 0xFFFFFFFF for n in quarter)
    matrix = struct.pack(">9I", a, b, 0, c, d, 0, 0, 0, 1 << 30)
    turned = after(video(2, 640, 720), b"tkhd", 40, matrix)

    kept = clean(turned, tmp_path)

    assert played(kept) == played(turned)
    assert {row[1] for row in played(kept)[2:] if len(row) == 3} != {0}


def test_a_track_of_data_goes_with_its_content(tmp_path: Path) -> None:
    """Cameras write where they were once a second, in a track of its own."""
    whole = video(sound=True, rate=24)
    container: Any
    with av.open(io.BytesIO(whole)) as container:
        places = [bytes(packet) for packet in container.demux(audio=0) if packet.size > 4]
    recorded = after(whole, b"soun", -4, b"meta")
    assert all(place in recorded for place in places)

    kept = clean(recorded, tmp_path)

    assert len(places) > 10
    assert not any(place in kept for place in places)
    pictures = [row for row in played(whole)[3:] if row[0] == 0 and len(row) == 5]
    assert [row for row in played(kept)[2:] if len(row) == 5] == pictures


def test_a_track_of_data_in_fragments_is_refused(tmp_path: Path) -> None:
    recorded = after(video(sound=True, rate=24, fragments=True), b"soun", -4, b"meta")

    with pytest.raises(Bad, match="a track of data in fragments"):
        clean(recorded, tmp_path)


@pytest.mark.parametrize(
    "extra",
    [
        atom(b"uuid", bytes(16), b"<x:xmpmeta>48.8577"),
        atom(b"free", b"48.8577"),
        atom(b"skip", b"48.8577"),
        atom(b"meta", bytes(4), b"48.8577"),
        atom(b"moov", atom(b"udta", atom(b"loci", b"48.8577"))),
        b"PK\3\4 48.8577",
        b"48.8577"[:7],
        struct.pack(">I4sQ", 1, b"uuid", 40) + b"48.8577".ljust(24),
        atom(b"what", b"48.8577") * 100,
    ],
)
def test_what_stands_behind_a_video_is_not_kept(tmp_path: Path, extra: bytes) -> None:
    whole = video()

    kept = clean(whole + extra, tmp_path)

    assert b"48.8577" not in kept
    assert len(kept) == len(whole + extra)
    assert played(kept) == played(whole)


def test_a_file_with_nothing_to_remove_is_not_copied(tmp_path: Path) -> None:
    once = clean(telephone("mp4"), tmp_path)

    (tmp_path / "whole").write_bytes(once)
    (tmp_path / "clean").unlink()

    assert boxes.strip(tmp_path / "whole", tmp_path / "clean") is False
    assert not (tmp_path / "clean").exists()


def test_what_is_kept_is_what_was_measured(tmp_path: Path) -> None:
    """The guarded process does it: nobody else reads the file."""
    (tmp_path / "file").write_bytes(telephone("mov", seconds=2))

    found = probe(tmp_path / "file", "video", clean=tmp_path / "clean")

    kept = (tmp_path / "clean").read_bytes()
    assert found == Measured("video/quicktime", len(kept), 640, 640, 2000)
    assert [mark for mark in MARKS if mark in kept] == []


def test_the_largest_video_is_cleaned_within_its_time(tmp_path: Path) -> None:
    whole = telephone("mp4")
    room = atom(b"free", b"48.8577" * ((50_000_000 - len(whole) - 8) // 7))
    (tmp_path / "file").write_bytes(whole + room)
    started = time.process_time()

    boxes.strip(tmp_path / "file", tmp_path / "clean")

    assert time.process_time() - started < 1.5
    assert b"48.8577" not in (tmp_path / "clean").read_bytes()


def test_a_file_of_too_many_parts_is_refused_at_once(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(video() + atom(b"free") * 200_000)

    with pytest.raises(BadFile, match="has more than 100,000 parts"):
        probe(tmp_path / "file", clean=tmp_path / "clean")

"""Which clusters have come to a stop, and which only work."""

import os

import pytest

from seedance_saas.progress import Progress

US = os.getpid()  # a worker that lives
NOBODY = 2**22 + 1  # above the largest pid of Linux


def _after(*steps: tuple[float, str], waits: float = 0, now: float) -> str | None:
    progress = Progress(since=0.0, task_seconds_max=60)
    for at, line in steps:
        progress.note(f"{line}\n".encode(), now=at)
    return progress.why_stuck(now=now, oldest_wait_seconds=waits)


@pytest.mark.parametrize(
    ("_case", "steps", "waits", "now"),
    [
        ("idle", [(1, "asked 0 1")], 0, 900),
        ("just taken", [(1, "asked 0 1"), (2, "taken 7 1")], 0, 9),
        ("a long task", [(1, "taken 7 1"), (2, f"started 7 {US}")], 0, 61),
        ("busy, the next waits", [(1, f"started 7 {US}"), (2, "taken 8 1")], 55, 60),
        ("just finished", [(1, f"started 7 {US}"), (2, f"finished 7 {US}")], 0, 9),
        ("recorded", [(1, f"finished 7 {US}"), (2, "recorded 7 1")], 0, 900),
        ("resting after a database error", [(1, "asked 0 1")], 12, 13),
        ("a slow start", [], 70, 70),
        ("others are started meanwhile", [(1, "taken 7 1"), (20, f"started 8 {US}")], 0, 27),
    ],
)
def test_a_working_cluster_is_left_alone(
    _case: str, steps: list[tuple[float, str]], waits: float, now: float
) -> None:
    assert _after(*steps, waits=waits, now=now) is None


@pytest.mark.parametrize(
    ("why", "steps", "waits", "now"),
    [
        ("1 tasks were taken and nobody starts one", [(1, "taken 7 1")], 0, 10),
        (
            "1 tasks were taken and nobody starts one",
            [(1, f"started 6 {NOBODY}"), (2, "taken 7 1")],
            0,
            11,
        ),
        (
            "1 tasks were taken and nobody starts one",
            [(1, f"started 6 {US}"), (2, "taken 7 1")],
            0,
            71,
        ),
        (
            "1 results are there and nobody records one",
            [(1, "finished 6 1"), (8, "taken 7 1"), (8, "started 7 1"), (8, "recorded 7 1")],
            0,
            17,
        ),
        ("tasks wait and nobody takes one", [(1, "asked 0 1")], 21, 22),
        ("tasks wait and nobody takes one", [], 81, 81),
    ],
)
def test_a_stop_is_told_from_a_pause(
    why: str, steps: list[tuple[float, str]], waits: float, now: float
) -> None:
    assert _after(*steps, waits=waits, now=now) == why


def test_half_a_line_waits_for_its_other_half() -> None:
    progress = Progress(since=0.0, task_seconds_max=60)

    progress.note(b"taken 7 1\ntak", now=1)
    progress.note(b"en 8 1\nstarted 7 1\nfinished 7 1\nrecorded 7 1\n", now=2)

    assert progress.unfinished == {8}

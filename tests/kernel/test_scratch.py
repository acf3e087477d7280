"""What a killed process leaves behind is taken away, and what is in use is not."""

import os
import time
from pathlib import Path
from typing import Any

import pytest

from seedance_saas import scratch


@pytest.fixture(autouse=True)
def here(settings: Any, tmp_path: Path) -> Path:
    settings.SCRATCH_DIR = tmp_path / "scratch"
    return tmp_path / "scratch"


def aged(path: Path, seconds: float) -> None:
    at = time.time() - seconds
    os.utime(path, (at, at))


def test_a_folder_is_there_for_the_work_and_gone_after_it(here: Path) -> None:
    with scratch.folder() as folder:
        (folder / "file").write_text("x")
        assert folder.parent == here
        assert here.stat().st_mode & 0o077 == 0

    assert list(here.iterdir()) == []


def test_what_is_old_goes_and_what_is_new_stays(here: Path) -> None:
    root = scratch.root()
    for name, seconds in (("old", 7300), ("new", 7100)):
        (root / name).mkdir()
        (root / name / "file").write_text("x")
        (root / f"{name}.upload").write_text("x")
        for path in (root / name, root / f"{name}.upload"):
            aged(path, seconds)

    assert scratch.forget() == 2
    assert sorted(path.name for path in root.iterdir()) == ["new", "new.upload"]
    assert scratch.forget() == 0

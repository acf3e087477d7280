"""Files that live no longer than the work on them, in a folder of this machine that every process of ours shares.

A process that is killed leaves its own behind; whoever comes by later takes them away.
"""

import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from django.conf import settings

LEFT_SECONDS = 2 * 3600  # no work on a file takes so long


@contextmanager
def folder() -> Iterator[Path]:
    """A new folder, gone with all that is in it in the end."""
    with tempfile.TemporaryDirectory(dir=root(), ignore_cleanup_errors=True) as name:
        yield Path(name)


def root() -> Path:
    """Where they all are. Made if it is not there."""
    path = Path(settings.SCRATCH_DIR)
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    return path


def forget() -> int:
    """Take away what was left behind; how many."""
    before, taken = time.time() - LEFT_SECONDS, 0
    for path in root().iterdir():
        with suppress(FileNotFoundError):  # another process was faster
            if path.stat().st_mtime < before:
                if path.is_dir():
                    shutil.rmtree(path, ignore_errors=True)
                else:
                    path.unlink()
                taken += 1
    return taken

"""What keeps the product from working, or soon will: told to our staff by `accounts.alarms`.

Each room has a module of this name with a `found`; settings.TROUBLES names them.
"""

import shutil
from dataclasses import dataclass
from datetime import timedelta

from django.conf import settings
from django.db.models.functions import Now

from seedance_saas import health, queue
from seedance_saas.models import Sweep

QUEUE_WAITS_SECONDS = 120
FAILS_FOR = timedelta(minutes=5)
FREE_BYTES_MIN = 2_000_000_000


@dataclass(frozen=True)
class Trouble:
    """`name` stays the same for as long as it lasts, and `count` grows when it gets worse. `words` are sentences.

    `path`: the page of the console where it is seen to; empty for the first one.
    """

    name: str
    words: str
    path: str = ""
    count: int = 1


def found() -> list[Trouble]:
    """Of the machinery: worker, queue, sweeps, and the disk of the machine that asks."""
    return [*_stands_still(), *_failing(), *_disk_is_full()]


def _stands_still() -> list[Trouble]:
    if problems := health.problems():
        return [Trouble("not-ready", " ".join(problems))]
    waits = int(queue.oldest_wait_seconds())
    if waits <= QUEUE_WAITS_SECONDS:
        return []
    words = (
        f"A task has been due for {waits:,} seconds, and no worker takes it: start more of them."
    )
    return [Trouble("queue", words)]


def _failing() -> list[Trouble]:
    rows = Sweep.objects.filter(failing_since__lt=Now() - FAILS_FOR).order_by("name")
    return [
        Trouble(
            f"sweep:{row.name}",
            f"{row.name} has failed each time since {row.failing_since:%Y-%m-%d %H:%M} UTC:"
            " the worker's log says why, at sweep.failed.",
        )
        for row in rows
    ]


def _disk_is_full() -> list[Trouble]:
    free = shutil.disk_usage(settings.DATA_DIR).free
    if free >= FREE_BYTES_MIN:
        return []
    words = f"{settings.DATA_DIR} has {free // 1_000_000:,} MB left: files will be refused soon."
    return [Trouble("disk", words)]

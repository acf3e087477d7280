"""What time does: every sweep of settings.CLOCK is enqueued when it is due, and never twice at once."""

import logging
import operator
from datetime import timedelta
from functools import reduce

from django.conf import settings
from django.db import transaction
from django.db.models import F, Q
from django.db.models.functions import Now

from seedance_saas import queue
from seedance_saas.models import Sweep

logger = logging.getLogger(__name__)

# A run that takes longer than a task may is lost: its worker was killed.
LOST_SECONDS = settings.TASK_TIMEOUT_SECONDS + 15


def register() -> None:
    """Make a row for every sweep that has none."""
    Sweep.objects.bulk_create([Sweep(name=name) for name in settings.CLOCK], ignore_conflicts=True)


def tick() -> list[str]:
    """Enqueue every sweep that is due, and give their names.

    Any number of clocks may do this at the same time: the `run` number admits one of them, in the
    transaction that enqueues. Time is the database's, so the machines' clocks may differ.
    """
    due = reduce(operator.or_, (_due(name, seconds) for name, seconds in settings.CLOCK.items()))
    enqueued = []
    for name, run in Sweep.objects.filter(due).order_by("name").values_list("name", "run"):
        with transaction.atomic():
            won = Sweep.objects.filter(name=name, run=run).update(run=run + 1, enqueued_at=Now())
            if won:
                queue.enqueue("seedance_saas.queue.run_sweep", name, run + 1)
                enqueued.append(name)
    return enqueued


def hasten(name: str, *, by: str) -> bool:
    """Let a sweep be due now, because a person wants it. False if it is due already, or runs."""
    hastened = Sweep.objects.filter(_is_over(), name=name).update(enqueued_at=None)
    logger.info("sweep.hastened name=%s by=%s done=%s", name, by, bool(hastened))
    return bool(hastened)


def _due(name: str, seconds: float) -> Q:
    return Q(name=name) & (
        Q(enqueued_at=None) | Q(enqueued_at__lte=Now() - timedelta(seconds=seconds)) & _is_over()
    )


def _is_over() -> Q:
    over = Q(finished_at__gte=F("enqueued_at"))
    lost = Q(enqueued_at__lte=Now() - timedelta(seconds=LOST_SECONDS))
    return over | lost

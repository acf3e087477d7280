"""A process that dies: between any two statements of the database, or any two calls to Stripe.

    for killer in each_death(stripe_account):
        world = make()
        with killer:
            step(world)
        worlds.append(world)

The step is run once for each moment at which it can die, and at last once to its end. A moment is before each
statement, before each COMMIT, before each call to Stripe, and after a call was answered but before anybody has
read it. The database rolls back what was not committed; nothing that ran in the process does anything afterwards.

Long steps die at every third moment on each day, and at each of them in the thorough tests.
"""

import itertools
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import Any

import pytest
import time_machine
from django.db import connections
from django.utils.module_loading import import_string
from django_q.models import OrmQ
from django_q.signing import SignedPackage

from billing import sweeps, tasks
from billing.models import StripeCheck
from tests.stripe_account import StripeAccount


@pytest.fixture
def hours() -> Iterator[time_machine.Traveller]:
    """Our hours and Stripe's: noon of a Monday, and it goes on."""
    with time_machine.travel(datetime(2026, 5, 11, 12, tzinfo=UTC)) as hours:
        yield hours


_each = [pytest.param(3, id="every third"), pytest.param(1, id="each", marks=pytest.mark.thorough)]
at_moments = pytest.mark.parametrize("every", _each)
# `lost` is 0 or 1: of which of them, the even or the odd ones, the queue has lost the tasks for good.
at_moments_with_losses = pytest.mark.parametrize(
    ("every", "lost"),
    [
        pytest.param(3, 1, id="every third"),
        pytest.param(1, 0, id="each, even ones lost", marks=pytest.mark.thorough),
        pytest.param(1, 1, id="each, odd ones lost", marks=pytest.mark.thorough),
    ],
)


class Killed(BaseException):
    """No `except Exception` holds a kill -9 up."""


class Killer:
    """Kills what runs under it at its `at`-th moment; `has_killed` says whether there were so many."""

    def __init__(self, account: StripeAccount, at: int) -> None:
        self.account, self.at = account, at
        self.database: Any = connections["default"]  # its private steps are where it dies
        self.has_killed = False
        self._count = 0

    def _moment(self, *_: object) -> None:
        self._count += 1
        if self.has_killed or self._count == self.at:
            self.has_killed = True  # and whatever a dead process still tries is not done
            raise Killed

    def _statement(self, execute: Callable[..., Any], *arguments: Any) -> Any:
        self._moment()
        return execute(*arguments)

    def _commit(self) -> None:
        try:
            self._moment()
        except Killed:
            self.database._rollback()
            raise
        type(self.database)._commit(self.database)

    def __enter__(self) -> "Killer":
        self._wrapper = self.database.execute_wrapper(self._statement)
        self._wrapper.__enter__()
        self.database._commit = self._commit  # taken off again below
        self.account.before_call = self.account.after_call = self._moment
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: object, trace: TracebackType | None
    ) -> bool:
        self._wrapper.__exit__(None, None, None)
        del self.database._commit
        self.account.before_call = self.account.after_call = lambda method, url: None
        assert not self.database.in_atomic_block
        return kind is Killed


def each_death(account: StripeAccount, *, every: int = 1) -> Iterator[Killer]:
    """A killer for each moment, or for every so many, and a last one that kills nobody."""
    for at in itertools.count(1, every):
        killer = Killer(account, at)
        yield killer
        assert killer._count, "nothing ran under it"
        if not killer.has_killed:
            return


def newest_task() -> int:
    """The number of the task that was enqueued last."""
    return OrmQ.objects.order_by("-id").values_list("id", flat=True).first() or 0


def work(after: int = 0) -> None:
    """What a worker does: each task that came after this one, the oldest first, acknowledged when it is done."""
    while row := OrmQ.objects.filter(id__gt=after).order_by("id").first():
        task = SignedPackage.loads(row.payload)
        import_string(task["func"])(*task["args"])
        OrmQ.objects.filter(pk=row.pk).delete()


def lose_tasks(after: int = 0) -> None:
    """The queue has given them up: what they were for has to be found by whoever owns its state."""
    OrmQ.objects.filter(id__gt=after).delete()


def recover(hours: time_machine.Traveller, *, minutes: int = 10) -> None:
    """The product's own means: tasks are brought again, and the clock's sweeps look after what waits."""
    work()
    for _ in range(minutes // 2):
        hours.shift(timedelta(minutes=2))
        for owner in sweeps.OWNERS:
            owner()
        tasks.send_meter_events()
        work()


def compare() -> list[str]:
    """The daily comparison; what it could not mend."""
    tasks.compare_with_stripe()
    work()
    differences: list[str] = StripeCheck.objects.latest("id").differences
    return differences

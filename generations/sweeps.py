"""What time does: every state in which a generation can wait has an owner here.

    PREPARING    the lease of fetcher.py, out_of_time
    QUEUED       canceled_in_the_queue, out_of_time
    SUBMITTING   lost_submits
    UNKNOWN      look_for_lost, out_of_time
    RUNNING      poll_running, out_of_time
    COLLECTING   collect_again, out_of_time
    a webhook that nobody handled: handle_again

A sweep finds and enqueues, or ends what has waited too long; it never talks to the network itself.
"""

import logging
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from generations import attempts
from generations.models import Attempt, Generation, ProviderEvent
from generations.settling import fail, settle_canceled
from generations.states import AttemptState, State
from seedance_saas import queue

logger = logging.getLogger(__name__)

BATCH = 200
SUBMIT_IS_LOST = timedelta(seconds=30)  # connecting and waiting for an answer end before that
SUBMIT_NEVER_RAN = timedelta(seconds=15)
LOOK_PAUSE = timedelta(seconds=10)
EVENT_IS_LOST = timedelta(seconds=30)
POLL_SECONDS_MIN, POLL_SECONDS_MAX = 3, 30


def _due(state: State) -> Iterator[Generation]:
    rows = Generation.objects.filter(state=state, due_at__lte=timezone.now())
    return iter(rows.order_by("due_at")[:BATCH])


def _take(generation: Generation, pause: timedelta) -> bool:
    """Look at it again after `pause`; True for the one sweep that said so."""
    return bool(
        Generation.objects.filter(
            pk=generation.pk, state=generation.state, due_at=generation.due_at
        ).update(due_at=timezone.now() + pause, polls_count=generation.polls_count + 1)
    )


def poll_running() -> None:
    """Ask where each running job is: often at first, then every half minute. Webhooks only save time."""
    for generation in _due(State.RUNNING):
        seconds = min(POLL_SECONDS_MAX, POLL_SECONDS_MIN + generation.polls_count)
        with transaction.atomic():
            if _take(generation, timedelta(seconds=seconds)):
                attempt = generation.attempts.latest("number")
                queue.enqueue("generations.tasks.reconcile", attempt.id)


def collect_again() -> None:
    """The collector gave up for now, or died and its lease has run out."""
    for generation in _due(State.COLLECTING):
        queue.enqueue("generations.tasks.collect", generation.id)


def lost_submits() -> None:
    """Attempts that were never sent are sent; those that were sent and got no answer are looked for."""
    now = timezone.now()
    submitting = Attempt.objects.filter(state=AttemptState.SUBMITTING).select_related("generation")
    for attempt in submitting.filter(sent_at=None, created_at__lt=now - SUBMIT_NEVER_RAN)[:BATCH]:
        queue.enqueue("generations.tasks.submit", attempt.id)
    for attempt in submitting.filter(sent_at__lt=now - SUBMIT_IS_LOST)[:BATCH]:
        queue.enqueue("generations.tasks.lose_answer", attempt.id)


def look_for_lost() -> None:
    for generation in _due(State.UNKNOWN):
        with transaction.atomic():
            if _take(generation, LOOK_PAUSE):
                attempt = generation.attempts.latest("number")
                queue.enqueue("generations.tasks.look_for_job", attempt.id)


def out_of_time() -> None:
    """What waited or ran longer than a customer waits ends, free of charge."""
    since = timezone.now() - timedelta(seconds=settings.GENERATION_SECONDS_MAX)
    waited = Generation.objects.filter(state=State.QUEUED, created_at__lt=since)
    _each(waited, lambda generation: fail(generation, "provider_unavailable"))
    # What our own step could not finish in that time, it never will.
    preparing = Generation.objects.filter(state=State.PREPARING, created_at__lt=since)
    collecting = Generation.objects.filter(state=State.COLLECTING, state_since__lt=since)
    for stuck in (preparing, collecting):
        _each(stuck, lambda generation: fail(generation, "internal_error"))
    ran = Generation.objects.filter(state__in=[State.RUNNING, State.UNKNOWN], state_since__lt=since)
    _each(ran, _give_up)


def _give_up(generation: Generation) -> None:
    """Nobody waits for its job any more; the provider is told so."""
    attempt = generation.attempts.latest("number")
    with suppress(attempts.AlreadyClosed), transaction.atomic():
        if fail(generation, "provider_timeout"):
            attempts.close(attempt, AttemptState.FAILED, code="provider_timeout")
            if attempt.job_id:
                queue.enqueue("generations.tasks.stop_job", attempt.id)


def canceled_in_the_queue() -> None:
    """The wish came while the attempt was on its way, and the attempt came back unsent."""
    _each(
        Generation.objects.filter(state=State.QUEUED, cancel_requested_at__isnull=False),
        settle_canceled,
    )


def _each(generations: QuerySet[Generation], end: Callable[[Generation], object]) -> None:
    """End a batch of them, each by itself: one that cannot be ended keeps no other from it."""
    for generation in generations[:BATCH]:
        try:
            end(generation)
        except Exception:
            logger.exception("sweep.not_ended id=%s", generation.pk)


def handle_again() -> None:
    lost = ProviderEvent.objects.filter(
        handled_at=None, received_at__lt=timezone.now() - EVENT_IS_LOST
    )
    for event in lost[:BATCH]:
        queue.enqueue("generations.tasks.handle_provider_event", event.pk)


def look_now(generation: Generation) -> None:
    """What the owner of its state would do some time, is done next: for a person who does not want to wait.

    It enqueues what bears a repeat, so that two at once do no more than one; one that has ended is left alone.
    """
    with transaction.atomic():
        row = Generation.objects.select_for_update(no_key=True).get(pk=generation.pk)
        if row.is_final:
            return
        rows = Generation.objects.filter(pk=row.pk)
        if row.state == State.PREPARING:
            rows.update(due_at=timezone.now())  # the fetcher finds it
        elif row.state == State.QUEUED:
            rows.update(due_at=timezone.now())
            queue.enqueue("generations.tasks.dispatch_queued")
        elif row.state == State.COLLECTING:
            queue.enqueue("generations.tasks.collect", row.id)  # its lease decides
        else:
            attempt = row.attempts.latest("number")
            queue.enqueue(f"generations.tasks.{_next_step(attempt)}", attempt.id)


def _next_step(attempt: Attempt) -> str:
    """Of an attempt that is open: the same that its sweep enqueues."""
    if attempt.state == AttemptState.UNKNOWN:
        return "look_for_job"
    if attempt.state == AttemptState.SUBMITTING:
        is_lost = attempt.sent_at and attempt.sent_at < timezone.now() - SUBMIT_IS_LOST
        return "lose_answer" if is_lost else "submit"
    return "reconcile"


def unstick() -> None:
    """Every owner but the poll, which has a rhythm of its own. One that fails stops no other."""
    owners = (
        collect_again,
        lost_submits,
        look_for_lost,
        canceled_in_the_queue,
        out_of_time,
        handle_again,
    )
    for owner in owners:
        try:
            owner()
        except Exception:
            logger.exception("sweep.failed owner=%s", owner.__name__)

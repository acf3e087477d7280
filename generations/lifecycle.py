"""The life of a generation, to be read from top to bottom.

    create -> prepare -> (dispatch) -> submit -> reconcile -> collect -> settle        cancel at any time

Each step can run twice, beside itself, and die at any line: the state's conditional UPDATE decides who
goes on, and a step that was lost is found by its owner in sweeps.py. No transaction is open while we wait
for the network.
"""

import logging
from collections.abc import Callable, Iterable
from contextlib import suppress
from datetime import timedelta

from django.db import models, transaction
from django.utils import timezone

from accounts import organizations, webhooks
from accounts.models import ApiKey, Membership, Organization
from billing import budget_refusals, ledger
from billing.errors import BudgetExceeded
from generations import (
    allowances,
    attempts,
    collecting,
    inputs,
    orders,
    presentation,
    probing,
    quotes,
)
from generations.errors import ProviderNotReached, TooLateToCancel
from generations.limits import BadFile
from generations.models import Attempt, Generation
from generations.providers import registry
from generations.providers.base import (
    JobState,
    JobStatus,
    ProviderOutcomeUnknown,
    ProviderRefused,
    ProviderUnavailable,
)
from generations.requests import GenerationRequest
from generations.settling import fail, settle_canceled, settle_succeeded
from generations.states import AttemptState, State
from seedance_saas import queue
from seedance_saas.inserts import insert_together

logger = logging.getLogger(__name__)

ATTEMPTS_MAX = 3
RETRY_BACKOFF_SECONDS = (2, 10, 30, 60)
NEVER_ARRIVED = timedelta(minutes=2)  # what a provider's list does not show by then was not started


# -- create ---------------------------------------------------------------------------------------


def create_generations(
    organization: Organization,
    request: GenerationRequest,
    *,
    api_key: ApiKey | None = None,
    member: Membership | None = None,
    also: Callable[[list[Generation]], Iterable[models.Model]] | None = None,
) -> list[Generation]:
    """Quote, hold and queue `request.num_generations` generations: all of them or none.

    `also` makes rows of the caller's (the answer under an idempotency key) that commit with them.
    Raises OrganizationSuspended, OrganizationClosed, ModelNotAllowed, ResolutionNotAllowed, NoRate,
    NotFound, InvalidRequest or UploadRefused for a file, QuoteExpired, QuoteMismatch, MaxCostExceeded,
    InDebt, BudgetExceeded or InsufficientCredits, and then nothing was written but the content of data URIs,
    which is deleted after a day, and who hit the budget.
    The hold is last: it locks the wallet, and the lock is kept for no statement more than needed.
    """
    organizations.require_open(organization)
    allowances.of(organization, api_key=api_key, member=member).require(request)
    now = timezone.now()
    quote, terms = quotes.terms_for(organization, request, now)
    given = inputs.take(organization, request)
    generations = [
        orders.generation(
            organization, request, terms, quote=quote, now=now,
            api_key=api_key, member=member, is_prepared=all(file.stored for file in given),
        )
        for _ in range(request.num_generations)
    ]  # fmt: skip
    rows = [*generations, *orders.rows_beside(generations, given)]
    try:
        with transaction.atomic():
            inputs.use(given, now=now)
            insert_together(*rows, *(also(generations) if also else ()))
            ledger.hold(organization, [orders.hold(one) for one in generations], now=now)
    except BudgetExceeded as refusal:
        budget_refusals.note(
            organization, refusal, now=now,
            member_id=member.pk if member else "", api_key_id=api_key.pk if api_key else "",
        )  # fmt: skip
        raise
    for generation in generations:
        logger.info(
            "generation.created id=%s organization=%s model=%s held_microusd=%s",
            generation.id, organization.id, generation.model, generation.held_microusd,
        )  # fmt: skip
    return generations


# -- prepare --------------------------------------------------------------------------------------


def prepare(generation: Generation, fetched: Callable[[], list[inputs.Fetched]]) -> None:
    """Keep and check the files that fetcher.py brings; a bad one ends it, free of charge.

    `fetched` gives those that were not here, or raises BadFile.
    """
    try:
        inputs.keep(generation, fetched())
    except BadFile as bad:
        fail(generation, bad.code, bad.message, details=bad.details)
        return
    except probing.TooBusy:
        logger.warning(
            "generation.prepare_again id=%s", generation.id
        )  # when its lease has run out
        return
    with transaction.atomic():
        if generation.move(State.QUEUED):
            queue.enqueue("generations.tasks.dispatch_queued")


# -- submit ---------------------------------------------------------------------------------------


def submit(attempt: Attempt) -> None:
    """Send the attempt upstream, once, however often this runs.

    Whoever sets `sent_at` submits. If it dies with the answer unread, sweeps.py finds the attempt sent
    and unanswered, and looks for the job instead of sending it again.
    """
    if not Attempt.objects.filter(
        pk=attempt.pk, state=AttemptState.SUBMITTING, sent_at=None
    ).update(sent_at=timezone.now()):
        return  # delivered twice
    generation = attempt.generation
    if generation.cancel_requested_at:
        not_started(attempt, "canceled before it was sent")
        return
    try:
        job_id = registry.get(attempt.provider).submit(attempts.job_request(attempt))
    except ProviderUnavailable as error:
        not_started(attempt, str(error), retry_after_seconds=error.retry_after_seconds)
    except ProviderRefused as error:
        with suppress(attempts.AlreadyClosed), transaction.atomic():
            if fail(generation, error.code, error.message):
                attempts.close(
                    attempt, AttemptState.REFUSED, code=error.code, message=error.message
                )
    except ProviderOutcomeUnknown as error:
        lose_answer(attempt, str(error))
    else:
        accept(attempt, job_id)


def accept(attempt: Attempt, job_id: str) -> None:
    """The provider has the job. Nothing happens if a webhook or a poll knew it first."""
    with suppress(attempts.AlreadyClosed), transaction.atomic():
        generation = attempt.generation
        if generation.state in {State.SUBMITTING, State.UNKNOWN}:
            # A sweep may have given the answer up meanwhile, or a webhook been first: locked, then read.
            rows = Generation.objects.select_for_update(no_key=True)
            generation.refresh_from_db(fields=["state", "started_at"], from_queryset=rows)
        if generation.state in {State.SUBMITTING, State.UNKNOWN}:
            is_first = generation.started_at is None  # a later attempt is no news to the customer
            generation.move(
                State.RUNNING,
                started_at=timezone.now(),
                due_at=timezone.now() + timedelta(seconds=5),
                note=f"job {job_id} at {attempt.provider}",
            )
            if is_first:
                webhooks.publish(
                    generation.organization,
                    "generation.running",
                    presentation.as_dict(generation),
                )
        attempts.attach(attempt, job_id)


def not_started(attempt: Attempt, why: str, *, retry_after_seconds: int | None = None) -> None:
    """The attempt certainly did not start: the generation queues again, after a pause."""
    generation = attempt.generation
    generation.refresh_from_db(fields=["cancel_requested_at"])
    steps = RETRY_BACKOFF_SECONDS
    pause = timedelta(seconds=retry_after_seconds or steps[min(attempt.number, len(steps)) - 1])
    with suppress(attempts.AlreadyClosed), transaction.atomic():
        if generation.cancel_requested_at:
            moved = settle_canceled(generation)
        else:
            moved = generation.move(State.QUEUED, due_at=timezone.now() + pause, note=why[:200])
        if moved:
            attempts.close(attempt, AttemptState.NOT_STARTED, message=why)


def lose_answer(attempt: Attempt, why: str) -> None:
    """The attempt may have started: it is looked for, and never sent again before that."""
    with suppress(attempts.AlreadyClosed), transaction.atomic():
        if attempt.generation.move(
            State.UNKNOWN, due_at=timezone.now() + timedelta(seconds=2), note=why[:200]
        ):
            attempts.lose(attempt, why)


def look_for_job(attempt: Attempt) -> None:
    """Find the job of an attempt whose answer was lost; if the provider has none, queue again.

    A job that another attempt of ours is known to be is not this one. Lets ProviderUnavailable out.
    """
    if attempt.state != AttemptState.UNKNOWN or attempt.sent_at is None:
        return
    candidates = registry.get(attempt.provider).find(
        attempts.job_request(attempt), sent_at=attempt.sent_at
    )
    known = attempts.known_elsewhere(attempt, candidates)
    for job_id in candidates:
        if job_id not in known:
            accept(attempt, job_id)
            return
    if timezone.now() - attempt.sent_at > NEVER_ARRIVED:
        not_started(attempt, "the provider knows of no such job")


# -- reconcile ------------------------------------------------------------------------------------


def reconcile(attempt: Attempt) -> None:
    """Ask the provider where the job is, and follow. Webhooks and polls both end here: neither is believed.

    Lets ProviderUnavailable out: the next poll asks again.
    """
    generation = attempt.generation
    if attempt.state not in attempts.OPEN or not attempt.job_id:
        return
    provider = registry.get(attempt.provider)
    status = provider.status(attempt.job_id)
    if status.state == JobState.RUNNING:
        attempts.note_known(attempt)
        if generation.cancel_requested_at:
            provider.cancel(attempt.job_id)
    elif status.state == JobState.SUCCEEDED:
        with suppress(attempts.AlreadyClosed), transaction.atomic():
            if generation.move(State.COLLECTING, note=f"done at {attempt.provider}"):
                attempts.close(attempt, AttemptState.SUCCEEDED, status=status)
                queue.enqueue("generations.tasks.collect", generation.id)
    elif status.state == JobState.LOST:
        if attempts.is_lost(attempt):
            lost = JobStatus(JobState.LOST, failure_code="provider_lost")
            _ended_without_video(attempt, AttemptState.FAILED, lost)
    elif status.state == JobState.CANCELED:
        _ended_without_video(attempt, AttemptState.CANCELED, status)
    else:
        _ended_without_video(attempt, AttemptState.FAILED, status)


def _ended_without_video(attempt: Attempt, how: AttemptState, status: JobStatus) -> None:
    """Canceled if that was wished; tried again if the fault was the provider's; failed otherwise."""
    generation = attempt.generation
    code = status.failure_code or "provider_canceled"
    started = generation.attempts.exclude(state=AttemptState.NOT_STARTED).count()
    with suppress(attempts.AlreadyClosed), transaction.atomic():
        if generation.cancel_requested_at:
            ended = settle_canceled(generation, cost_microusd=status.cost_microusd or 0)
        elif code == "provider_failed" and started < ATTEMPTS_MAX:
            pause = timedelta(seconds=RETRY_BACKOFF_SECONDS[started - 1])
            ended = generation.move(State.QUEUED, due_at=timezone.now() + pause, note=code)
        else:
            ended = fail(
                generation,
                code,
                status.failure_message,
                cost_microusd=status.cost_microusd or 0,
            )
        if ended:
            attempts.close(attempt, how, code=code, status=status)


# -- collect and settle ---------------------------------------------------------------------------


def collect(generation: Generation) -> None:
    """Fetch, measure and keep the video, then charge for the seconds produced.

    One collector at a time: the lease is `due_at`. A second one does nothing; one that died is followed
    by another when its lease has run out.
    """
    if not collecting.lease(generation):
        return
    attempt = generation.attempts.filter(state=AttemptState.SUCCEEDED).latest("number")
    try:
        video = collecting.collect(
            generation, attempt.output_url, own_files_at=registry.own_files_at(attempt.provider)
        )
    except collecting.TryAgain as error:
        collecting.come_back(generation, error.message)
    except collecting.Unusable as error:
        fail(generation, "output_unusable", error.message)
    else:
        settle_succeeded(generation, video)


# -- cancel ---------------------------------------------------------------------------------------


def cancel(generation: Generation) -> Generation:
    """Stop it if that is still possible; a repeat, or one that has ended, changes nothing.

    Before it was sent it is canceled at once. While its submit is under way the wish is noted and
    honoured. Running, the provider is asked. Raises TooLateToCancel, or ProviderNotReached.
    """
    generation.refresh_from_db()
    if generation.state in {State.PREPARING, State.QUEUED}:
        if not settle_canceled(generation):
            return cancel(generation)  # it moved on meanwhile
        return generation
    if generation.is_final:
        return generation
    if generation.state == State.COLLECTING:
        raise TooLateToCancel("The video is made already; it is being collected.")
    now = timezone.now()
    Generation.objects.filter(pk=generation.pk, cancel_requested_at=None).update(
        cancel_requested_at=now
    )
    generation.refresh_from_db()
    if generation.state == State.RUNNING:
        _cancel_running(generation)
        generation.refresh_from_db()
    return generation


def _cancel_running(generation: Generation) -> None:
    attempt = generation.attempts.latest("number")
    try:
        stopped = registry.get(attempt.provider).cancel(attempt.job_id)
        reconcile(attempt)
    except ProviderUnavailable:
        raise ProviderNotReached(
            "The provider cannot be reached just now. The request to cancel stands."
        ) from None
    if (
        not stopped and attempt.lost_since is None
    ):  # else the wish stands until it is known, or lost
        generation.refresh_from_db()
        if generation.state != State.CANCELED:
            Generation.objects.filter(pk=generation.pk).update(cancel_requested_at=None)
            raise TooLateToCancel("The provider will not stop it any more.")

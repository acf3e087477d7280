"""What the queue runs for this room: load by id, call the verb. Every one of them bears a repeat."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from accounts.models import ApiKey
from generations import (
    catalog_sync,
    closing,
    dispatch,
    key_activity,
    lifecycle,
    orphans,
    provider_webhook,
    quotes,
    stored_files,
    sweeps,
    uploads,
)
from generations.errors import ProviderNotReached, TooLateToCancel
from generations.models import Attempt, Generation, ProviderEvent
from generations.providers import registry
from generations.providers.base import ProviderUnavailable
from generations.states import AttemptState
from seedance_saas import scratch

logger = logging.getLogger(__name__)


@contextmanager
def _another_time(what: str, id: str | int) -> Iterator[None]:
    """The provider could not be asked. The owner of the state asks again, sooner than a redelivery."""
    try:
        yield
    except ProviderUnavailable as error:
        logger.warning("provider.unavailable %s=%s why=%s", what, id, error)


def prepare(generation_id: str) -> None:
    lifecycle.prepare(Generation.objects.get(pk=generation_id))


def dispatch_queued() -> None:
    dispatch.dispatch()


def submit(attempt_id: str) -> None:
    lifecycle.submit(Attempt.objects.select_related("generation__organization").get(pk=attempt_id))


def lose_answer(attempt_id: str) -> None:
    attempt = Attempt.objects.select_related("generation").get(pk=attempt_id)
    if attempt.state == AttemptState.SUBMITTING:
        lifecycle.lose_answer(attempt, "no answer in time")


def look_for_job(attempt_id: str) -> None:
    attempt = Attempt.objects.select_related("generation__organization").get(pk=attempt_id)
    with _another_time("attempt", attempt_id):
        lifecycle.look_for_job(attempt)


def reconcile(attempt_id: str) -> None:
    attempt = Attempt.objects.select_related("generation__organization").get(pk=attempt_id)
    with _another_time("attempt", attempt_id):
        lifecycle.reconcile(attempt)


def stop_job(attempt_id: str) -> None:
    """Nobody waits for the job any more: it need not cost us more. If that fails, it just runs out."""
    attempt = Attempt.objects.get(pk=attempt_id)
    with _another_time("attempt", attempt_id):
        if not registry.get(attempt.provider).cancel(attempt.job_id):
            orphans.keep(attempt, attempt.job_id)


def handle_provider_event(event_id: int) -> None:
    event = ProviderEvent.objects.select_related("attempt__generation__organization").get(
        pk=event_id
    )
    if event.handled_at is None:
        with _another_time("event", event_id):
            provider_webhook.handle(event)


def collect(generation_id: str) -> None:
    lifecycle.collect(Generation.objects.select_related("organization").get(pk=generation_id))


def cancel(generation_id: str) -> None:
    """Nobody waits for it. Too late is too late; a provider that cannot be asked is asked by the polls."""
    with suppress(TooLateToCancel, ProviderNotReached):
        lifecycle.cancel(Generation.objects.select_related("organization").get(pk=generation_id))


def cancel_work_of_key(key_id: str) -> None:
    key_activity.cancel_each(ApiKey.objects.get(pk=key_id))


def poll_running() -> None:
    sweeps.poll_running()


def forget_quotes() -> None:
    quotes.forget()


def sync_catalog() -> None:
    catalog_sync.sync()


def forget_files() -> None:
    uploads.forget_expired()
    stored_files.sweep()
    scratch.forget()


def cancel_closed() -> None:
    closing.cancel_waiting()


def erase_closed() -> None:
    closing.erase_due()


def unstick() -> None:
    sweeps.unstick()

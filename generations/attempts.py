"""One submission upstream: what it is asked for, which job it became, how it ended."""

from datetime import timedelta

from django.conf import settings
from django.utils import timezone

from accounts import pseudonyms
from generations import catalog, media
from generations.models import Attempt, Generation
from generations.providers.base import JobRequest, JobStatus
from generations.states import OPEN_ATTEMPTS, AttemptState

OPEN = OPEN_ATTEMPTS
INPUT_URLS_LIVE = timedelta(hours=24)
LOST_AFTER = timedelta(seconds=60)


class AlreadyClosed(Exception):
    """Another process ended the attempt first: what was done with its generation is rolled back.

    Its generation may be back in the same state by now, with the next attempt.
    """


def start(generation: Generation, provider: str) -> Attempt:
    """The next attempt of a generation. UNIQUE allows one open attempt: a second raises IntegrityError."""
    return Attempt.objects.create(
        generation=generation, number=generation.attempts.count() + 1, provider=provider
    )


def job_request(attempt: Attempt) -> JobRequest:
    """What the provider is asked for: the same each time it is made, so that a lost job can be told by it.

    Files are ours by now: nobody's URL is passed on.
    """
    generation = attempt.generation
    model = catalog.find(generation.model)
    assert model is not None, generation.model
    files: dict[str, list[str]] = {}
    for row in generation.input_files.select_related("stored").order_by("field", "position"):
        assert row.stored is not None, row
        url = media.url(row.stored.name, expires_at=attempt.created_at + INPUT_URLS_LIVE)
        files.setdefault(row.field, []).append(settings.MEDIA_URL_FOR_PROVIDERS + url)
    return JobRequest(
        model=model,
        prompt=generation.input["prompt"],
        resolution=generation.resolution,
        duration_seconds=generation.duration_seconds,
        aspect_ratio=generation.input["aspect_ratio"],
        generate_audio=generation.input["generate_audio"],
        seed=generation.input["seed"],
        files=files,
        end_user=(
            pseudonyms.of(generation.organization, generation.end_user_id)
            if generation.end_user_id
            else ""
        ),
        webhook_url=f"{settings.WEBHOOK_URL}/webhooks/{attempt.provider}/{attempt.webhook_secret}",
        webhook_secret=attempt.webhook_secret,
    )


def attach(attempt: Attempt, job_id: str) -> None:
    """Note which job the attempt became. Raises AlreadyClosed."""
    _change(attempt, state=AttemptState.ACCEPTED, job_id=job_id)
    attempt.state, attempt.job_id = AttemptState.ACCEPTED, job_id


def lose(attempt: Attempt, why: str) -> None:
    """Note that the answer to its submit was lost. Raises AlreadyClosed."""
    _change(attempt, state=AttemptState.UNKNOWN, error_message=why)


def is_lost(attempt: Attempt) -> bool:
    """Note that the provider does not know the job now, and say whether it has not for LOST_AFTER.

    One such answer proves nothing: a provider may know a job a moment later than it says so, and its door may
    have a bad moment while the job runs on.
    """
    now = timezone.now()
    if attempt.lost_since is None:
        Attempt.objects.filter(pk=attempt.pk, lost_since=None).update(lost_since=now)
        attempt.lost_since = now
    return now - attempt.lost_since > LOST_AFTER


def note_known(attempt: Attempt) -> None:
    """Note that the provider knows the job."""
    if attempt.lost_since is not None:
        Attempt.objects.filter(pk=attempt.pk).update(lost_since=None)
        attempt.lost_since = None


def known_elsewhere(attempt: Attempt, job_ids: list[str]) -> set[str]:
    """Which of these jobs another attempt of ours is known to be."""
    others = Attempt.objects.filter(provider=attempt.provider, job_id__in=job_ids)
    return set(others.exclude(pk=attempt.pk).values_list("job_id", flat=True))


def close(
    attempt: Attempt,
    state: AttemptState,
    *,
    code: str = "",
    message: str = "",
    status: JobStatus | None = None,
) -> None:
    """End the attempt, in the transaction that moves its generation on. It gives its slot back.

    Raises AlreadyClosed.
    """
    fields: dict[str, object] = {
        "state": state,
        "finished_at": timezone.now(),
        "error_code": code,
        "error_message": message,
    }
    if status:
        fields |= {
            "output_url": status.output_url,
            "cost_microusd": status.cost_microusd,
            "error_message": status.failure_message,
        }
    _change(attempt, **fields)


def _change(attempt: Attempt, **fields: object) -> None:
    if not Attempt.objects.filter(pk=attempt.pk, state__in=OPEN).update(**fields):
        raise AlreadyClosed(attempt.pk)

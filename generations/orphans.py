"""Videos that were made when nobody waited for them any more.

Their generation ended otherwise, or another attempt makes it. Nobody is charged for an orphan or shown it: the
attempt keeps what it cost us and where its file lies, for the operator.
"""

import logging

from django.db import transaction
from django.db.models import F

from generations import settling
from generations.models import Attempt, Generation
from generations.providers import registry
from generations.providers.base import JobState
from generations.states import AttemptState

logger = logging.getLogger(__name__)

# What an attempt was taken for when it had no video.
ENDED_WITHOUT = (
    AttemptState.NOT_STARTED,
    AttemptState.REFUSED,
    AttemptState.FAILED,
    AttemptState.CANCELED,
)


def keep(attempt: Attempt, job_id: str) -> None:
    """Ask what became of the job of an attempt that has ended; if it made a video, keep that as an orphan.

    A repeat changes nothing. Locks the generation's row. Lets ProviderUnavailable out.
    """
    if attempt.state not in ENDED_WITHOUT:
        return
    status = registry.get(attempt.provider).status(job_id)
    if status.state != JobState.SUCCEEDED:
        return
    with transaction.atomic():
        generation = Generation.objects.select_for_update(no_key=True).get(pk=attempt.generation_id)
        cost_microusd = status.cost_microusd
        if cost_microusd is None:  # nobody measures it: the rule for the most that it may be
            cost_microusd = generation.held_seconds * generation.cost_microusd_per_second
        is_first = Attempt.objects.filter(pk=attempt.pk, state__in=ENDED_WITHOUT).update(
            state=AttemptState.ORPHAN,
            job_id=job_id,
            output_url="" if generation.erased_at else status.output_url,
            cost_microusd=cost_microusd,
        )
        if not is_first:
            return
        if generation.is_final:  # else its settlement adds up what all attempts cost
            added = cost_microusd - (attempt.cost_microusd or 0)
            Generation.objects.filter(pk=generation.pk).update(
                upstream_cost_microusd=F("upstream_cost_microusd") + added
            )
            generation.refresh_from_db(fields=["upstream_cost_microusd"])
            settling.guard_margin(generation)
    logger.error(
        "generation.orphan id=%s attempt=%s job=%s cost_microusd=%s",
        generation.pk, attempt.pk, job_id, cost_microusd,
    )  # fmt: skip

"""The end of a generation: state, money, usage and the event for the tenant, in one transaction or not at all."""

import logging
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone

from accounts import webhooks
from billing import ledger, usage
from generations import presentation, pricing, storage_policies, stored_files
from generations.errors import FAILURES
from generations.media import Video
from generations.models import Generation, NegativeMargin
from generations.states import AttemptState, State

logger = logging.getLogger(__name__)


class _MovedMeanwhile(Exception):
    """Another process ended it first: what we did with its money is rolled back."""


def settle_succeeded(generation: Generation, video: Video) -> bool:
    """Charge for the seconds produced, give back the rest, show the video. False if it had moved on."""
    seconds = pricing.billable_seconds(video.milliseconds, held_seconds=generation.held_seconds)
    if pricing.rounded_seconds(video.milliseconds) > generation.held_seconds:
        logger.error(
            "generation.longer_than_held id=%s milliseconds=%s held_seconds=%s",
            generation.id, video.milliseconds, generation.held_seconds,
        )  # fmt: skip
    charged_microusd = seconds * generation.rate_microusd_per_second

    expire_at = timezone.now() + timedelta(
        days=storage_policies.policy_of(generation.organization_id).retention_days
    )
    files = {
        "video_file": video.file,
        "poster_file": video.poster_file,
        "preview_file": video.preview_file,
    }

    def move_money() -> None:
        hold = ledger.capture(
            generation.organization, generation.reference, amount_microusd=charged_microusd
        )
        usage.record(
            generation.organization,
            hold,
            seconds=seconds,
            labels={"model": generation.model, "resolution": generation.resolution},
        )
        stored_files.settle_outputs(generation, files.values(), keep_until=expire_at)

    return _settle(
        generation,
        State.SUCCEEDED,
        move_money,
        upstream_cost_microusd=_cost_microusd(
            generation, seconds=max(1, pricing.rounded_seconds(video.milliseconds))
        ),
        billed_seconds=seconds,
        charged_microusd=charged_microusd,
        **files,
        files_expire_at=expire_at,
        video_sha256=video.sha256,
        video_bytes=video.bytes,
        video_milliseconds=video.milliseconds,
        video_width=video.width,
        video_height=video.height,
    )


def fail(
    generation: Generation,
    code: str,
    message: str = "",
    *,
    details: dict[str, Any] | None = None,
    cost_microusd: int = 0,
) -> bool:
    """End without a video and without a charge. `code` is one of FAILURES. False if it had moved on.

    `details` are those of a refusal: the field, the limit and its number. `cost_microusd` is what the attempt
    that ends with it costs us, beside those that ended before.
    """
    return _settle(
        generation,
        State.FAILED,
        lambda: _release(generation),
        failure_code=code,
        failure_message=(message or FAILURES[code].message)[:2000],
        failure_details=details or {},
        upstream_cost_microusd=_cost_microusd(generation) + cost_microusd,
        charged_microusd=0,
    )


def settle_canceled(generation: Generation, *, cost_microusd: int = 0) -> bool:
    """End as the customer wished, without a charge. False if it had moved on. The cost is as in `fail`."""
    return _settle(
        generation,
        State.CANCELED,
        lambda: _release(generation),
        upstream_cost_microusd=_cost_microusd(generation) + cost_microusd,
        charged_microusd=0,
    )


def _release(generation: Generation) -> None:
    ledger.release(generation.organization, generation.reference)


def _cost_microusd(generation: Generation, *, seconds: int = 0) -> int:
    """What all its attempts cost us: as the provider says, or by the rule for the `seconds` of a video."""
    by_rule = seconds * generation.cost_microusd_per_second
    costs = generation.attempts.values_list("state", "cost_microusd")
    return sum(
        (by_rule if state == AttemptState.SUCCEEDED else 0) if cost is None else cost
        for state, cost in costs
    )


def guard_margin(generation: Generation) -> None:
    """A row for the operator, and a line in the log once it is committed, if we paid more than we are paid.

    For one that has ended, in the transaction that writes what it cost.
    """
    cost, charged = generation.upstream_cost_microusd, generation.charged_microusd
    assert cost is not None, generation.pk
    assert charged is not None, generation.pk
    if cost > charged:
        NegativeMargin.objects.update_or_create(
            generation=generation,
            defaults={"upstream_cost_microusd": cost, "charged_microusd": charged},
        )
        transaction.on_commit(
            lambda: logger.error(
                "margin.negative generation=%s organization=%s cost_microusd=%s charged_microusd=%s",
                generation.id, generation.organization_id, cost, charged,
            )
        )  # fmt: skip


def _settle(
    generation: Generation, to: State, move_money: Callable[[], None], **fields: Any
) -> bool:
    """Money first, for its lock is the first of the one order; the state's UPDATE is the verdict on all."""
    try:
        with transaction.atomic():
            move_money()
            if not generation.move(to, finished_at=timezone.now(), **fields):
                raise _MovedMeanwhile
            guard_margin(generation)
            webhooks.publish(
                generation.organization,
                f"generation.{to.value}",
                presentation.as_dict(generation),
                webhook_url=generation.webhook_url,
            )
    except _MovedMeanwhile:
        return False
    logger.info(
        "generation.settled id=%s state=%s charged_microusd=%s",
        generation.id, to.value, fields["charged_microusd"],
    )  # fmt: skip
    return True

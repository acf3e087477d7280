"""The end of a generation: state, money, usage and the event for the tenant, in one transaction or not at all."""

import logging
from collections.abc import Callable
from typing import Any

from django.db import transaction
from django.utils import timezone

from accounts import webhooks
from billing import ledger, usage
from generations import presentation, pricing
from generations.errors import FAILURES
from generations.media import Video
from generations.models import Generation
from generations.states import State

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

    def move_money() -> None:
        hold = ledger.capture(
            generation.organization, generation.reference, amount_microusd=charged_microusd
        )
        usage.record(
            hold,
            seconds=seconds,
            labels={"model": generation.model, "resolution": generation.resolution},
        )

    return _settle(
        generation,
        State.SUCCEEDED,
        move_money,
        billed_seconds=seconds,
        charged_microusd=charged_microusd,
        video_file=video.file,
        poster_file=video.poster_file,
        video_sha256=video.sha256,
        video_bytes=video.bytes,
        video_milliseconds=video.milliseconds,
        video_width=video.width,
        video_height=video.height,
    )


def fail(generation: Generation, code: str, message: str = "") -> bool:
    """End without a video and without a charge. `code` is one of FAILURES. False if it had moved on."""
    return _settle(
        generation,
        State.FAILED,
        lambda: _release(generation),
        failure_code=code,
        failure_message=(message or FAILURES[code].message)[:2000],
        charged_microusd=0,
    )


def settle_canceled(generation: Generation) -> bool:
    """End as the customer wished, without a charge. False if it had moved on."""
    return _settle(generation, State.CANCELED, lambda: _release(generation), charged_microusd=0)


def _release(generation: Generation) -> None:
    ledger.release(generation.organization, generation.reference)


def _settle(
    generation: Generation, to: State, move_money: Callable[[], None], **fields: Any
) -> bool:
    """Money first, for its lock is the first of the one order; the state's UPDATE is the verdict on all."""
    try:
        with transaction.atomic():
            move_money()
            if not generation.move(to, finished_at=timezone.now(), **fields):
                raise _MovedMeanwhile
            webhooks.publish(
                generation.organization, f"generation.{to.value}", presentation.as_dict(generation)
            )
    except _MovedMeanwhile:
        return False
    logger.info(
        "generation.settled id=%s state=%s charged_microusd=%s",
        generation.id, to.value, fields["charged_microusd"],
    )  # fmt: skip
    return True

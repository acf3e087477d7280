"""The bill of one generation: what was asked and measured, by which price, and every movement of its money."""

from typing import Any

from billing import presentation as money
from billing.models import Transfer
from generations import failure_policy
from generations.models import Attempt, Generation
from generations.states import AttemptState, public
from seedance_saas.api import moment, usd

_OUTCOMES = {
    AttemptState.SUBMITTING: "being sent",
    AttemptState.UNKNOWN: "sent, its answer was lost; it is being looked for",
    AttemptState.ACCEPTED: "accepted, running",
    AttemptState.NOT_STARTED: "certainly not started",
    AttemptState.REFUSED: "refused",
    AttemptState.SUCCEEDED: "succeeded",
    AttemptState.FAILED: "failed",
    AttemptState.CANCELED: "canceled",
    AttemptState.ORPHAN: "finished too late; not charged",
}


def receipt(generation: Generation) -> dict[str, Any]:
    """Everything about its money, for its organization: never the provider's key or our cost."""
    transfers = list(
        Transfer.objects.filter(
            hold__organization=generation.organization_id, hold__reference=generation.reference
        )
        .select_related("hold", "grant")
        .order_by("number")
    )
    hold = transfers[0].hold  # its first transfer is as old as itself
    assert hold is not None, generation.pk
    return {
        "object": "receipt",
        "generation": generation.id,
        "status": public(generation.state),
        "model": generation.model,
        "end_user_id": generation.end_user_id or None,
        "rate_card": generation.rate_card,
        "rule": generation.rule,
        "rate_usd_per_second": usd(generation.rate_microusd_per_second),
        "requested": {
            "duration": generation.duration_seconds or "auto",
            "resolution": generation.resolution,
        },
        "measured": _measured(generation),
        "quote_id": generation.quote_id,
        "held_seconds": generation.held_seconds,
        "held_usd": usd(hold.amount_microusd),
        "billed_seconds": generation.billed_seconds,
        "captured_usd": None if hold.captured_microusd is None else usd(hold.captured_microusd),
        "released_usd": None if hold.resolved_at is None else usd(hold.released_microusd),
        "charged": bool(hold.captured_microusd),
        "not_charged_because": failure_policy.not_charged_because(generation),
        "failure": failure_policy.as_dict(generation),
        "transfers": [money.transfer(transfer) for transfer in transfers],
        "attempts": [_attempt(attempt) for attempt in generation.attempts.order_by("number")],
        "created_at": moment(generation.created_at),
        "settled_at": moment(hold.resolved_at),
    }


def _measured(generation: Generation) -> dict[str, Any] | None:
    if generation.video_milliseconds is None:
        return None
    return {
        "duration_seconds": generation.video_milliseconds / 1000,
        "width": generation.video_width,
        "height": generation.video_height,
    }


def _attempt(attempt: Attempt) -> dict[str, Any]:
    return {
        "number": attempt.number,
        "provider": attempt.provider,
        "state": attempt.state,
        "outcome": _OUTCOMES[AttemptState(attempt.state)],
        "created_at": moment(attempt.created_at),
        "finished_at": moment(attempt.finished_at),
    }

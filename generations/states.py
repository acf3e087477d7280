"""The states of a generation and of an attempt, and every arrow between them."""

from django.db import models


class State(models.TextChoices):
    PREPARING = "preparing"  # foreign files are fetched and checked
    QUEUED = "queued"  # waits for a free slot of a provider key
    SUBMITTING = "submitting"  # an attempt is on its way upstream
    UNKNOWN = "unknown"  # the answer to a submit was lost: it may run
    RUNNING = "running"  # the provider has it
    COLLECTING = "collecting"  # the provider is done: we fetch and measure the video
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELED = "canceled"


FINAL = frozenset({State.SUCCEEDED, State.FAILED, State.CANCELED})

# A webhook may overtake the answer to our own submit, hence SUBMITTING -> COLLECTING. From each state
# back to QUEUED: that attempt certainly does not run, and another one may.
TRANSITIONS: dict[State, frozenset[State]] = {
    State.PREPARING: frozenset({State.QUEUED, State.FAILED, State.CANCELED}),
    State.QUEUED: frozenset({State.SUBMITTING, State.FAILED, State.CANCELED}),
    State.SUBMITTING: frozenset(
        {State.UNKNOWN, State.RUNNING, State.COLLECTING, State.QUEUED, State.FAILED, State.CANCELED}
    ),
    State.UNKNOWN: frozenset(
        {State.RUNNING, State.COLLECTING, State.QUEUED, State.FAILED, State.CANCELED}
    ),
    State.RUNNING: frozenset({State.COLLECTING, State.QUEUED, State.FAILED, State.CANCELED}),
    State.COLLECTING: frozenset({State.SUCCEEDED, State.FAILED}),
    State.SUCCEEDED: frozenset(),
    State.FAILED: frozenset(),
    State.CANCELED: frozenset(),
}

# The five words of the API, and which of ours each one covers.
PUBLIC: dict[str, tuple[State, ...]] = {
    "queued": (State.PREPARING, State.QUEUED, State.SUBMITTING, State.UNKNOWN),
    "running": (State.RUNNING, State.COLLECTING),
    "succeeded": (State.SUCCEEDED,),
    "failed": (State.FAILED,),
    "canceled": (State.CANCELED,),
}


def public(state: str) -> str:
    return next(word for word, states in PUBLIC.items() if state in states)


class AttemptState(models.TextChoices):
    SUBMITTING = "submitting"
    UNKNOWN = "unknown"
    ACCEPTED = "accepted"
    NOT_STARTED = "not_started"  # certainly: the provider was unavailable
    REFUSED = "refused"  # certainly: the provider said no
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELED = "canceled"
    ORPHAN = "orphan"  # ended otherwise, and then it made a video after all


# An attempt that may still occupy a slot of its provider key.
OPEN_ATTEMPTS = (AttemptState.SUBMITTING, AttemptState.UNKNOWN, AttemptState.ACCEPTED)

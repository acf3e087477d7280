"""How a generation is drawn: its state, its seconds, its card, its timeline."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django import template
from django.template import Context
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from generations import catalog, media, queue_position, states
from generations.errors import FAILURES
from generations.models import Generation
from generations.states import State

register = template.Library()

ICONS = {
    "queued": "queued",
    "running": "running",
    "succeeded": "check",
    "failed": "cross",
    "canceled": "canceled",
}
WORDS = {
    State.PREPARING: "Checking files",
    State.QUEUED: "Queued",
    State.SUBMITTING: "Submitting",
    State.UNKNOWN: "Looking for the job",
    State.RUNNING: "Running",
    State.COLLECTING: "Collecting",
    State.SUCCEEDED: "Succeeded",
    State.FAILED: "Failed",
    State.CANCELED: "Canceled",
}
ORDINALS = [
    "Next",
    "Second",
    "Third",
    "Fourth",
    "Fifth",
    "Sixth",
    "Seventh",
    "Eighth",
    "Ninth",
    "Tenth",
]
PROGRESS_SHOWN_MAX = 96  # percent: only the video itself is the end


@register.filter
def state_word(generation: Generation) -> str:
    if generation.cancel_requested_at and not generation.is_final:
        return "Canceling"
    return WORDS[State(generation.state)]


@register.filter
def public_state(generation: Generation) -> str:
    return states.public(generation.state)


@register.simple_tag
def state(generation: Generation) -> SafeString:
    """Icon and word; the colour only repeats them."""
    word = public_state(generation)
    return format_html(
        '<span class="state state-{}"><svg class="icon" aria-hidden="true"><use href="#{}"/></svg>{}</span>',
        word,
        ICONS[word],
        state_word(generation),
    )


@register.simple_tag
def strip(generation: Generation) -> SafeString:
    """One cell is one second: produced and charged, held, released, or never asked for."""
    produced = generation.billed_seconds or 0
    open_seconds = 0 if generation.is_final else generation.held_seconds
    given_back = generation.held_seconds - produced if produced else 0
    return _cells(("on", produced), ("hold", open_seconds), ("off", given_back))


@register.simple_tag
def strip_of(on: int = 0, hold: int = 0, off: int = 0) -> SafeString:
    return _cells(("on", on), ("hold", hold), ("off", off))


def _cells(*runs: tuple[str, int]) -> SafeString:
    cells = [(kind,) for kind, seconds in runs for _ in range(seconds)]
    blank = SafeString("<i></i>") * (catalog.SECONDS_MAX - len(cells))
    return SafeString(format_html_join("", '<i class="{}"></i>', cells) + blank)


@register.filter
def seconds_said(generation: Generation) -> str:
    """What the strip shows, in words."""
    held, produced = generation.held_seconds, generation.billed_seconds or 0
    if not generation.is_final:
        return f"{held} seconds held"
    if not produced:
        return f"{held} held seconds released, none charged"
    back = f", {held - produced} held seconds released" if held > produced else ""
    return f"{produced} seconds produced and charged{back}"


@register.filter
def timecode(generation: Generation) -> str:
    seconds = round((generation.video_milliseconds or 0) / 1000)
    return f"{seconds // 60:02d}:{seconds % 60:02d}"


@register.filter
def maker(generation: Generation) -> str:
    """A member, by hand or by which of their keys; a key of the organization; or the system."""
    if generation.member:
        by_key = f", by {generation.api_key.name}" if generation.api_key else ""
        return f"{generation.member.user}{by_key}"
    return generation.api_key.name if generation.api_key else "The system"


@register.filter
def provider_name(provider: str) -> str:
    names = {"eachlabs": "EachLabs", "oxen": "Oxen", "simulator": "Simulator"}
    return names.get(provider, provider)


@register.filter
def prompt(generation: Generation) -> str:
    return str(generation.input.get("prompt") or "") or "Prompt erased"


@register.filter
def title(generation: Generation) -> str:
    """The first words of the prompt: a generation has no other name."""
    words = prompt(generation)
    return words if len(words) <= 64 else words[:63].rsplit(" ", 1)[0] + "…"


@register.filter
def poster_url(generation: Generation) -> str | None:
    return media.poster_url(generation)


@register.filter
def thumbnail_url(generation: Generation) -> str | None:
    return media.thumbnail_url(generation)


@register.filter
def preview_url(generation: Generation) -> str | None:
    return media.preview_url(generation)


@register.filter
def video_url(generation: Generation) -> str | None:
    return media.video_url(generation)


@register.filter
def download_url(generation: Generation) -> str | None:
    url = media.video_url(generation)
    return f"{url}{'&' if '?' in url else '?'}download=1" if url else None


@register.filter
def model_title(slug: str) -> str:
    model = catalog.find(slug)
    return model.title if model else slug


@dataclass(frozen=True)
class Progress:
    """Where a generation is that has not ended."""

    headline: str
    detail: str
    percent: int


@register.simple_tag(takes_context=True)
def progress(context: Context, generation: Generation) -> Progress:
    """Its place in the queue, or how long it takes against how long such ones typically take.

    A page of many asks once for all and puts the answers into `progress_of`.
    """
    known: dict[str, queue_position.Standing] = context.get("progress_of") or {}
    if generation.pk not in known:
        known = queue_position.of_all([generation])
    place, typical = known[generation.pk]
    elapsed = max(0, int((timezone.now() - generation.created_at).total_seconds()))
    percent = min(PROGRESS_SHOWN_MAX, elapsed * 100 // typical)
    if place and generation.state in queue_position.WAITING:
        words = f"{_place(place.position)} in the queue", f"Done in {_about(place.eta_seconds)}"
        return Progress(*words, percent=0)
    late = elapsed > typical
    return Progress(
        f"{elapsed // 60}:{elapsed % 60:02d} elapsed",
        f"{'Longer than the' if late else 'Typically done after'} "
        f"{typical // 60}:{typical % 60:02d}{' that is typical' if late else ''}",
        percent,
    )


def _place(position: int) -> str:
    return ORDINALS[position - 1] if position <= len(ORDINALS) else f"Number {position}"


def _about(seconds: int) -> str:
    if seconds < 10:
        return "a moment"
    return f"about {seconds} s" if seconds < 60 else f"about {round(seconds / 60)} min"


@register.filter
def why_blank(generation: Generation) -> str:
    """The headline of a generation that ended without a video."""
    if generation.state == State.CANCELED:
        return "Canceled after it started" if generation.started_at else "Canceled before it ran"
    if generation.failure_code == "content_refused":
        return "Refused by the content check"
    return "No video"


@register.filter
def what_to_do(generation: Generation) -> str:
    """What to do after a failure; a cancellation needs nothing."""
    if generation.state == State.CANCELED:
        return ""
    failure = FAILURES.get(generation.failure_code)
    if failure and failure.retryable:
        return "Running it again may work"
    return "Change the prompt or the files"


@dataclass(frozen=True)
class Step:
    """A stay in one state: since when, how long, and what part of the whole that was, in percent."""

    word: str
    kind: str
    since: datetime
    seconds: float | None
    is_again: bool  # it was further before, and queues for another try
    left: float
    width: float


@register.simple_tag
def timeline(generation: Generation) -> list[Step]:
    """Every state that it was in, to scale. The last one has no end unless it is still being lived."""
    moves = sorted(generation.moves.all(), key=lambda move: move.pk)
    first = State(moves[0].from_state if moves else generation.state)
    stays = [(first, generation.created_at)]
    stays += [(State(move.to_state), move.at) for move in moves]
    end = generation.finished_at or timezone.now()
    whole = max((end - generation.created_at).total_seconds(), 0.001)
    return list(_steps(stays, end, whole, generation.created_at))


def _steps(
    stays: list[tuple[State, datetime]], end: datetime, whole: float, begin: datetime
) -> Iterable[Step]:
    for index, (state, since) in enumerate(stays):
        until = stays[index + 1][1] if index + 1 < len(stays) else end
        seconds = max(0.0, (until - since).total_seconds())
        yield Step(
            word=WORDS[state],
            kind=state.value,
            since=since,
            seconds=None if state in states.FINAL else seconds,
            is_again=state == State.QUEUED and index > 0 and stays[index - 1][0] != State.PREPARING,
            left=round((since - begin).total_seconds() * 100 / whole, 2),
            width=round(seconds * 100 / whole, 2),
        )


@register.filter
def whole_seconds(generation: Generation) -> float:
    return ((generation.finished_at or timezone.now()) - generation.created_at).total_seconds()


@register.simple_tag(takes_context=True)
def typical_seconds(context: Context, generation: Generation) -> int:
    """What such ones typically take in all; the page has asked already if this one has not ended."""
    standing = (context.get("progress_of") or {}).get(generation.pk)
    return (
        standing.typical_seconds if standing else queue_position.typical_seconds(generation.model)
    )


@register.filter
def running(generations: list[Generation]) -> list[Generation]:
    return [one for one in generations if not one.is_final]


@register.filter
def released_seconds(generation: Generation) -> int:
    return generation.held_seconds - (generation.billed_seconds or 0) if generation.is_final else 0

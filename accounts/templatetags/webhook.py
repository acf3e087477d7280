"""Deliveries in words."""

from django import template
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from accounts.models import Delivery, DeliveryAttempt
from accounts.templatetags.page import ago, icon

register = template.Library()
State = Delivery.State
SIGNS = {
    State.PENDING: ("queued", ""),
    State.SENDING: ("running", " state-running"),
    State.SUCCEEDED: ("check", ""),
    State.DEAD: ("cross", " state-failed"),
}


@register.filter
def delivery_state(delivery: Delivery) -> SafeString:
    """An icon and a word; of one that is tried again, when."""
    picture, extra = SIGNS[State(delivery.state)]
    words: str | SafeString = State(delivery.state).label
    if (
        delivery.state == State.PENDING
        and delivery.tries_count
        and delivery.due_at > timezone.now()
    ):
        words = format_html("again {}", ago(delivery.due_at))
    return format_html('<span class="state{}">{}{}</span>', extra, icon(picture), words)


@register.filter
def last_answer(delivery: Delivery) -> SafeString:
    """Of the newest attempt; the attempts are fetched before."""
    attempts = sorted(delivery.attempts.all(), key=lambda one: one.pk)
    return attempt_answer(attempts[-1]) if attempts else SafeString("—")


@register.filter
def attempt_answer(attempt: DeliveryAttempt) -> SafeString:
    """ "200 in 31 ms", or why there was no answer."""
    if attempt.status is None:
        return format_html('<span class="answer-none">{}</span>', attempt.error)
    return format_html(
        '<span class="num">{} <span class="quiet">in {} ms</span></span>',
        attempt.status,
        attempt.duration_milliseconds,
    )

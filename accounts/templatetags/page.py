"""Icons and times, as every page shows them."""

import json
from datetime import UTC, datetime

from django import template
from django.core.serializers.json import DjangoJSONEncoder
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

register = template.Library()


@register.simple_tag
def icon(name: str, extra: str = "") -> SafeString:
    """A picture of the page's own sprite; a word always stands beside it."""
    return format_html(
        '<svg class="icon{}" aria-hidden="true"><use href="#{}"/></svg>',
        f" {extra}" if extra else "",
        name,
    )


@register.filter
def ago(at: datetime | None) -> SafeString:
    """How long ago, or in how long, with the exact time in the title."""
    return _time(at, _relative(at, timezone.now())) if at else SafeString("")


@register.filter
def clock(at: datetime | None) -> SafeString:
    """Hours, minutes and seconds, UTC."""
    return _time(at, f"{at.astimezone(UTC):%H:%M:%S}") if at else SafeString("")


@register.filter
def day(at: datetime | None) -> SafeString:
    return _time(at, f"{at.day} {at:%b %Y}") if at else SafeString("")


@register.filter
def moment(at: datetime | None) -> SafeString:
    """Day and time, UTC: a line of a ledger."""
    return _time(at, f"{at.day} {at:%b, %H:%M:%S}") if at else SafeString("")


@register.filter
def exact(at: datetime | None) -> SafeString:
    """All of it: "1 Jun 2026, 12:00:03 UTC"; for a sheet of paper."""
    return _time(at, f"{at.day} {at:%b %Y, %H:%M:%S} UTC") if at else SafeString("")


@register.filter
def parsed(at: datetime | str | None) -> datetime | None:
    """A time as the API writes it, or one that is a time already."""
    return datetime.fromisoformat(at) if isinstance(at, str) else at


@register.filter
def as_json(value: object) -> str:
    """For an attribute that a script reads; Django escapes it as any other text."""
    return json.dumps(value, cls=DjangoJSONEncoder)


@register.filter
def initials(name: str) -> str:
    words = name.split("@")[0].replace(".", " ").split()
    return "".join(word[0] for word in words[:2]).upper()


@register.filter
def spell_seconds(seconds: float) -> str:
    """ "0.4 s", "8 s", "1 min 52 s", "2 h 5 min"."""
    whole = round(seconds)
    if whole < 1:
        return f"{seconds:.1f} s"
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    if minutes < 60:
        return f"{minutes} min {rest} s" if rest else f"{minutes} min"
    return f"{minutes // 60} h {minutes % 60} min"


def _time(at: datetime, text: str) -> SafeString:
    at = at.astimezone(UTC)
    return format_html(
        '<time datetime="{}" title="{} UTC">{}</time>',
        f"{at:%Y-%m-%dT%H:%M:%SZ}",
        f"{at:%Y-%m-%d %H:%M:%S}",
        text,
    )


def _relative(at: datetime, now: datetime) -> str:
    past, distance = at <= now, abs((now - at).total_seconds())
    if distance < 45:
        return "just now" if past else "now"
    if distance < 3600:
        text = f"{max(1, round(distance / 60))} min"
    elif distance < 86_400:
        text = f"{round(distance / 3600)} h"
    elif distance < 2 * 86_400:
        return "yesterday" if past else "tomorrow"
    elif distance < 7 * 86_400:
        text = f"{int(distance / 86_400)} days"
    else:
        return f"{at.day} {at:%b}" if at.year == now.year else f"{at.day} {at:%b %Y}"
    return f"{text} ago" if past else f"in {text}"

"""The amounts and times of a bill: exact and whole, as the API writes them."""

from datetime import UTC, datetime

from django import template

register = template.Library()
MINUS = "\N{MINUS SIGN}"


@register.filter
def dollars(amount: str | None) -> str:
    """The API's decimal text, not a digit changed: "$0.4516", "−$0.4516"; a dash for None."""
    if amount is None:
        return "—"
    return f"{MINUS}${amount[1:]}" if amount.startswith("-") else f"${amount}"


@register.filter
def change(amount: str) -> str:
    """A movement with its sign, and a dash when nothing moved."""
    if not amount.strip("-0."):
        return "—"
    return dollars(amount) if amount.startswith("-") else f"+${amount}"


@register.filter
def utc(at: str | None) -> str:
    """The API's moment for people: "1 Jun 2026, 12:00:03 UTC"; a dash for None."""
    if at is None:
        return "—"
    moment = datetime.fromisoformat(at).astimezone(UTC)
    return f"{moment.day} {moment:%b %Y, %H:%M:%S} UTC"


@register.filter
def clock_utc(at: str) -> str:
    """ "14:47 UTC": for what ends soon. It is cut, never rounded up."""
    return f"{datetime.fromisoformat(at).astimezone(UTC):%H:%M} UTC"

"""Amounts as people read them: exact, signed, the digits below a cent quieter."""

from decimal import ROUND_CEILING, Decimal

from django import template
from django.template import Context
from django.utils.html import format_html
from django.utils.safestring import SafeString

from billing import balances
from seedance_saas.api import usd

register = template.Library()
MINUS = "\N{MINUS SIGN}"


@register.filter
def money(amount: int | str) -> SafeString:
    """Micro-dollars, or the API's decimal text, with all its places: $2.41 and a quiet 92."""
    dollars = _dollars(amount)
    whole, _, places = f"{abs(dollars):,.6f}".partition(".")
    sign = MINUS if dollars < 0 else ""
    quiet = places[2:4] + places[4:].rstrip("0")
    return format_html(
        '<span class="money">{}${}.{}<small>{}</small></span>', sign, whole, places[:2], quiet
    )


@register.filter
def signed(amount: int | str) -> SafeString:
    """A change: it shows its sign, and a dash when nothing changed."""
    dollars = _dollars(amount)
    if not dollars:
        return SafeString("—")
    shown = money(amount)
    return shown if dollars < 0 else SafeString(shown.replace("$", "+$", 1))


@register.filter
def round_money(amount: int | str) -> SafeString:
    """In whole cents when it is whole cents, else with all its places."""
    dollars = _dollars(amount)
    if dollars != dollars.quantize(Decimal("0.01")):
        return money(amount)
    sign = MINUS if dollars < 0 else ""
    return format_html('<span class="money">{}${}</span>', sign, f"{abs(dollars):,.2f}")


@register.filter
def at_most(amount: int | str) -> SafeString:
    """A price before the fact, rounded up to cents. It stands after the words "up to"."""
    dollars = _dollars(amount).quantize(Decimal("0.01"), ROUND_CEILING)
    return format_html('<span class="money">${}</span>', f"{dollars:,.2f}")


@register.filter
def rate(amount: int | str) -> str:
    """A price per second: at least four places."""
    whole, _, places = f"{_dollars(amount):,.6f}".partition(".")
    return f"${whole}.{places[:4]}{places[4:].rstrip('0')}"


@register.filter
def plain_money(amount: int) -> str:
    """An amount as bare text, for places that hold no markup."""
    return f"${usd(amount)}"


@register.filter
def tick_money(amount: int) -> str:
    """A round amount beside a line of a chart: "$20", "$0.50", "$1,500"."""
    dollars = _dollars(amount)
    if dollars == dollars.to_integral_value():
        return f"${dollars:,.0f}"
    whole, _, places = usd(amount).rstrip("0").partition(".")
    return f"${whole}.{places:0<2}"


@register.filter
def grouped(number: int) -> str:
    return f"{number:,}"


@register.filter
def share(part: int, whole: int | None) -> str:
    """How much of a bar a part takes, in percent with two places, at most all of it."""
    if not whole or whole < 0:
        return "0"
    hundredths = min(10_000, part * 10_000 // whole)
    return f"{hundredths // 100}.{hundredths % 100:02d}"


@register.simple_tag(takes_context=True)
def balance(context: Context) -> balances.Balance | None:
    """What the organization in view has now, as the page says it elsewhere if it does."""
    if not (membership := context.get("membership")):
        return None
    said: balances.Balance | None = context.get("balance_now")
    return said or balances.of(membership.organization)


def _dollars(amount: int | str) -> Decimal:
    return Decimal(amount) / 1_000_000 if isinstance(amount, int) else Decimal(amount)

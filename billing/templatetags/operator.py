"""What only the operator's pages show: cents, and objects of Stripe's."""

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString

from billing.stripe_gateway import dashboard
from billing.templatetags.money import money, round_money

register = template.Library()


@register.filter
def cents(amount: int | None) -> SafeString:
    """An amount of Stripe's; a dash where there is none yet."""
    return SafeString("—") if amount is None else round_money(amount * 10_000)


@register.filter
def some_money(amount: int) -> SafeString:
    """Micro-dollars; a dash for nothing."""
    return money(amount) if amount else SafeString("—")


@register.filter
def at_stripe(stripe_id: str) -> SafeString:
    """The id of an object of Stripe's, a link to its page in Stripe's dashboard if it has one."""
    if not stripe_id:
        return SafeString("—")
    if url := dashboard.url_of(stripe_id):
        return format_html(
            '<a class="mono break" href="{}" rel="noreferrer">{}</a>', url, stripe_id
        )
    return format_html('<span class="mono break">{}</span>', stripe_id)

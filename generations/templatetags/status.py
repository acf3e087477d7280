"""What was measured of a model, in one cell."""

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString

from accounts.templatetags.page import spell_seconds
from generations.service_status import Measured

register = template.Library()


@register.simple_tag
def measured(window: Measured | None) -> SafeString:
    """ "99.2 % came out", and under it the two times with their medians and 95th percentiles."""
    if window is None:
        return format_html('<span class="quiet">{}</span>', "no data")
    return format_html(
        "<strong>{}&nbsp;%</strong> came out<small>queue {}, {}</small><small>made in {}, {}</small>",
        f"{int(window.percent * 10) / 10:.1f}",
        *map(spell_seconds, (*window.queued, *window.rendered)),
    )

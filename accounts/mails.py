"""Mails: text, and the same in simple HTML. Sent by tasks, never in a request."""

from typing import Any

from django.core.mail import EmailMultiAlternatives, get_connection
from django.template.loader import render_to_string

from accounts.models import Organization, Role


def send(
    organization: Organization, roles: set[Role], template: str, context: dict[str, Any]
) -> int:
    """`mails/<template>.txt` and `.html` to each active person with one of the roles, one mail each; how many.

    `context` has `subject`. Raises what the mail server says, and then some may have been sent.
    """
    context = {"organization": organization, **context}
    text = render_to_string(f"mails/{template}.txt", context)
    html = render_to_string(f"mails/{template}.html", context)
    addresses = organization.memberships.filter(role__in=roles, user__is_active=True).order_by("id")
    messages = []
    for address in addresses.values_list("user__email", flat=True):
        message = EmailMultiAlternatives(context["subject"], text, to=[address])
        message.attach_alternative(html, "text/html")
        messages.append(message)
    return get_connection().send_messages(messages) or 0


def send_one(address: str, template: str, context: dict[str, Any]) -> None:
    """`mails/<template>.txt` and `.html` to one address. `context` has `subject`.

    Raises what the mail server says.
    """
    message = EmailMultiAlternatives(
        context["subject"], render_to_string(f"mails/{template}.txt", context), to=[address]
    )
    message.attach_alternative(render_to_string(f"mails/{template}.html", context), "text/html")
    message.send()

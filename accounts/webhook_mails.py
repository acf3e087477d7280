"""What is said of webhook endpoints by mail."""

from django.conf import settings
from django.core.mail import EmailMultiAlternatives

from accounts import mails, roles
from accounts.models import WebhookEndpoint


def endpoint_disabled(endpoint_id: str) -> list[EmailMultiAlternatives]:
    """To everybody who may enable it again. Nobody, if it was enabled meanwhile."""
    rows = WebhookEndpoint.objects.select_related("organization").filter(pk=endpoint_id)
    endpoint = rows.first()
    if not endpoint or not endpoint.disabled_at or endpoint.deleted_at:
        return []
    headline = "A webhook endpoint was switched off"
    context = {
        "subject": f"{headline} ({endpoint.organization.name})",
        "headline": headline,
        "sentence": f"We send it nothing more: {endpoint.get_disabled_because_display()}.",
        "lines": [
            ("Endpoint", endpoint.url),
            ("Switched off", f"{endpoint.disabled_at:%Y-%m-%d %H:%M} UTC"),
        ],
        "url": f"{settings.PUBLIC_URL}/webhook-endpoints/{endpoint.id}",
        "link": "See what it answered, and enable it again",
        "looked_after": "keys and webhooks",
    }
    return mails.to_roles(endpoint.organization, roles.KEEPERS_OF_KEYS, "alert", context)

"""What is said of webhook endpoints by mail."""

from django.conf import settings

from accounts import mails, roles
from accounts.models import WebhookEndpoint


def endpoint_disabled(endpoint: WebhookEndpoint) -> int:
    """To everybody who may enable it again; how many. Nobody, if it was enabled meanwhile."""
    if not endpoint.disabled_at or endpoint.deleted_at:
        return 0
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
    return mails.send(endpoint.organization, roles.KEEPERS_OF_KEYS, "alert", context)

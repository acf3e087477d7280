"""What an organization is told. Publishing writes an event; nothing is sent from here."""

from typing import Any

from accounts.models import Event, Organization


def publish(organization: Organization, type: str, data: dict[str, Any]) -> None:
    """Record `type` ("generation.succeeded") for the organization, inside the caller's transaction."""
    Event.objects.create(organization=organization, type=type, data=data)

"""What the queue runs for this room."""

import json

from accounts import (
    account_mails,
    idempotency,
    invitations,
    key_sightings,
    looking,
    people,
    sessions,
    sign_in_events,
    webhook_endpoints,
    webhook_mails,
    webhooks,
)
from accounts.models import Invitation, WebhookEndpoint
from seedance_saas import shared_cache


def forget_idempotency_keys() -> None:
    idempotency.forget()


def forget_events() -> None:
    webhooks.forget()
    webhook_endpoints.forget_secrets()


def end_looks() -> None:
    looking.end_overdue()


def mail_invitation(invitation_id: str, sent_at: str) -> None:
    """A repeat, which the queue rarely makes, mails the same link again. One that was sent again has a newer task."""
    found = Invitation.objects.select_related("organization", "invited_by").filter(pk=invitation_id)
    invitation = found.first()
    if invitation and invitation.sent_at.isoformat() == sent_at:
        invitations.mail(invitation)


def forget_sessions() -> None:
    """And what was counted against guessing, when its time is over."""
    sessions.forget()
    shared_cache.forget()


def send_account_mail(name: str, email: str, fields: str) -> None:
    account_mails.send(name, email, json.loads(fields))


def send_reset_mail(email: str) -> None:
    people.send_reset_mail(email)


def note_failed_sign_in(email: str, address: str) -> None:
    sign_in_events.note_failure(email, "password", address or None)


def forget_key_sightings() -> None:
    key_sightings.forget()


def tell_endpoint_disabled(endpoint_id: str) -> None:
    webhook_mails.endpoint_disabled(
        WebhookEndpoint.objects.select_related("organization").get(pk=endpoint_id)
    )
